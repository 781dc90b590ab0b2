"""Whatever goes wrong with an MCP call, its client learns it at once, and its session goes on.

The official SDK's client, the real Envoy, and a server that fails as a test tells it to. Python clients until 1.30 end
their session at every status that is no success, and wait for the result of a broken stream until their time is over:
the tests of statuses and bytes are theirs.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

pytest.importorskip("mcp")

import httpx
import httpx2  # the SDK's own HTTP client
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from tests.integration.guard.stack import CARD, DOCS, Stack, run_stack
from tests.integration.support.upstream import Fields, ResponseFacts, Scripted

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Client-to-server progress is deprecated"),
]

POLICY = Path(__file__).parent / "mcp_errors.rego"
JSON, SSE = [("content-type", "application/json")], [("content-type", "text/event-stream")]
BEFORE_IT_ENDS_S = 20.0
"""Longer than any of these calls takes, and shorter than the client waits for a result that does not come."""
CLIENT_WAITS_S = 60.0
NOTE = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "half way"}}
DONE = "the whole result"
LARGE = f"{CARD} " + "y" * 6000
"""A text over ``limits.event``."""
HANGING: list[asyncio.Event] = []
"""What the server's endless answers wait for."""


def event(message: dict[str, Any], fields: str = "") -> bytes:
    return f"event: message\n{fields}data: {json.dumps(message)}\n\n".encode()


def result(rpc_id: Any, text: str = DONE) -> dict[str, Any]:
    content = {"content": [{"type": "text", "text": text}], "resultType": "complete"}
    return {"jsonrpc": "2.0", "id": rpc_id, "result": content}


def streaming(*pieces: bytes | float | asyncio.Event, headers: Fields = SSE) -> Scripted:
    return Scripted(200, headers, list(pieces), "chunked")


def call_answer(case: str, rpc_id: Any) -> Scripted:
    """The server's answer to the call of a tool."""
    large, never = event(result(rpc_id, LARGE)), asyncio.Event()
    HANGING.append(never)
    unreadable = b"data: \xff" + CARD.encode() + b"\n\n"
    answers = {
        "not json": Scripted(200, JSON, [b'{"card": ' + CARD.encode()]),
        "too large": Scripted(200, JSON, [json.dumps(result(rpc_id, "y " * 100_000)).encode()]),
        "not text": Scripted(200, [("content-type", "application/octet-stream")], [b"\xff\xfe"]),
        "no answer": Scripted(0),
        "cut off": Scripted(200, [*JSON, ("content-length", "500")], [CARD.encode(), 0.1], break_off=True),
        "larger than envoy's buffer": Scripted(
            200, [*JSON, ("content-length", "3000000")], [b"y", 0.1, b"y" * 2_999_999]
        ),
        "encoded stream": streaming(b"\x1f\x8b", headers=[*SSE, ("content-encoding", "gzip")]),
        "first event": streaming(large),
        "second event": streaming(event(NOTE), 0.1, large),
        "event with id": streaming(event(NOTE, "id: 1\n"), 0.1, event(result(rpc_id, LARGE), "id: 2\n")),
        "endless event": streaming(event(NOTE), 0.1, large[:-2], never),
        "stream goes on": streaming(event(NOTE), 0.1, large, 0.1, event(result(rpc_id)), never),
        "event of bytes": streaming(event(NOTE), 0.1, unreadable, never),
    }
    return answers.get(case, Scripted(200, JSON, [json.dumps(result(rpc_id)).encode()]))


STREAMS = ["first event", "second event", "event with id", "endless event", "stream goes on", "event of bytes"]
WHOLE = {
    "denied": "forbidden-argument",
    "expired": "approval-expired",
    "withheld": "sensitive-data",
    "not json": "response-uninspectable",
    "too large": "response-uninspectable",
    "not text": "masking-failed",
    "no answer": "upstream-error",
    "encoded stream": "response-uninspectable",
}


