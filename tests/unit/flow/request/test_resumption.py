"""A GET with ``Last-Event-ID`` is a call of the function whose answer it asks for again."""

import json

import pytest

from extproc.model.errors import ResponseBrokenOff
from extproc.policy.contract.response_interest import ResponseInterest
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, claims, make_services, play, returns, sends
from tests.unit.flow.scripted_peer import ScriptedPeer

SSE = "text/event-stream"
MAIL = "ann@example.com"
CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "search", "arguments": {}}}
RESULT = {"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": MAIL}]}}
NO_MASKS = {"connections.docs.masking": {"response": [{"entity": "US_SSN"}]}}


def event(message, event_id):
    return b"id: " + event_id + b"\ndata: " + json.dumps(message).encode() + b"\n\n"


def policy(asked):
    """Mail addresses are masked in what the tool returns, and nowhere else."""
    if asked["direction"] == "response" and asked["response"]["body"].get("result", {}).get("isError"):
        return {"action": "deny", "reason": "sensitive-data", "rule": "no-errors"}
    tool = asked["call"]["function"] == "docs.search"
    return {"action": "allow", "mask": {"response": [{"entity": "EMAIL_ADDRESS"}] if tool else []}}


def engine(answer=policy):
    return ScriptedEngine(answer, responses=ResponseInterest.ALWAYS, decides_server_requests=True)


async def posted(services, *pieces, message=CALL, **fields):
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json", **fields)
    said = [returns(piece, end=piece is pieces[-1]) for piece in pieces]
    return await play(services, head, sends(json.dumps(message).encode()), answers(content_type=SSE), *said)


async def got(services, last_event_id, *pieces, peer=None, metadata=None, **fields):
    head = asks("GET", "/mcp", "docs.internal", metadata=metadata, last_event_id=last_event_id, **fields)
    said = [returns(piece, end=piece is pieces[-1]) for piece in pieces]
    return await play(services, head, answers(content_type=SSE), *said, peer=peer)


def last_id(peer):
    return next(line[4:] for line in reversed(peer.delivered.split(b"\n")) if line.startswith(b"id: ")).decode()


PRIMING = b"id: 1f\xc3\xbc_GET\ndata:\n\n"


