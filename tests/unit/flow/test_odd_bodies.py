"""Odd but common bodies through the flow: the caller, the record and both doors learn which they are."""

import gzip
import json

import pytest

from extproc.model.odd_bodies import REMEDIES, Odd
from extproc.model.reasons import Uninspectable
from extproc.policy.contract.uninspectable_reads import NONE_READ
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends
from tests.unit.flow.test_check import decide, guards

SSN = "219-09-9999"
ALLOW = {"action": "allow", "rule": "ok"}
REFUSED = {"action": "deny", "reason": "uninspectable", "rule": "odd"}
JSON = {"content_type": "application/json"}
MARK = b"\xef\xbb\xbf"

ODD = [
    (JSON, b'{"a": NaN}', Odd.NAN.value),
    (JSON, rb'{"a": "\ud83d"}', Odd.LONE_SURROGATE.value),
    (JSON, b'{"a": 1e-400}', Odd.NUMBER.value),
    (JSON, rb'{"amount": 1, "amount\u0000": 2}', Odd.NUL_KEY.value),
    (JSON, b'{"a": 1, "A": 2}', Odd.SIMILAR_KEY.value),
    (JSON, '{"a": 1}'.encode("utf-16"), Odd.UTF16.value),
    (JSON, b"{", REMEDIES[Uninspectable.NOT_JSON]),
    ({"content_type": "application/xml"}, b"<a/>", REMEDIES[Uninspectable.CONTENT_TYPE]),
]


@pytest.mark.parametrize(("fields", "body", "line"), ODD)
async def test_the_caller_and_the_record_learn_which_body_it_is(tmp_path, fields, body, line):
    services = make_services(tmp_path, engine=ScriptedEngine(REFUSED))
    peer = await play(services, asks("POST", "/customers", **fields), sends(body))
    assert json.loads(peer.refusal.body)["detail"] == line
    assert services.recorder.last.detail == line


@pytest.mark.parametrize(("fields", "body", "line"), ODD)
async def test_so_do_they_where_policy_is_not_asked(tmp_path, fields, body, line):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW, reads=NONE_READ))
    peer = await play(services, asks("POST", "/customers", **fields), sends(body))
    assert json.loads(peer.refusal.body)["detail"] == line
    assert line in services.recorder.last.detail


@pytest.mark.parametrize(("fields", "body", "line"), ODD)
async def test_so_does_a_caller_at_the_door_that_only_decides(tmp_path, fields, body, line):
    services = guards(tmp_path, REFUSED)
    answer = await decide(services, asks("POST", "/customers", **fields), body)
    assert json.loads(answer.denied_response.body)["detail"] == line
    assert services.recorder.last.detail == line


async def test_a_denial_for_another_reason_says_nothing_of_the_body(tmp_path):
    denied = {"action": "deny", "reason": "not-in-scope", "rule": "x"}
    peer = await play(
        make_services(tmp_path, engine=ScriptedEngine(denied)), asks("POST", "/customers", **JSON), sends(b"[NaN]")
    )
    assert "detail" not in json.loads(peer.refusal.body)


@pytest.mark.parametrize(
    ("fields", "body", "line"),
    [
        (JSON, b'{"a": NaN}', Odd.NAN.value),
        ({"content_type": "application/xml"}, b"<a/>", Odd.XML.value),
        ({"content_type": "application/yaml"}, b"a: b", Odd.YAML.value),
        ({**JSON, "content_encoding": "compress"}, b"abc", Odd.UNKNOWN_CODING.value),
        ({**JSON, "content_encoding": "gzip"}, b"abc", Odd.DAMAGED_CODING.value),
        ({**JSON, "content_encoding": "gzip, br"}, b"abc", Odd.SEVERAL_CODINGS.value),
    ],
)
async def test_the_record_says_which_body_a_response_has(tmp_path, fields, body, line):
    """The caller learns nothing of it: the body is the backend's."""
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW))
    peer = await play(services, asks(), answers(**fields), returns(body))
    assert peer.refusal.status == 502
    assert "detail" not in json.loads(peer.refusal.body)
    assert services.recorder.last.detail.endswith(line)


async def test_policy_and_the_backend_read_a_body_behind_a_byte_order_mark(tmp_path):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW))
    peer = await play(services, asks("POST", "/customers", **JSON), sends(MARK + b'{"a": 1}'), answers(end=True))
    [asked] = services.engine.asked
    assert asked["call"]["arguments"] == {"a": 1}
    assert peer.request_body_is_untouched


async def test_a_response_behind_a_byte_order_mark_is_masked(tmp_path):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW))
    peer = await play(services, asks(), answers(), returns(MARK + b'{"ssn": "219-09-9999"}'))
    assert peer.delivered == MARK + b'{"ssn": "[US_SSN]"}'


@pytest.mark.parametrize("body", [b"", gzip.compress(b"")])
async def test_an_empty_gzip_body_passes_empty(tmp_path, body):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW))
    asked = asks("POST", "/customers", **JSON, content_encoding="gzip")
    peer = await play(services, asked, sends(body), answers(content_encoding="gzip"), returns(body))
    assert not peer.refusals
    assert peer.delivered == b""
    assert "uninspectable" not in services.engine.asked[0]["body"]


TEXT_TYPES = {"text_types": ["application/xml", "application/yaml"], "request": [{"entity": "*"}]}


async def test_types_that_are_text_by_the_setting_are_masked_both_ways(tmp_path):
    changes = {"connections.crm.masking": TEXT_TYPES}
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=changes)
    xml = {"content_type": "application/xml; charset=utf-8"}
    peer = await play(
        services,
        asks("POST", "/customers", **xml),
        sends(b"<ssn>219-09-9999</ssn>"),
        answers(**xml),
        returns(b"<ssn>219-09-9999</ssn>"),
    )
    assert SSN not in peer.transcript
    assert peer.delivered == b"<ssn>[US_SSN]</ssn>"
    assert SSN not in repr(services.recorder.entries)
