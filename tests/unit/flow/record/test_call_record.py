"""The terminal entry tells all of what happened, and nothing that did not."""

import asyncio
import json

import pytest

from extproc.model.errors import ProtocolViolation, ResponseBrokenOff
from extproc.model.masking import Side
from extproc.wire.events import ResponseTrailersReceived
from tests.unit.flow.dialogue import (
    NOW,
    MemoryRecorder,
    ScriptedEngine,
    ScriptedPeer,
    answers,
    asks,
    claims,
    headers,
    make_services,
    play,
    returns,
    sends,
)

CARD, SSN = "4111 1111 1111 1111", "219-09-9999"
JSON = {"content_type": "application/json"}
MASKED = {"connections.crm.masking": {"response": [{"entity": "*"}]}}
OPEN = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}'
CALL = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search","arguments":{"q":"hello"}}}'


def found(entry):
    return {(each.side, each.entity, each.path) for each in entry.findings}


@pytest.mark.parametrize("rules", [[], [{"entity": "*"}]], ids=["request as it came", "request masked"])
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_findings_of_both_sides_are_kept_and_told_apart(tmp_path, rules, streams):
    """A card in the request is not lost because the response has a number, and each says where it was."""
    changes = {"connections.crm.masking": {"request": rules, "response": [{"entity": "*"}]}}
    services = make_services(tmp_path, changes=changes)
    body = json.dumps({"ssn": SSN}).encode()
    answer = (
        [answers(content_type="application/x-ndjson"), returns(body + b"\n")]
        if streams
        else [answers(), returns(body)]
    )
    await play(services, asks("POST", "/customers", **JSON), sends(json.dumps({"card": CARD}).encode()), *answer)
    expected = {(Side.REQUEST, "CREDIT_CARD", "$.card"), (Side.RESPONSE, "US_SSN", "$.ssn")}
    assert found(services.recorder.last) == expected
    [decided] = [each for each in services.recorder.entries if each.kind == "call.decided"]
    assert found(decided) == {(Side.REQUEST, "CREDIT_CARD", "$.card")}


async def test_findings_in_the_url_are_kept_where_the_body_is_masked(tmp_path):
    """Policy saw both, and so does an analyst."""
    changes = {"connections.crm.masking": {"request": [{"path": "$.name"}]}}
    services = make_services(tmp_path, changes=changes)
    request = asks("POST", "/customers?mail=ada@example.com", **JSON)
    await play(services, request, sends(b'{"name":"Ada"}'), answers(end=True))
    assert {(entity, path) for _, entity, path in found(services.recorder.last)} == {
        ("FIELD", "$.name"),
        ("EMAIL_ADDRESS", "$"),
    }


async def test_the_same_path_on_both_sides_is_two_findings(tmp_path):
    services = make_services(tmp_path, changes=MASKED)
    body = json.dumps({"ssn": SSN}).encode()
    await play(services, asks("POST", "/customers", **JSON), sends(body), answers(), returns(body))
    assert found(services.recorder.last) == {(side, "US_SSN", "$.ssn") for side in (Side.REQUEST, Side.RESPONSE)}


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_a_trailer_that_cannot_be_masked_breaks_a_response_off_that_has_begun(tmp_path, streams):
    """The body has gone: there is no answer to give, and the record does not say that one was given."""
    services = make_services(tmp_path, changes=MASKED)
    peer = ScriptedPeer()
    events = [
        asks(),
        answers(content_type="application/x-ndjson" if streams else "application/json"),
        returns(b'{"a":1}\n', end=False),
        ResponseTrailersReceived(headers(**{f"x_{SSN}": "1"})),
    ]
    with pytest.raises(ResponseBrokenOff):
        await play(services, *events, peer=peer)
    assert peer.refusals == []
    assert ("resp", "done") not in peer.marks()[2:]
    last = services.recorder.last
    assert (last.kind, last.reason, last.status) == ("call.failed", "response-abandoned", 200)
    assert SSN not in repr(services.recorder.entries)


async def test_a_header_field_that_cannot_be_masked_is_refused_before_the_first_byte(tmp_path):
    """The same trouble while nothing has gone is an answer to the caller."""
    services = make_services(tmp_path, changes=MASKED)
    peer = await play(services, asks(), answers(**{f"x_{SSN}": "1"}), returns(b"{}"))
    assert len(peer.refusals) == 1
    last = services.recorder.last
    assert (last.reason, last.status, last.rule) == ("masking-failed", 502, "masking.headers")


async def test_a_call_with_another_callers_session_is_recorded_with_its_arguments(tmp_path):
    """It is the very call that an analyst wants to read."""
    services = make_services(tmp_path)
    mcp = ("POST", "/mcp", "docs.internal")
    peer = await play(
        services, asks(*mcp, **JSON), sends(OPEN), answers(mcp_session_id="server-1"), returns(b"{}")
    )
    bound = peer.delivered_headers["mcp-session-id"].decode()
    await play(services, asks(*mcp, metadata=claims(sub="mallory"), mcp_session_id=bound, **JSON), sends(CALL))
    last = services.recorder.last
    assert (last.reason, last.rule) == ("unknown-session", "session")
    assert json.loads(last.arguments) == {"q": "hello"}
    assert last.path == "/mcp"


async def test_a_session_is_named_where_the_tool_is_unknown_too(tmp_path):
    """A session id that is sensitive by itself is kept nowhere, whatever the call comes to."""
    changes = {"connections.docs.session_header": "x-session-id"}
    services = make_services(tmp_path, changes=changes)
    unknown = CALL.replace(b'"search"', b'"nosuch"')
    await play(services, asks("POST", "/mcp", "docs.internal", x_session_id=SSN, **JSON), sends(unknown))
    last = services.recorder.last
    assert last.reason == "unknown-function"
    assert last.session
    assert SSN not in repr(services.recorder.entries)


async def test_a_caller_that_leaves_during_a_stream_is_recorded_with_the_status_that_it_saw(tmp_path):
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "allow"}))
    peer = ScriptedPeer().say(
        asks(), answers(content_type="text/event-stream"), returns(b"data: 1\n\n", end=False)
    )
    task = asyncio.create_task(play(services, peer=peer))
    async with asyncio.timeout(20):
        while len(peer.sent) < 3:
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    last = services.recorder.last
    assert (last.kind, last.reason, last.status) == ("call.failed", "caller-gone", 200)


class SlowDisk(MemoryRecorder):
    """Takes eleven seconds to store the intent."""

    late_ns = 0

    async def record(self, entry):
        await super().record(entry)
        self.late_ns = 11 * 10**9


async def test_a_permit_that_expires_before_it_is_used_forwards_nothing_and_says_so(tmp_path):
    """The worker stalled between the grant and the message to Envoy."""
    recorder = SlowDisk()
    services = make_services(tmp_path, recorder=recorder, clock=lambda: NOW + recorder.late_ns)
    peer = ScriptedPeer()
    with pytest.raises(ProtocolViolation, match="expired"):
        await play(services, asks(), peer=peer)
    assert not peer.is_forwarded
    last = recorder.last
    assert (last.kind, last.reason, last.detail) == ("call.denied", "guard-error", "the permit has expired")
