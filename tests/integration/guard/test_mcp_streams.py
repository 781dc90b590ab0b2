"""MCP's event streams on the real Envoy: who leaves them, what is no message in them, and what accepts a message."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.integration.guard.stack import CARD, DOCS, REPOSITORY, Stack, kinds, run_stack
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]
SSE = [("content-type", "text/event-stream")]
MESSAGE = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
EVENT = b"data: " + json.dumps(MESSAGE).encode() + b"\n\n"
CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "search", "arguments": {}}}
RESULT = b'data: {"jsonrpc":"2.0","id":7,"result":{"kind":"closed"}}\n\n'
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
OPENING: dict[str, dict[str, Any]] = {"GET": {}, "POST": {"json": CALL}}
"""Requests that an event stream answers."""
CONDITIONS = {
    "path": {"path": ["result", "kind"], "one_of": ["open"]},
    "found": {"at_most_found": {"CREDIT_CARD": 0}},
}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shared_starter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The starter policies, with a condition on each response."""
    folder = tmp_path_factory.mktemp("policy") / "rego"
    shutil.copytree(REPOSITORY / "policy" / "rego", folder, ignore=shutil.ignore_patterns("*_test.rego"))
    data = folder / "data.json"
    rules = [{"rule": rule, "functions": ["docs.*"], **each} for rule, each in CONDITIONS.items()]
    data.write_text(json.dumps({"guard": {"roles": {"*": {"functions": ["docs.*"]}}, "responses": rules}}))
    async with run_stack(
        workers=2, connections={"crm": None, "plain": None, "masked": None}, policy={"paths": [str(folder)]}
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def starter(shared_starter: Stack) -> Stack:
    shared_starter.fresh()
    return shared_starter


async def opened(stack: Stack, method: str, gate: asyncio.Event | None = None) -> bytes:
    """Open a stream, and leave after its first piece; with a gate, open that then, and read on."""
    got, headers = b"", stack.headers(DOCS, accept="text/event-stream")
    async with stack.client.stream(method, stack.envoy.url + "/mcp", headers=headers, **OPENING[method]) as stream:
        assert stream.status_code == 200, await stream.aread()
        async for piece in stream.aiter_raw():
            got += piece
            if gate is None:
                break
            gate.set()
    return got


@pytest.mark.parametrize("pieces", [[EVENT, 30.0], [EVENT, 0.02] * 500], ids=["idle", "busy"])
@pytest.mark.parametrize("method", OPENING)
async def test_a_caller_who_leaves_a_stream_is_recorded_once(stack: Stack, method: str, pieces: list[Any]) -> None:
    """Envoy closes the guard's stream, or cancels it, as it happens; it is one end, and Envoy's report adds none."""
    stack.upstream.answer = Scripted(200, SSE, pieces, "chunked")
    await asyncio.gather(*(opened(stack, method) for _ in range(8)))
    entries = await stack.until(lambda found: kinds(found).count("call.failed") >= 8)
    await stack.assert_unreported()
    ends = [each["reason"] for each in entries if each["kind"] != "call.decided"]
    assert ends == ["caller-gone"] * 8


async def test_a_caller_who_leaves_before_the_answer_is_recorded_once(stack: Stack) -> None:
    """The call went to the backend, which has not answered."""
    came = asyncio.Event()

    def answer(_request: object) -> Scripted:
        came.set()
        return Scripted(200, SSE, [30.0], "chunked")

    stack.upstream.answer = answer
    call = asyncio.create_task(stack.call("POST", "/mcp", host=DOCS, json=CALL))
    await came.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    entry = await stack.ended()
    await stack.assert_unreported()
    assert (entry["kind"], entry["reason"]) == ("call.failed", "caller-gone")


async def test_a_backend_that_breaks_a_stream_off_is_reported(stack: Stack) -> None:
    """Envoy closes the guard's stream as if the caller had left: only its report tells who broke off."""
    gate = asyncio.Event()
    stack.upstream.answer = Scripted(200, SSE, [EVENT, gate], "chunked", break_off=True)
    with pytest.raises(httpx.HTTPError):
        await opened(stack, "POST", gate)
    entry, reported = await stack.ended(), await stack.reported()
    assert (entry["kind"], entry["call_id"]) == ("call.failed", reported["call_id"])
    assert reported["reason"] == "response-abandoned"
    assert reported["detail"].startswith("upstream_reset_after_response_started")


@pytest.mark.parametrize("method", OPENING)
async def test_an_event_that_is_no_message_passes_masked(stack: Stack, method: str) -> None:
    """Servers keep streams open by ``ping`` events whose data is a time."""
    ping = b"event: ping\ndata: 2026-11-29 19:48:28.123456+00:00\n\n"
    told = b"event: ping\ndata: card " + CARD.encode() + b"\n\n"
    stack.upstream.answer = Scripted(200, SSE, [ping, told, EVENT], "chunked")
    got = await opened(stack, method, asyncio.Event())
    assert got == ping + b"event: ping\ndata: card [CREDIT_CARD]\n\n" + EVENT
    assert (await stack.ended())["kind"] == "call.completed"


@pytest.mark.parametrize("method", OPENING)
async def test_a_keep_alive_comment_passes_at_once_and_is_no_event_of_the_record(
    stack: Stack, method: str
) -> None:
    """A line is enough; it does not wait for the empty line of an event."""
    gates = [asyncio.Event(), asyncio.Event()]
    kept = b": keep-alive\n"
    stack.upstream.answer = Scripted(200, SSE, [kept, gates[0], b":\r\n", gates[1], EVENT], "chunked")
    got, headers = b"", stack.headers(DOCS, accept="text/event-stream")
    async with (
        asyncio.timeout(20),
        stack.client.stream(method, stack.envoy.url + "/mcp", headers=headers, **OPENING[method]) as stream,
    ):
        async for piece in stream.aiter_raw():
            got += piece
            if got in (kept, kept + b":\r\n"):
                gates.pop(0).set()
    assert got == kept + b":\r\n" + EVENT
    entry = await stack.ended()
    assert (entry["kind"], entry["response"]) == ("call.completed", EVENT.decode())


@pytest.mark.parametrize("headers", [[], SSE, [("content-type", "application/json")]])
async def test_an_accepted_message_comes_back_whatever_responses_must_be(
    starter: Stack, headers: list[tuple[str, str]]
) -> None:
    """A 202 without a body has nothing that a condition could be about."""
    starter.upstream.answer = Scripted(202, headers)
    answered = await starter.call("POST", "/mcp", host=DOCS, json=INITIALIZED)
    assert (answered.status_code, answered.content) == (202, b"")
    assert (await starter.ended())["kind"] == "call.completed"


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(202, [("content-type", "application/json")], [b"null"]),
        Scripted(202, [("content-type", "text/plain")], [b"x"]),
        Scripted(202, SSE, [RESULT], "chunked"),
        Scripted(202, SSE, [RESULT, 30.0], "chunked"),
        Scripted(200, [("content-type", "application/json")]),
    ],
    ids=["null", "text", "stream", "open stream", "200"],
)
async def test_all_else_that_cannot_be_tested_is_withheld(starter: Stack, answer: Scripted) -> None:
    """Whatever has a body, and an empty answer to what was not only accepted."""
    starter.upstream.answer, got = answer, b""
    with contextlib.suppress(httpx.HTTPError):  # a stream that the backend had not ended is broken off
        async with starter.client.stream(
            "POST", starter.envoy.url + "/mcp", headers=starter.headers(DOCS), json=CALL
        ) as answered:
            async for piece in answered.aiter_raw():
                got += piece
    assert json.loads(got.rpartition(b"data: ")[2])["error"]["data"]["reason"] == "sensitive-data"
