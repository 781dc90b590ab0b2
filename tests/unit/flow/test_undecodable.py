"""Bodies that nobody can read, and streams of lines."""

import json

import pytest

from extproc.model.call import Headers
from extproc.model.entries import EntryKind
from extproc.model.errors import ResponseBrokenOff, Undecodable
from extproc.wire.events import ResponseTrailersReceived
from tests.support.maskers import FaultyMasker, make_masker
from tests.unit.flow.dialogue import (
    ScriptedEngine,
    answers,
    asks,
    make_services,
    play,
    returns,
    sends,
)


def everything_kept(services):
    return repr(services.recorder.entries)


SSN = "219-09-9999"
ALL = [{"entity": "*"}]
ALLOW = {"action": "allow", "reason": "policy-allowed", "rule": "test"}


def services_with(tmp_path, undecodable, *, request=(), response=ALL, credential=None, masker=None):
    changes = {
        "connections.crm.masking": {"request": list(request), "response": response, "undecodable": undecodable}
    }
    if credential:
        (tmp_path / "secret").write_text(credential)
        changes["connections.crm.credential"] = {"file": str(tmp_path / "secret")}
    return make_services(tmp_path, engine=ScriptedEngine(ALLOW), masker=masker, changes=changes)


BINARY = [
    ({"content_type": "application/octet-stream"}, b"\x00\x01 219-09-9999"),
    ({"content_encoding": "compress"}, b"219-09-9999"),
    ({}, b'{"broken": "219-09-9999"'),
    ({}, b'{"a": 1, "a": "219-09-9999"}'),
    ({"content_type": "text/plain; charset=utf-16"}, b"\xff\xfe219-09-9999"),
]


@pytest.mark.parametrize(("fields", "body"), BINARY)
async def test_a_response_that_cannot_be_read_passes_where_the_connection_says_so(tmp_path, fields, body):
    """As it came, told in the record, and not kept."""
    services = services_with(tmp_path, "pass-unmasked")
    peer = await play(services, asks(), answers(**fields), returns(body))
    assert not peer.refusals
    assert peer.response_body_is_untouched
    assert services.recorder.last.kind is EntryKind.COMPLETED
    assert [(each.entity, each.how) for each in services.recorder.last.findings] == [
        ("UNDECODABLE", "pass-unmasked")
    ]
    assert SSN not in everything_kept(services)


@pytest.mark.parametrize(("fields", "body"), BINARY)
async def test_a_response_that_cannot_be_read_is_refused_otherwise(tmp_path, fields, body):
    peer = await play(services_with(tmp_path, "deny"), asks(), answers(**fields), returns(body))
    assert peer.refusal.status == 502
    assert SSN.encode() not in peer.refusal.body


async def test_the_credential_does_not_pass_with_an_unreadable_response(tmp_path):
    services = services_with(tmp_path, "pass-unmasked", credential="backend-secret-0123456789")
    body = b"\x00backend-secret-0123456789\xff"
    peer = await play(services, asks(), answers(content_type="application/octet-stream"), returns(body))
    assert peer.delivered == b"\x00[CREDENTIAL]\xff"


async def test_a_detector_that_fails_denies_nevertheless(tmp_path):
    services = services_with(tmp_path, "pass-unmasked", masker=make_masker(kind=FaultyMasker).fail("mask"))
    peer = await play(services, asks(), answers(), returns(b"{}"))
    assert peer.refusal.status == 502


@pytest.mark.parametrize("note", ['{"a":1,"a":"\\u0041"}', "[" * 70 + "]" * 70, '{"ssn": 1, "ssn": 2}'])
async def test_an_unreadable_string_does_not_unmask_the_rest_of_its_document(tmp_path, note):
    """Otherwise a caller who stores a note could unmask it for others."""
    body = json.dumps({"ssn": SSN, "note": note}).encode()
    rules = [{"path": "$.ssn"}, {"path": "$..ssn"}, *ALL]
    peer = await play(services_with(tmp_path, "pass-unmasked", response=rules), asks(), answers(), returns(body))
    assert peer.refusals or SSN.encode() not in peer.delivered != b""


REQUESTS = [
    ({"content_type": "application/json"}, b'{"a": '),
    ({"content_type": "application/octet-stream"}, b"\x00\x01"),
    ({"content_type": "application/json", "content_encoding": "compress"}, b"abc"),
]


