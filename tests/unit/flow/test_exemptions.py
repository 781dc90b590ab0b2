"""Exemptions in calls: bodies, header fields, URLs, the record, the credential."""

import asyncio
import json

import pytest

from extproc.model.entries import EntryKind
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, held, make_services, play, returns, sends

ALL = [{"entity": "*"}]
ALLOW = {"action": "allow", "reason": "policy-allowed", "rule": "test"}
OURS, THEIRS = "help@example.com", "alice@example.org"
DOMAIN = {"entity": "EMAIL_ADDRESS", "domain": "example.com", "reason": "our own addresses"}
HOW = "exempt: our own addresses"
HOLD = {"action": "hold", "reason": "high-risk", "approval": {"groups": ["sre"]}}


def services_with(tmp_path, *exempt, answer=ALLOW, credential=None, **masking):
    changes = {"connections.crm.masking": {"request": ALL, "response": ALL, "exempt": list(exempt), **masking}}
    if credential:
        (tmp_path / "secret").write_text(credential)
        changes["connections.crm.credential"] = {"file": str(tmp_path / "secret"), "header": "x-key", "prefix": ""}
    return make_services(tmp_path, engine=ScriptedEngine(answer), changes=changes)


def document(**members):
    return json.dumps(members).encode()


def found(services):
    return {(each.entity, each.path, each.how, each.side.value) for each in services.recorder.last.findings}


async def post(services, body, response=b"{}", **fields):
    ask = asks("POST", "/customers", content_type="application/json", **fields)
    return await play(services, ask, sends(body), answers(), returns(response))


async def test_both_bodies_and_the_record(tmp_path):
    services = services_with(tmp_path, DOMAIN)
    peer = await post(services, document(a=OURS, b=THEIRS), document(c=OURS, d=THEIRS))
    assert json.loads(peer.upstream_body) == {"a": OURS, "b": "[EMAIL_ADDRESS]"}
    assert json.loads(peer.delivered) == {"c": OURS, "d": "[EMAIL_ADDRESS]"}
    assert found(services) >= {
        ("EMAIL_ADDRESS", "$.a", HOW, "request"),
        ("EMAIL_ADDRESS", "$.b", "redact", "request"),
        ("EMAIL_ADDRESS", "$.c", HOW, "response"),
        ("EMAIL_ADDRESS", "$.d", "redact", "response"),
    }
    last = services.recorder.last
    assert json.loads(last.arguments) == {"a": "[EMAIL_ADDRESS]", "b": "[EMAIL_ADDRESS]"}
    assert json.loads(last.response) == {"c": "[EMAIL_ADDRESS]", "d": "[EMAIL_ADDRESS]"}
    assert OURS not in repr(services.recorder.entries)


async def test_the_session_passes_in_its_own_field(tmp_path):
    """The field's name says secret. Without the session's id neither backend nor caller could go on."""
    changes = {"connections.crm.masking": {"request": ALL}, "connections.crm.session_header": "x-session-id"}
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=changes)
    fields = {"x_session_id": "s-1", "x_other_session_id": "s-1"}
    peer = await play(services, asks(**fields), answers(**fields), returns(b"{}"))
    assert peer.upstream_headers.get("x-other-session-id") == b"[NAMED_SECRET]"
    assert "x-session-id" not in peer.upstream_headers
    assert peer.delivered_values("x-session-id") == [b"s-1"]
    assert peer.delivered_values("x-other-session-id") == [b"[NAMED_SECRET]"]
    mail = {"x_session_id": THEIRS}
    peer = await play(services, asks(**mail), answers(**mail), returns(b"{}"))
    assert peer.upstream_headers.get("x-session-id") == b"[EMAIL_ADDRESS]"
    assert peer.delivered_values("x-session-id") == [b"[EMAIL_ADDRESS]"]


async def test_the_record_shows_a_value_where_the_operator_says_so(tmp_path):
    services = services_with(tmp_path, {**DOMAIN, "record": True})
    await post(services, document(a=OURS, b=THEIRS), document(c=OURS, d=THEIRS))
    last = services.recorder.last
    assert json.loads(last.arguments) == {"a": OURS, "b": "[EMAIL_ADDRESS]"}
    assert json.loads(last.response) == {"c": OURS, "d": "[EMAIL_ADDRESS]"}