ENVOYS = ["cut off", "larger than envoy's buffer"]
"""Answers that Envoy ends itself, without a word to the guard."""


def serve(seen: ResponseFacts) -> Scripted:
    """A small MCP server."""
    if seen.method != "POST":
        return Scripted(405)
    message = json.loads(seen.body)
    if "id" not in message or "method" not in message:
        return Scripted(202)
    if message["method"] == "tools/call":
        return call_answer(message["params"]["arguments"].get("case", ""), message["id"])
    found = {
        "protocolVersion": message.get("params", {}).get("protocolVersion"),
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "docs", "version": "1"},
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
    }
    if message["method"] == "tools/list":
        found["tools"] = [{"name": "search", "inputSchema": {"type": "object"}}]
    return Scripted(200, JSON, [json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": found}).encode()])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stack() -> AsyncIterator[Stack]:
    docs = lambda _, upstream: {  # noqa: E731 - of the configuration file
        "docs": {"protocol": "mcp", "hosts": [DOCS], "tools": ["search"], "upstream": {"address": upstream}}
    }
    policy = lambda *_: {"paths": [str(POLICY)]}  # noqa: E731
    async with run_stack(workers=1, answer=serve, connections=docs, policy=policy) as running:
        yield running
        for each in HANGING:
            each.set()


@contextlib.asynccontextmanager
async def client(stack: Stack, mode: str = "legacy") -> AsyncIterator[Client]:
    """The official SDK's client, which waits long."""
    url = f"http://127.0.0.1:{stack.port}/mcp"
    async with (
        httpx2.AsyncClient(headers=stack.headers(DOCS), trust_env=False, timeout=CLIENT_WAITS_S) as http,
        Client(
            streamable_http_client(url, http_client=http), mode=mode, read_timeout_seconds=CLIENT_WAITS_S
        ) as opened,
    ):
        yield opened


async def failure(opened: Client, case: str) -> dict[str, Any]:
    """What the client learns of its call, which it learns soon; afterwards its session is as good as before."""
    async with asyncio.timeout(BEFORE_IT_ENDS_S):
        with pytest.raises(MCPError) as caught:
            await opened.call_tool("search", {"case": case})
        assert (await opened.call_tool("search", {})).content[0].model_dump()["text"] == DONE
    data: dict[str, Any] = caught.value.error.data
    return data


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@pytest.mark.parametrize(("case", "reason"), [*WHOLE.items(), *((case, "response-abandoned") for case in STREAMS)])
async def test_the_client_learns_it_at_once_and_goes_on(stack: Stack, mode: str, case: str, reason: str) -> None:
    """A JSON-RPC error, with the reason and the id of the call in the record."""
    async with client(stack, mode) as opened:
        data = await failure(opened, case)
    assert data["reason"] == reason
    assert (await stack.end_of(data["call_id"]))["reason"] == reason


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("case", ENVOYS)
async def test_the_client_learns_of_what_envoy_ends(stack: Stack, mode: str, case: str) -> None:
    """The same error, in words that the guard left with Envoy."""
    stack.no_end_expected()
    async with client(stack, mode) as opened:
        data = await failure(opened, case)
    assert data["reason"] == "response-abandoned"
    assert (await stack.end_of(data["call_id"]))["kind"] == "call.failed"


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_call_that_is_too_large_is_no_end_of_the_session(stack: Stack, mode: str) -> None:
    """Over ``limits.request_body``, and not over what Envoy buffers."""
    async with client(stack, mode) as opened:
        data = await failure(opened, "y" * (70 << 10))
    assert data["reason"] == "body-too-large"
    assert (await stack.end_of(data["call_id"]))["uninspectable"] == "too-large"


async def test_a_call_that_people_refuse_is_no_end_of_the_session(stack: Stack) -> None:
    async with client(stack) as opened:
        waiting = asyncio.create_task(failure(opened, "refused by people"))
        [approval] = await stack.pending()
        stack.vote(approval, approve=False)
        assert (await waiting)["reason"] == "approval-denied"


def call(case: str, **params: Any) -> dict[str, Any]:
    params = {"name": "search", "arguments": {"case": case}, **params}
    return {"jsonrpc": "2.0", "id": "q7", "method": "tools/call", "params": params}


async def received(stack: Stack, case: str) -> tuple[int, bytes]:
    """The status and all bytes of an answer, whether it came to its end or was broken off."""
    got = b""
    headers = stack.headers(DOCS, content_type="application/json")
    url = stack.envoy.url + "/mcp"
    async with (
        asyncio.timeout(BEFORE_IT_ENDS_S),
        stack.client.stream("POST", url, headers=headers, json=call(case)) as answer,
    ):
        with contextlib.suppress(httpx.RemoteProtocolError):
            async for piece in answer.aiter_raw():
                got += piece
    return answer.status_code, got


@pytest.mark.parametrize("case", STREAMS)
async def test_a_broken_stream_ends_with_an_error_to_the_call(stack: Stack, case: str) -> None:
    """No byte of the event that failed, nor of those behind it; no status that clients would repeat the call for."""
    stack.fresh()
    status, got = await received(stack, case)
    assert status == 200
    error = json.loads(got.rpartition(b"data: ")[2])
    assert (error["id"], error["error"]["data"]["reason"]) == ("q7", "response-abandoned")
    assert b"yyy" not in got
    assert CARD.encode() not in got
    assert DONE.encode() not in got
    entry = await stack.ended()
    assert (entry["kind"], entry["reason"], entry["response_bytes"]) == (
        "call.failed",
        "response-abandoned",
        len(got),
    )
    assert "guard error" not in stack.logs()


UNREADABLE = [
    json.dumps(call("", task={"x": 1})).encode(),
    json.dumps(call("", inputResponses=[])).encode(),
    json.dumps(call("")).replace('"case"', '"case": 1, "CASE"').encode(),
    json.dumps(call("")).replace('"case"', '"case": NaN, "b"').encode(),
    b"\xef\xbb\xbf" + json.dumps(call("")).encode().replace(b"search", b"\xff"),
]


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_a_request_that_cannot_be_read_is_answered_to_its_id(stack: Stack, body: bytes) -> None:
    answer = await stack.call("POST", "/mcp", host=DOCS, content=body)
    assert answer.status_code == 200
    assert answer.json()["id"] == "q7"
    assert answer.json()["error"]["data"]["reason"] == "uninspectable"


UNHEARD = [
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}},
    {"jsonrpc": "2.0", "method": "notifications/of another kind"},
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": []},
    {"jsonrpc": "2.0", "id": 5, "result": {"action": "accept", "content": {}}},
    {"jsonrpc": "2.0", "id": 5, "error": {"code": -1, "message": "no"}},
    {"jsonrpc": "2.0", "id": 5, "result": {}, "more": 1},
]


@pytest.mark.parametrize("message", UNHEARD, ids=range(len(UNHEARD)))
async def test_a_message_that_awaits_no_reply_is_refused_without_one(
    stack: Stack, message: dict[str, Any]
) -> None:
    """It does not reach the server, and the record says why."""
    stack.fresh()
    answer = await stack.call("POST", "/mcp", host=DOCS, json=message)
    assert (answer.status_code, answer.content) == (202, b"")
    entry = await stack.ended_of(answer)
    assert entry["kind"] == "call.denied"
    assert entry["reason"] in ("not-in-scope", "unknown-function", "uninspectable")
    assert stack.reached == []


async def test_what_may_be_a_request_is_never_taken_for_one_of_them(stack: Stack) -> None:
    answer = await stack.call("POST", "/mcp", host=DOCS, json={**call(""), "id": None})
    assert answer.status_code == 400


async def test_a_client_whose_notification_is_refused_goes_on(stack: Stack) -> None:
    async with client(stack) as opened:
        await opened.session.send_progress_notification("t", 1.0)
        assert (await failure(opened, "denied"))["reason"] == "forbidden-argument"