@pytest.mark.parametrize(("fields", "body"), REQUESTS)
async def test_a_request_that_policy_allows_passes_as_it_came(tmp_path, fields, body):
    services = services_with(tmp_path, "pass-unmasked", request=ALL)
    peer = await play(services, asks("POST", "/customers", **fields), sends(body), answers(end=True))
    assert not peer.refusals
    assert peer.request_body_is_untouched
    assert ("content-encoding" in peer.upstream_removed) is ("content_encoding" not in fields)
    assert ("UNDECODABLE", "pass-unmasked") in [
        (each.entity, each.how) for each in services.recorder.last.findings
    ]


@pytest.mark.parametrize(("fields", "body"), REQUESTS)
async def test_a_request_that_cannot_be_read_is_refused_otherwise(tmp_path, fields, body):
    services = services_with(tmp_path, "deny", request=ALL)
    peer = await play(services, asks("POST", "/customers", **fields), sends(body))
    assert peer.refusal.reason == "masking-failed"


async def test_a_body_in_an_unknown_encoding_is_not_forwarded_as_an_empty_one(tmp_path):
    """Without a rule, too."""
    fields = {"content_type": "application/json", "content_encoding": "compress"}
    peer = await play(services_with(tmp_path, "deny"), asks("POST", "/customers", **fields), sends(b"abc"))
    assert peer.refusal.reason == "masking-failed"


@pytest.mark.parametrize("undecodable", ["deny", "pass-unmasked"])
@pytest.mark.parametrize(
    ("path", "rules"),
    [("/customers?ssn=219-09-9999", ALL), ("/customers?q=1", [{"path": "$.q"}])],
)
async def test_a_url_that_needs_masking_refuses_the_call_beside_any_body(tmp_path, undecodable, path, rules):
    """The arguments are not known one by one when the body is not JSON."""
    services = services_with(tmp_path, undecodable, request=rules)
    form = "application/x-www-form-urlencoded"
    for content_type, body in ((form, b"a=1"), ("application/octet-stream", b"\x00")):
        peer = await play(services, asks("POST", path, content_type=content_type), sends(body))
        assert peer.refusal.reason == "masking-failed"


@pytest.mark.parametrize(("path", "passes"), [("$.a", False), ("$.b", True)])
async def test_a_body_that_only_the_masker_cannot_read_is_refused_where_a_field_is_to_be_masked(
    tmp_path, path, passes
):
    """Policy saw its members, and they would go as they came."""
    body = '{"a": "y"}'
    masker = make_masker(kind=FaultyMasker).fail("mask", body, Undecodable("in no way"))
    services = services_with(tmp_path, "pass-unmasked", request=[{"path": path}], masker=masker)
    asked = asks("POST", "/customers", content_type="application/json")
    peer = await play(services, asked, sends(body.encode()), answers(end=True))
    assert passes or peer.refusal.reason == "masking-failed"
    assert (not peer.refusals) is passes


async def test_a_form_is_masked_on_its_way(tmp_path):
    services = services_with(tmp_path, "deny", request=ALL)
    form = "application/x-www-form-urlencoded"
    body = b"ssn=219-09-9999&id=7"
    peer = await play(services, asks("POST", "/customers", content_type=form), sends(body), answers(end=True))
    assert peer.upstream_body == b"ssn=%5BUS_SSN%5D&id=7"
    assert SSN not in everything_kept(services)


LINES = "application/x-ndjson"


async def test_lines_are_masked_one_by_one(tmp_path):
    """A whole line goes at once; the rest waits, the last one needs no end."""
    services = make_services(tmp_path)
    peer = await play(
        services,
        asks(),
        answers(content_type=LINES),
        returns(b'{"a": "219-09', end=False),
        returns(b'-9999"}\n{"b":', end=False),
        returns(b" 1}", end=True),
    )
    assert peer.delivered_pieces == [b"", b'{"a": "[US_SSN]"}\n', b'{"b": 1}']
    assert services.recorder.last.response == '{"a": "[US_SSN]"}\n{"b": 1}'
    assert SSN not in everything_kept(services)


async def test_a_line_that_trailers_cut_off_breaks_the_stream(tmp_path):
    """Envoy takes no more of a body then, and a caller must not take the rest for the whole."""
    services = make_services(tmp_path)
    with pytest.raises(ResponseBrokenOff):
        await play(
            services,
            asks(),
            answers(content_type=LINES),
            returns(b'{"a": 1}\n{"b": 2}', end=False),
            ResponseTrailersReceived(Headers(())),
        )
    assert services.recorder.last.kind is EntryKind.FAILED
