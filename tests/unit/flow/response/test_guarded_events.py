"""The events of an MCP stream are decided one by one: the answer, and what the server asks of the client."""

import json
import re

import pytest

from extproc.model.errors import CallerGone, PolicyError, ResponseBrokenOff
from extproc.policy.contract.response_interest import ResponseInterest
from tests.unit.flow.dialogue import (
    ScriptedEngine,
    answers,
    asks,
    make_services,
    play,
    returns,
    sends,
)
from tests.unit.flow.scripted_peer import ScriptedPeer

SSE = "text/event-stream"
SSN = "219-09-9999"
CALL = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"q":"x"}}}'
NOTE = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": f"ssn {SSN}"}}
SAMPLING = {
    "jsonrpc": "2.0",
    "id": "s-1",
    "method": "sampling/createMessage",
    "params": {"maxTokens": 5, "messages": [{"role": "user", "content": {"type": "text", "text": f"ssn {SSN}"}}]},
}


def event(message, *lines):
    return b"".join(b"%s\n" % line for line in lines) + b"data: " + json.dumps(message).encode() + b"\n\n"


def result(text="done", rpc_id=7, **more):
    return {"jsonrpc": "2.0", "id": rpc_id, "result": {"content": [{"type": "text", "text": text}], **more}}


def by_direction(**decisions):
    """An engine that decides by ``input.direction``; it allows where nothing is said."""

    def answer(asked):
        found = decisions.get(asked["direction"], {"action": "allow"})
        if isinstance(found, Exception):
            raise found
        return found(asked) if callable(found) else found

    return ScriptedEngine(answer, responses=ResponseInterest.ALWAYS, decides_server_requests=True)


async def streamed(tmp_path, engine, *pieces, method="POST", changes=None, cut=0):
    """The peer and the services of a call that a stream answers, whether or not the stream was broken off."""
    services, peer = make_services(tmp_path, engine=engine, changes=changes), ScriptedPeer()
    opening = [asks(method, "/mcp", "docs.internal", content_type="application/json")]
    opening += [sends(CALL)] if method == "POST" else []
    whole = b"".join(pieces)
    parts = [whole[at : at + cut] for at in range(0, len(whole), cut)] if cut else list(pieces)
    said = [returns(part, end=at == len(parts) - 1) for at, part in enumerate(parts)]
    try:
        await play(services, *opening, answers(content_type=SSE), *said, peer=peer)
    except ResponseBrokenOff as broken:
        return services, peer, broken
    return services, peer, None


def error_in(delivered):
    return json.loads(delivered.rpartition(b"data: ")[2])


DENIED = {"action": "deny", "reason": "sensitive-data", "rule": "few-cards"}
MASKS = {"action": "allow", "mask": {"response": [{"entity": "EMAIL_ADDRESS"}]}}
NO_MASKS = {"connections.docs.masking": {"response": [{"entity": "US_SSN"}]}}


async def test_policy_sees_the_answer_and_what_comes_before_passes_masked(tmp_path):
    engine = by_direction(response=DENIED)
    services, peer, broken = await streamed(tmp_path, engine, event(NOTE), event(result("card")))
    [asked] = [each for each in engine.asked if each["direction"] == "response"]
    assert asked["response"]["body"]["result"]["content"][0]["text"] == "card"
    assert peer.delivered.startswith(event(NOTE).replace(SSN.encode(), b"[US_SSN]"))
    error = error_in(peer.delivered)
    assert (error["id"], error["error"]["data"]["reason"]) == (7, "sensitive-data")
    assert b"card" not in peer.delivered
    assert broken
    last = services.recorder.last
    assert (last.kind.value, last.reason, last.rule) == ("call.failed", "sensitive-data", "few-cards")


async def test_masks_of_the_decision_are_for_the_answer(tmp_path):
    mail = "ann@example.com"
    note = {**NOTE, "params": {"data": mail}}
    _, peer, _ = await streamed(
        tmp_path, by_direction(response=MASKS), event(note), event(result(mail)), changes=NO_MASKS
    )
    assert peer.delivered.count(mail.encode()) == 1
    assert b"[EMAIL_ADDRESS]" in peer.delivered


@pytest.mark.parametrize("fault", [PolicyError("gone"), None, {"action": "hold"}, {"action": "allow", "x": 1}])
@pytest.mark.parametrize("direction", ["response", "server"])
async def test_without_a_usable_decision_nothing_undecided_passes(tmp_path, direction, fault):
    engine = by_direction(**{direction: fault})
    services, peer, broken = await streamed(tmp_path, engine, event(NOTE), event(SAMPLING), event(result()))
    assert broken
    assert error_in(peer.delivered)["error"]["data"]["reason"] == "policy-error"
    assert b"done" not in peer.delivered
    assert (b"createMessage" in peer.delivered) is (direction == "response")
    assert services.recorder.last.reason == "policy-error"