@pytest.mark.parametrize(("record", "shown"), [(False, "[EMAIL_ADDRESS]"), (True, OURS)])
async def test_approvers_see_what_the_record_does(tmp_path, record, shown):
    services = services_with(tmp_path, {**DOMAIN, "record": record}, answer=HOLD)
    task = asyncio.create_task(post(services, document(a=OURS)))
    request = await held(services)
    task.cancel()
    assert shown in request.preview


async def test_policy_sees_an_exempt_value_and_can_mask_it(tmp_path):
    answer = {**ALLOW, "mask": {"request": [{"entity": "EMAIL_ADDRESS"}], "response": [{"path": "$.c"}]}}
    services = services_with(tmp_path, DOMAIN, answer=answer)
    peer = await post(services, document(a=OURS), document(c=OURS, d=OURS))
    assert json.loads(peer.upstream_body) == {"a": "[EMAIL_ADDRESS]"}
    assert json.loads(peer.delivered) == {"c": "[REDACTED]", "d": OURS}
    assert services.engine.asked[0]["findings"] == [{"entity": "EMAIL_ADDRESS", "path": "$.a", "count": 1}]


@pytest.mark.parametrize(
    ("rule", "ours", "theirs"),
    [
        (DOMAIN, OURS, "[EMAIL_ADDRESS]"),
        ({**DOMAIN, "direction": "response"}, "[EMAIL_ADDRESS]", "[EMAIL_ADDRESS]"),
        ({**DOMAIN, "functions": ["update_customer"]}, OURS, "[EMAIL_ADDRESS]"),
        ({**DOMAIN, "functions": ["get_customer"]}, "[EMAIL_ADDRESS]", "[EMAIL_ADDRESS]"),
    ],
)
async def test_direction_and_functions(tmp_path, rule, ours, theirs):
    peer = await post(services_with(tmp_path, rule), document(a=OURS, b=THEIRS))
    assert json.loads(peer.upstream_body) == {"a": ours, "b": theirs}


FORWARDED = {"entity": "IP_ADDRESS", "path": "header.x-forwarded-for", "reason": "backends count callers"}


async def test_a_header_field_by_its_name(tmp_path):
    services = services_with(tmp_path, FORWARDED)
    peer = await post(services, document(ip="203.0.113.7"), x_forwarded_for="203.0.113.7", x_other="203.0.113.8")
    sent = dict(peer.upstream_headers)
    assert "x-forwarded-for" not in sent, "left as it came"
    assert sent["x-other"] == b"[IP_ADDRESS]"
    assert json.loads(peer.upstream_body) == {"ip": "[IP_ADDRESS]"}
    assert ("IP_ADDRESS", "header.x-forwarded-for", "exempt: backends count callers", "request") in found(services)


async def test_json_in_a_header_field_is_not_another_field(tmp_path):
    services = services_with(tmp_path, FORWARDED)
    peer = await post(services, b"{}", x_data=json.dumps({"x-forwarded-for": "203.0.113.7"}))
    assert b"203.0.113.7" not in dict(peer.upstream_headers)["x-data"]


@pytest.mark.parametrize("spelled", [OURS, "help%40example.com"])
@pytest.mark.parametrize("rule", [DOMAIN, {**DOMAIN, "path": "url"}])
async def test_a_url(tmp_path, spelled, rule):
    services = services_with(tmp_path, rule)
    peer = await play(services, asks("GET", f"/customers/{spelled}"), answers(), returns(b"{}"))
    assert not peer.refusals
    assert ("EMAIL_ADDRESS", "url", HOW, "request") in found(services)
    assert OURS not in services.recorder.last.path


@pytest.mark.parametrize(
    "path", ["/customers/alice%40example.org", "/customers/7?b=help%40example.com%2Calice%40example.org"]
)
async def test_another_value_in_a_url_refuses_the_call(tmp_path, path):
    services = services_with(tmp_path, DOMAIN)
    peer = await play(services, asks("GET", path))
    assert peer.refusals
    assert services.recorder.last.reason == "masking-failed"


