"""A caller who knows the backend's credential writes it into a call: it is not kept, and approvers do not see it."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends

SECRET = "never-kept-9f8e7d6c/+"
BASE64 = base64.b64encode(f"key: {SECRET} ".encode()).decode()
TRACES = ("never-kept", BASE64[10:30])
ALLOW = {"action": "allow", "reason": "policy-allowed", "rule": "test"}
DENY = {"action": "deny", "reason": "policy-denied", "rule": "test"}
HOLD = {"action": "hold", "reason": "high-risk", "approval": {"groups": ["sre"], "expires_in": "0.1s"}}
BODIES = [
    json.dumps({"key": SECRET}),
    json.dumps({SECRET: 1, "deep": [f"my key is {SECRET}."]}),
    json.dumps({"inner": json.dumps({"key": SECRET})}).replace("/", "\\/"),
    json.dumps({"data": BASE64}),
    json.dumps({SECRET: "219-09-9999"}),
    '{"key": "' + "".join(f"\\u{ord(char):04x}" for char in SECRET) + '"}',
    f"no json: {SECRET}",
]


def kept(services):
    return repr(services.recorder.entries) + repr(services.approvals.recent(pending_only=False, limit=100))


@pytest.mark.parametrize("answer", [ALLOW, DENY, HOLD], ids=["allowed", "denied", "held"])
async def test_the_backends_credential_in_a_call_is_kept_nowhere(tmp_path, answer):
    (tmp_path / "secret").write_text(SECRET + "\n")
    changes = {"connections.crm.credential": {"file": str(tmp_path / "secret")}}
    services = make_services(tmp_path, engine=ScriptedEngine(answer), changes=changes)
    for body in BODIES:
        for path in ("/customers", f"/customers?key={quote(SECRET)}", f"/{quote(SECRET, safe='')}"):
            asked = asks("POST", path, content_type="application/json")
            await play(services, asked, sends(body.encode()), answers(end=True))
    assert services.recorder.entries
    assert [trace for trace in TRACES if trace in kept(services)] == []
    assert answer is DENY or "[CREDENTIAL]" in kept(services)


@pytest.mark.parametrize("answer", [ALLOW, DENY, HOLD], ids=["allowed", "denied", "held"])
async def test_the_rest_of_a_credential_that_contains_an_entity_is_kept_nowhere(tmp_path, answer):
    secret = "bob@example.com:9c0ffee5c3f1aa77d2b4"
    (tmp_path / "secret").write_text(secret)
    changes = {"connections.crm.credential": {"file": str(tmp_path / "secret")}}
    services = make_services(tmp_path, engine=ScriptedEngine(answer), changes=changes)
    for body in (
        json.dumps({"key": secret}),
        json.dumps({secret: "219-09-9999", "deep": {f"a {secret}": "ada@b.co"}}),
    ):
        for path in ("/customers", f"/customers?key={secret}&a={secret}", f"/customers/{secret}", f"/{secret}/x"):
            asked = asks("POST", path, content_type="application/json")
            await play(services, asked, sends(body.encode()), answers(end=True))
    assert services.recorder.entries
    assert "c0ffee" not in kept(services)


async def test_the_rest_of_a_credential_that_contains_an_entity_does_not_come_back(tmp_path):
    secret = "bob@example.com:9c0ffee5c3f1aa77d2b4"
    (tmp_path / "secret").write_text(secret)
    changes = {
        "connections.crm.credential": {"file": str(tmp_path / "secret")},
        "connections.crm.masking.response": [{"entity": "*", "how": "redact"}],
    }
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=changes)
    for kind, body in (
        ("application/json", json.dumps({"you": f"sent {secret}"})),
        ("text/event-stream", f"data: you sent {secret}\n\n"),
        ("text/plain", f"you sent {secret}\n"),
    ):
        pieces = [body] if kind == "application/json" else [body[:20], body[20:]]
        events = [returns(each.encode(), end=each is pieces[-1]) for each in pieces]
        peer = await play(services, asks(), answers(content_type=kind, x_debug=secret), *events)
        assert peer.delivered_headers["x-debug"] == b"[CREDENTIAL]"
        assert peer.delivered.count(b"[CREDENTIAL]") == 1
        assert b"c0ffee" not in peer.delivered
        assert "c0ffee" not in repr(peer.delivered_headers)
    assert "c0ffee" not in kept(services)


async def test_a_call_is_recorded_when_the_credentials_file_is_missing(tmp_path):
    changes = {"connections.crm.credential": {"file": str(tmp_path / "none")}}
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=changes)
    await play(
        services, asks("POST", "/customers", content_type="application/json"), sends(b'{"a":1}'), answers(end=True)
    )
    assert services.recorder.last.reason == "credential-unavailable"
    assert services.recorder.last.arguments == '{"a":1}'


@pytest.mark.parametrize("session", ["ada@example.org", "219-09-9999", f"s-{SECRET}", "AKIAQ3EGT7XW2LPNV5RC"])
async def test_a_session_id_that_is_a_sensitive_value_is_replaced_by_a_name(tmp_path, session):
    """One name for one session, so that its calls stay together; other ids stay as they are."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    changes = {
        "connections.crm.credential": {"file": str(tmp_path / "secret")},
        "connections.crm.session_header": "x-session-id",
    }
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=changes)
    for path in ("/customers/1", "/customers/2", "/nowhere"):
        await play(services, asks(path=path, x_session_id=session), answers(end=True))
    assert session not in kept(services)
    named = {entry.session for entry in services.recorder.entries if entry.session}
    assert len(named) == 1
    await play(services, asks(path="/customers/1", x_session_id="plain-4711"), answers(end=True))
    assert services.recorder.last.session == "plain-4711"