async def test_a_request_of_the_server_is_a_question_by_its_method(tmp_path):
    engine = by_direction()
    services, peer, _ = await streamed(tmp_path, engine, event(SAMPLING), event(result()))
    [asked] = [each for each in engine.asked if each["direction"] == "server"]
    call = asked["call"]
    assert (call["name"], call["method"]) == ("sampling/createMessage", "sampling/createMessage")
    assert call["function"] == "docs.sampling/createMessage"
    assert call["arguments"] == SAMPLING["params"]
    assert peer.delivered == event(SAMPLING).replace(SSN.encode(), b"[US_SSN]") + event(result())
    last = services.recorder.last
    assert last.kind.value == "call.completed"
    assert last.detail == "server request sampling/createMessage: allow ()"


async def test_a_denied_request_of_the_server_ends_the_call_with_an_error(tmp_path):
    engine = by_direction(server={"action": "deny", "reason": "not-in-scope", "rule": "no-sampling"})
    services, peer, broken = await streamed(tmp_path, engine, event(NOTE), event(SAMPLING), event(result()))
    assert broken
    error = error_in(peer.delivered)
    assert (error["id"], error["error"]["data"]["reason"]) == (7, "not-in-scope")
    assert b"createMessage" not in peer.delivered
    assert b"done" not in peer.delivered
    last = services.recorder.last
    assert (last.reason, last.rule) == ("not-in-scope", "no-sampling")
    assert last.detail.endswith("server request sampling/createMessage: deny (no-sampling)")


async def test_a_denied_request_on_a_stream_of_its_own_is_left_out(tmp_path):
    engine = by_direction(server={"action": "deny", "reason": "not-in-scope", "rule": "no-sampling"})
    services, peer, broken = await streamed(
        tmp_path, engine, event(NOTE), event(SAMPLING), event(SAMPLING), event(NOTE), method="GET"
    )
    assert broken is None
    assert peer.delivered == event(NOTE).replace(SSN.encode(), b"[US_SSN]") * 2
    detail = services.recorder.last.detail
    assert detail.startswith("server request sampling/createMessage: deny (no-sampling) x2")
    assert SSN not in detail


@pytest.mark.parametrize("rpc_id", [8, "0x7", 7.5, True, [7], {"a": 7}])
async def test_an_answer_to_another_call_is_left_out(tmp_path, rpc_id):
    """Nobody asked about it, and its own masks are those of another function."""
    services, peer, _ = await streamed(tmp_path, by_direction(), event(result("stray", rpc_id)), event(result()))
    assert peer.delivered == event(result())
    assert services.recorder.last.detail == "left out an answer to another call"


@pytest.mark.parametrize("rpc_id", ["7", 7.0, None])
async def test_what_some_client_takes_for_the_answer_is_decided_as_the_answer(tmp_path, rpc_id):
    _, peer, broken = await streamed(tmp_path, by_direction(response=DENIED), event(result("x", rpc_id)))
    assert broken
    assert b'"text"' not in peer.delivered


INPUTS = {"a": {"method": "elicitation/create", "params": {"message": "m"}}, "b": {"method": "roots/list"}}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("denied", ["elicitation/create", "roots/list", ""])
async def test_each_request_that_a_result_asks_for_is_decided(tmp_path, stream, denied):
    engine = by_direction(server=lambda asked: {"action": "deny" if asked["call"]["name"] == denied else "allow"})
    message = result("x", resultType="input_required", inputRequests=INPUTS)
    if stream:
        _, peer, _ = await streamed(tmp_path, engine, event(message))
        got = error_in(peer.delivered)
    else:
        services = make_services(tmp_path, engine=engine)
        head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
        peer = await play(services, head, sends(CALL), answers(), returns(json.dumps(message).encode()))
        got = peer.refusals[0].document if peer.refusals else json.loads(peer.delivered)
    asked = [each["call"]["name"] for each in engine.asked if each["direction"] == "server"]
    assert asked == ["elicitation/create", "roots/list"][: 1 if denied == "elicitation/create" else 2]
    assert (got == message) is (not denied)
    assert ("error" in got) is bool(denied)


@pytest.mark.parametrize(
    "message",
    [
        result(inputrequests=INPUTS),
        result(inputRequests=[{"method": "roots/list"}]),
        result(inputRequests={"a": "roots/list"}),
        result(inputRequests={"a": {"Method": "roots/list", "method": "x"}}),
        {**SAMPLING, "result": {}},
        {**SAMPLING, "Method": "ping"},
        {**SAMPLING, "method": 1},
        {**SAMPLING, "params": []},
        {"jsonrpc": "2.0", "ID": 7, "result": {}},
        [SAMPLING],
        [NOTE, result()],
    ],
    ids=range(11),
)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_two_readers_could_take_differently_does_not_pass(tmp_path, message, stream):
    engine = by_direction()
    if stream:
        _, peer, broken = await streamed(tmp_path, engine, event(message))
        assert broken
        assert error_in(peer.delivered)["id"] == 7
    else:
        services = make_services(tmp_path, engine=engine)
        head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
        peer = await play(services, head, sends(CALL), answers(), returns(json.dumps(message).encode()))
        assert peer.refusal.reason == "response-uninspectable"
    assert not any(each["direction"] == "server" for each in engine.asked)


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
@pytest.mark.parametrize("before", [": comment", "event: x", "id: 1"])
async def test_no_message_hides_behind_a_line_end_that_some_readers_take_for_one(tmp_path, end, before):
    hidden = f"{before}{end}{end}data: {json.dumps(SAMPLING)}{end}{end}\n\n".encode()
    _, peer, _ = await streamed(tmp_path, by_direction(), event(NOTE), hidden, event(result()))
    assert b"createMessage" not in peer.delivered