async def test_an_exempt_argument_of_a_url_by_its_path(tmp_path):
    """The argument passes, but the URL is searched as a text of its own: it needs ``path: url``."""
    services = services_with(tmp_path, {**DOMAIN, "path": "$.id"})
    assert (await play(services, asks("GET", f"/customers/{OURS}"))).refusals


KEY = "AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    "rule",
    [
        {"entity": "*", "reason": "all of it"},
        {"entity": "AWS_ACCESS_KEY", "value": KEY, "reason": "a key", "record": True},
        {"entity": "AWS_ACCESS_KEY", "pattern": "AKIA[0-9A-Z]+", "reason": "a key"},
    ],
)
async def test_the_credential_never_passes(tmp_path, rule):
    services = services_with(tmp_path, rule, credential=KEY)
    peer = await play(
        services,
        asks("POST", "/customers", content_type="application/json"),
        sends(document(a=KEY)),
        answers(x_echo=KEY),
        returns(document(key=KEY, text=f"the key {KEY}")),
    )
    assert json.loads(peer.delivered) == {"key": "[CREDENTIAL]", "text": "the key [CREDENTIAL]"}
    assert KEY not in repr(peer.delivered_headers)
    assert KEY not in repr(services.recorder.entries)


FORM = {"content_type": "multipart/form-data; boundary=b"}


def form(content, kind="image/png", name="scan"):
    return (
        b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\n219-09-9999\r\n'
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\nContent-Type: %s\r\n\r\n%s\r\n--b--\r\n'
        % (name.encode(), kind.encode(), content)
    )


PICTURE = b"\x89PNG\x00\xff 219-09-9999"


@pytest.mark.parametrize(
    ("masking", "passes"),
    [
        ({}, False),
        ({"binary_parts": "pass-unmasked"}, True),
        ({"functions": {"update_customer": {"binary_parts": "pass-unmasked"}}}, True),
        ({"functions": {"get_customer": {"binary_parts": "pass-unmasked"}}}, False),
        ({"binary_parts": "pass-unmasked", "functions": {"update_customer": {"binary_parts": "deny"}}}, False),
    ],
)
async def test_parts_that_are_not_text(tmp_path, masking, passes):
    services = services_with(tmp_path, **masking)
    ask = asks("POST", "/customers", **FORM)
    peer = await play(services, ask, sends(form(PICTURE)), answers(), returns(b"{}"))
    assert (not peer.refusals) is passes
    if passes:
        assert peer.upstream_body == form(PICTURE).replace(b"219-09-9999", b"[US_SSN]", 1)
        assert ("UNDECODABLE", "$.scan", "pass-unmasked", "request") in found(services)
    else:
        assert services.recorder.last.reason == "masking-failed"


async def test_a_part_that_a_path_names_is_masked_in_any_case(tmp_path):
    services = services_with(
        tmp_path, response=[*ALL, {"path": "$.scan", "how": "partial"}], binary_parts="pass-unmasked"
    )
    peer = await play(services, asks(), answers(**FORM), returns(form(PICTURE)))
    assert b"PNG" not in peer.delivered
    assert b"[REDACTED]" in peer.delivered


async def test_parts_of_a_response_pass_and_are_not_recorded(tmp_path):
    services = services_with(tmp_path, binary_parts="pass-unmasked")
    peer = await play(services, asks(), answers(**FORM), returns(form(PICTURE)))
    assert peer.delivered == form(PICTURE).replace(b"219-09-9999", b"[US_SSN]", 1)
    assert services.recorder.last.response == ""
    assert services.recorder.last.kind is EntryKind.COMPLETED


@pytest.mark.parametrize(
    ("masking", "passes"),
    [
        ({"functions": {"get_customer": {"undecodable": "pass-unmasked"}}}, True),
        ({"functions": {"update_customer": {"undecodable": "pass-unmasked"}}}, False),
        ({"undecodable": "pass-unmasked", "functions": {"get_customer": {"undecodable": "deny"}}}, False),
    ],
)
async def test_bodies_that_cannot_be_read_by_function(tmp_path, masking, passes):
    services = services_with(tmp_path, **masking)
    peer = await play(services, asks(), answers(content_type="application/pdf"), returns(b"%PDF \x00"))
    assert (not peer.refusals) is passes