async def test_the_result_is_masked_as_its_tools_and_the_backend_gets_its_own_id(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    sealed = last_id(await posted(services, PRIMING))
    assert "1f" not in sealed
    peer = await got(services, sealed, event(RESULT, b"2"))
    assert peer.upstream_headers["last-event-id"] == b"1f\xc3\xbc_GET"
    assert b"[EMAIL_ADDRESS]" in peer.delivered
    assert MAIL.encode() not in peer.delivered
    call = services.engine.asked[-2]["call"]
    assert (call["function"], call["method"], call["arguments"]) == ("docs.search", "GET", {})
    last = services.recorder.last
    assert (last.function, last.method, last.kind.value) == ("docs.search", "GET", "call.completed")
    again = await got(services, last_id(peer), event(RESULT, b"3"))
    assert again.upstream_headers["last-event-id"] == b"2"


async def test_policy_about_responses_decides_the_resumed_result(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    sealed = last_id(await posted(services, PRIMING))
    failed = {**RESULT, "result": {"isError": True, "content": []}}
    peer = ScriptedPeer()
    with pytest.raises(ResponseBrokenOff):
        await got(services, sealed, event(failed, b"2"), peer=peer)
    error = json.loads(peer.delivered.rpartition(b"data: ")[2])
    assert (error["id"], error["error"]["data"]["reason"]) == (7, "sensitive-data")


async def test_answers_to_other_calls_are_left_out_of_it(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    sealed = last_id(await posted(services, PRIMING))
    peer = await got(services, sealed, event({**RESULT, "id": 8}, b"2"))
    assert peer.delivered == b""


async def test_the_servers_own_stream_is_resumed_as_itself(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    note = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
    peer = await play(
        services, asks("GET", "/mcp", "docs.internal"), answers(content_type=SSE), returns(event(note, b"9"))
    )
    peer = await got(services, last_id(peer), event(note, b"10"), event(RESULT, b"11"))
    assert peer.upstream_headers["last-event-id"] == b"9"
    assert services.engine.asked[-1]["call"]["name"] == "stream"
    assert b"list_changed" in peer.delivered
    assert b"result" not in peer.delivered


async def test_only_its_own_caller_resumes_a_stream(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    sealed = last_id(await posted(services, PRIMING))
    for given, metadata in ((sealed, claims(sub="mallory")), ("1", None), (sealed + ", " + sealed, None)):
        peer = await got(services, given, event(RESULT, b"2"), metadata=metadata)
        assert not peer.is_forwarded
        assert peer.refusal.reason == "not-in-scope"
        assert services.recorder.last.rule == "event-id"


async def test_the_session_counts_that_the_stream_opened(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    opened = await play(
        services,
        head,
        sends(json.dumps(CALL).encode()),
        answers(content_type=SSE, mcp_session_id="s1"),
        returns(PRIMING),
    )
    session = opened.delivered_values("mcp-session-id")[-1].decode()
    peer = await got(services, last_id(opened), event(RESULT, b"2"), mcp_session_id=session)
    assert peer.is_forwarded
    assert not (await got(services, last_id(opened), event(RESULT, b"2"))).is_forwarded


async def test_a_refused_resumption_tells_the_call_in_a_stream(tmp_path):
    """There the client looks for the result, and waits no longer."""
    denied = {"action": "deny", "reason": "not-in-scope", "rule": "gone"}
    services = make_services(
        tmp_path,
        changes=NO_MASKS,
        engine=engine(lambda asked: denied if asked["call"]["method"] == "GET" else policy(asked)),
    )
    sealed = last_id(await posted(services, PRIMING))
    refusal = (await got(services, sealed, event(RESULT, b"2"))).refusal
    assert (refusal.status, refusal.headers["content-type"]) == (200, b"text/event-stream")
    error = json.loads(refusal.body.partition(b"data: ")[2])
    assert (error["id"], error["error"]["data"]["reason"]) == (7, "not-in-scope")


async def test_a_tool_that_is_gone_is_not_resumed(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    sealed = last_id(await posted(services, PRIMING))
    other = make_services(tmp_path, engine=engine(), changes={**NO_MASKS, "connections.docs.tools": ["publish"]})
    peer = await got(other, sealed, event(RESULT, b"2"))
    assert not peer.is_forwarded
    assert other.recorder.last.reason == "unknown-function"


async def test_no_other_request_names_an_event(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    sealed = last_id(await posted(services, PRIMING))
    peer = await posted(services, event(RESULT, b"2"), last_event_id=sealed)
    assert "last-event-id" in peer.upstream_removed
    peer = await got(services, "", event({"jsonrpc": "2.0", "method": "x"}, b"2"))
    assert "last-event-id" in peer.upstream_removed
    assert services.engine.asked[-1]["call"]["name"] == "stream"


@pytest.mark.parametrize(
    ("sent", "goes"),
    [
        (b"id\ndata: 1\n\n", b"id\ndata: 1\n\n"),
        (b"id:\nretry: 3000\ndata: 1\n\n", b"id:\nretry: 3000\ndata: 1\n\n"),
        (b"id: a\0b\ndata: 1\n\n", b"data: 1\n\n"),
        (b"id: " + b"x" * 1025 + b"\ndata: 1\n\n", b"data: 1\n\n"),
        (b"\xef\xbb\xbfid: \x01\ndata: 1\n\n", b"\xef\xbb\xbfdata: 1\n\n"),
        (b"ID: 4111111111111111\ndata: 1\n\n", None),
    ],
)
async def test_ids_that_nobody_can_send_back_are_left_out(tmp_path, sent, goes):
    """A reader ignores an id with a NUL, and an empty one resets the last."""
    peer = await posted(make_services(tmp_path, engine=engine()), sent)
    assert peer.delivered == goes if goes else b"4111" not in peer.delivered


@pytest.mark.parametrize("event_id", [b"4111 1111 1111 1111", b"219-09-9999", b"ann@example.com"])
async def test_an_id_is_the_protocols_whatever_it_looks_like(tmp_path, event_id):
    services = make_services(tmp_path, engine=engine())
    sealed = last_id(await posted(services, b"id: " + event_id + b"\ndata:\n\n"))
    assert (await got(services, sealed, event(RESULT, b"2"))).upstream_headers["last-event-id"] == event_id


async def test_a_resumed_listing_is_cut(tmp_path):
    listing = {"jsonrpc": "2.0", "id": 7, "result": {"tools": [{"name": "search"}, {"name": "canary"}]}}
    services = make_services(tmp_path, engine=engine(), changes=NO_MASKS)
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
    sealed = last_id(await posted(services, PRIMING, message=message))
    peer = await got(services, sealed, event(listing, b"2"))
    assert b"search" in peer.delivered
    assert b"canary" not in peer.delivered