async def test_such_a_line_end_in_a_text_is_a_part_of_it(tmp_path):
    message = {**NOTE, "params": {"data": "one\u2028two"}}
    told = b"data: " + json.dumps(message, ensure_ascii=False).encode() + b"\n\n"
    _, peer, _ = await streamed(tmp_path, by_direction(), told, event(result()))
    assert peer.delivered == told + event(result())


async def test_a_policy_that_says_nothing_of_servers_is_not_asked(tmp_path):
    engine = ScriptedEngine({"action": "allow"})
    _, peer, _ = await streamed(tmp_path, engine, event(SAMPLING), event(result()))
    assert [each["direction"] for each in engine.asked] == ["request"]
    assert peer.delivered == event(SAMPLING).replace(SSN.encode(), b"[US_SSN]") + event(result())


@pytest.mark.parametrize("cut", [1, 3, 17, 64])
@pytest.mark.parametrize("server", ["allow", "deny"])
async def test_how_the_stream_was_cut_makes_no_difference(tmp_path, cut, server):
    pieces = [b": hi\n", event(NOTE, b"id: 1"), b"\r\n", event(SAMPLING, b"id: 2"), event(result(), b"id: 3")]

    async def got(cut):
        folder = tmp_path / f"{cut}"
        folder.mkdir()
        engine = by_direction(server={"action": server})
        _, peer, broken = await streamed(folder, engine, *pieces, cut=cut)
        return re.sub(rb'"call_id":"[^"]+"', b"", peer.delivered), bool(broken)

    assert await got(cut) == await got(0)


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "text/plain; x=text/event-stream"])
async def test_a_get_is_answered_by_a_stream_or_not_at_all(tmp_path, content_type):
    """Some clients read every answer to a GET as a stream."""
    services = make_services(tmp_path, engine=by_direction())
    head = asks("GET", "/mcp", "docs.internal")
    peer = await play(services, head, answers(content_type=content_type), returns(event(SAMPLING)))
    assert len(peer.refusals) == 1
    assert services.recorder.last.reason == "response-uninspectable"


@pytest.mark.parametrize(("sent", "kind"), [(result("done"), "call.completed"), (NOTE, "call.failed")])
async def test_a_caller_that_has_its_answer_may_leave(tmp_path, sent, kind):
    """Clients close the stream as soon as they have it; the server may end it later."""
    services, peer = make_services(tmp_path, engine=by_direction()), ScriptedPeer()
    opening = [asks("POST", "/mcp", "docs.internal", content_type="application/json"), sends(CALL)]
    with pytest.raises(CallerGone):
        await play(services, *opening, answers(content_type=SSE), returns(event(sent), end=False), None, peer=peer)
    last = services.recorder.last
    assert (last.kind.value, last.status) == (kind, 200)
    assert last.response == peer.delivered.decode()


async def test_a_stream_that_breaks_off_behind_the_answer_is_recorded_so(tmp_path):
    services, _, broken = await streamed(
        tmp_path, by_direction(), event(result("done")), b'data: {"result":1,"result":2}\n\n'
    )
    assert broken
    assert services.recorder.last.kind.value == "call.failed"


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", '"shift_jis"', "utf-8; charset=utf-7"])
async def test_a_stream_in_another_charset_than_utf_8_does_not_pass(tmp_path, charset):
    """Python clients decode a stream by its charset: in UTF-7, this comment has a line with an answer."""
    services, peer = make_services(tmp_path, engine=by_direction(response=DENIED)), ScriptedPeer()
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    hidden = b": +IKg-data: " + json.dumps(result("card")).encode() + b"+IKgIKA-\n"
    started = answers(content_type=f"{SSE}; charset={charset}")
    await play(services, head, sends(CALL), started, returns(hidden), peer=peer)
    assert not peer.delivered
    assert services.recorder.last.reason == "response-uninspectable"


@pytest.mark.parametrize("content_type", [f"{SSE}; charset=utf-8", f'{SSE};charset="UTF-8"'])
async def test_a_stream_may_say_that_it_is_utf_8(tmp_path, content_type):
    services, peer = make_services(tmp_path, engine=by_direction()), ScriptedPeer()
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    await play(
        services, head, sends(CALL), answers(content_type=content_type), returns(event(result())), peer=peer
    )
    assert peer.delivered == event(result())
