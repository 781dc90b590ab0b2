"""What an MCP server asks of a client is decided by policy, through the real Envoy and two workers."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

pytest.importorskip("mcp")

import httpx
import httpx2  # the SDK's own HTTP client
import yaml
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CreateMessageResult, ElicitResult, ListRootsResult, Root, TextContent

from tests.integration.guard.stack import DOCS, SSN, Stack, run_stack
from tests.integration.policy.test_bad_answers import opa
from tests.integration.policy.test_mcp_answers import OWN_HOST, Asking, serving
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.upstream import Fields, Scripted

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:The (roots|sampling) capability is deprecated"),
]
ROLES = {"*": {"functions": ["docs.search"]}}
WITHIN_S = 20.0
SSE: Fields = [("content-type", "text/event-stream")]
NOTE = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n'
SAMPLE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "sampling/createMessage",
    "params": {
        "maxTokens": 5,
        "messages": [{"role": "user", "content": {"type": "text", "text": f"it is {SSN}"}}],
    },
}
ASKS = b"data: " + json.dumps(SAMPLE).encode() + b"\n\n"
RESULT = b'data: {"jsonrpc":"2.0","id":7,"result":{"content":[]}}\n\n'
CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "search", "arguments": {}}}


def docs(upstream: str, **more: Any) -> dict[str, Any]:
    return {"protocol": "mcp", "hosts": [DOCS], "tools": ["search"], "upstream": {"address": upstream, **more}}


def guard_data(folder: Path, *denied: str) -> Path:
    data = folder / "data.yaml"
    data.write_text(
        yaml.safe_dump(
            {"guard": {"roles": ROLES, "protocol_messages": {"denied": [f"docs.{each}" for each in denied]}}}
        )
    )
    return data


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Sampling is denied by name. The backend is scripted."""
    data = guard_data(tmp_path_factory.mktemp("data"), "sampling/createMessage")
    async with run_stack(
        workers=2,
        connections=lambda _, upstream: {"docs": docs(upstream)},
        policy=lambda *_: {"paths": [], "data": [str(data)]},
    ) as running:
        yield running


async def received(stack: Stack, method: str, seen: asyncio.Event | None = None, **claims: Any) -> bytes:
    """All bytes of a stream, broken off or not; ``seen`` is set with the first."""
    got = b""
    opening: dict[str, Any] = {"json": CALL} if method == "POST" else {}
    headers = {"host": DOCS, **stack.issuer.headers(**claims)}
    async with (
        asyncio.timeout(WITHIN_S),
        stack.client.stream(method, stack.envoy.url + "/mcp", headers=headers, **opening) as answer,
    ):
        with contextlib.suppress(httpx.HTTPError):
            async for piece in answer.aiter_raw():
                got += piece
                if seen and piece:
                    seen.set()
    return got


def streaming(*pieces: bytes | float | asyncio.Event) -> Scripted:
    return Scripted(200, SSE, list(pieces), "chunked")


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
async def test_a_denied_request_ends_the_call_however_it_is_cut(stack: Stack, size: int) -> None:
    stack.fresh()
    whole = NOTE + ASKS + RESULT
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    stack.upstream.answer = streaming(*pieces, 30.0)
    got = await received(stack, "POST")
    assert got.startswith(NOTE)
    error = json.loads(got.removeprefix(NOTE).rpartition(b"data: ")[2])
    assert (error["id"], error["error"]["data"]["reason"]) == (7, "not-in-scope")
    assert b"sampling" not in got
    assert SSN.encode() not in got
    entry = await stack.ended()
    assert (entry["kind"], entry["reason"], entry["rule"]) == (
        "call.failed",
        "not-in-scope",
        "protocol-message-denied",
    )
    assert "server request sampling/createMessage: deny (protocol-message-denied)" in entry["detail"]
    assert entry["response_bytes"] == len(got)
    await stack.assert_unreported()


async def test_on_a_stream_of_its_own_it_is_left_out(stack: Stack) -> None:
    stack.fresh()
    stack.upstream.answer = streaming(NOTE, ASKS, NOTE)
    assert await received(stack, "GET") == NOTE + NOTE
    entry = await stack.ended()
    assert entry["kind"] == "call.completed"
    assert "left out a request of the server (not-in-scope)" in entry["detail"]


@pytest.mark.parametrize("headers", [SSE, [("content-type", "application/json")]])
async def test_so_is_each_request_that_a_result_asks_for(stack: Stack, headers: Fields) -> None:
    inputs = {"a": {"method": "roots/list"}, "b": {"method": "sampling/createMessage", "params": {}}}
    result = {"resultType": "input_required", "inputRequests": inputs}
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "result": result}).encode()
    stack.upstream.answer = Scripted(200, headers, [body] if headers is not SSE else [b"data: " + body + b"\n\n"])
    got = await received(stack, "POST")
    assert b"roots/list" not in got
    assert b"not-in-scope" in got


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_stream_ends_when_its_callers_token_does(stack: Stack, method: str) -> None:
    """An event that comes too late does not pass; the call is told so in its place."""
    stack.fresh()
    late = asyncio.Event()
    stack.upstream.answer = streaming(NOTE, late, RESULT, 30.0)
    expires = int(time.time()) + 3
    seen = asyncio.Event()
    reading = asyncio.create_task(received(stack, method, seen, exp=expires))
    await seen.wait()
    await asyncio.sleep(expires + 0.1 - time.time())
    late.set()
    got = await reading
    assert got.startswith(NOTE)
    assert b"content" not in got
    if method == "POST":
        assert json.loads(got.rpartition(b"data: ")[2])["error"]["data"]["reason"] == "unauthenticated"
    entry = await stack.ended()
    assert (entry["reason"], entry["rule"]) == ("unauthenticated", "jwt.exp")
    await stack.assert_unreported()


async def test_a_silent_stream_of_its_own_ends_at_that_time(stack: Stack) -> None:
    stack.fresh()
    stack.upstream.answer = streaming(NOTE, 60.0)
    expires = int(time.time()) + 3
    assert await received(stack, "GET", exp=expires) == NOTE
    assert abs(time.time() - expires) < 2
    assert (await stack.ended())["reason"] == "unauthenticated"


@contextlib.asynccontextmanager
async def client(stack: Stack) -> AsyncIterator[Client]:
    async def elicited(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"note": "n"})

    async def sampled(context: Any, params: Any) -> CreateMessageResult:
        return CreateMessageResult(role="assistant", model="m", content=TextContent(type="text", text="t"))

    async def rooted(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri="file:///a")])

    url = f"http://127.0.0.1:{stack.port}/mcp"
    async with (
        httpx2.AsyncClient(headers=stack.headers(DOCS), trust_env=False, timeout=60) as http,
        Client(
            streamable_http_client(url, http_client=http),
            mode="legacy",
            elicitation_callback=elicited,
            sampling_callback=sampled,
            list_roots_callback=rooted,
        ) as opened,
    ):
        yield opened


async def test_the_client_of_the_sdk_learns_it_and_goes_on(tmp_path: Path) -> None:
    """The server waits in vain; what it asked before, on a stream of its own, has passed."""
    asking = Asking()
    data = guard_data(tmp_path, "elicitation/create")
    with serving(asking) as address:
        async with (
            run_stack(
                workers=2,
                connections=lambda *_: {"docs": docs(address, host=OWN_HOST)},
                policy=lambda *_: {"paths": [], "data": [str(data)]},
            ) as stack,
            asyncio.timeout(WITHIN_S),
            client(stack) as opened,
        ):
            with pytest.raises(MCPError) as caught:
                await opened.call_tool("search", {})
            assert caught.value.error.data["reason"] == "not-in-scope"
            entry = await stack.end_of(caught.value.error.data["call_id"])
            assert len((await opened.list_tools()).tools) == 1
    assert asking.answered == ["file:///a", "t"]
    assert "server request elicitation/create: deny (protocol-message-denied)" in entry["detail"]


DIRECTIONS = 'package extproc\n\ndirections := {"request", "server"}\n\ndecision := {"action": "allow"}\n'


async def test_without_its_engine_nothing_undecided_passes(opa_binary: Path) -> None:
    """OPA dies while streams are under way."""
    with short_folder() as folder:
        policy = folder / "policy.rego"
        policy.write_text(DIRECTIONS)
        with opa(opa_binary, folder / "o", policy) as (process, address):
            asked = {"address": address, "timeout": 8.0}
            limits = {"decision_timeout": 10.0, "message_timeout": 20.0}
            async with run_stack(
                workers=2,
                connections=lambda _, upstream: {"docs": docs(upstream)},
                policy=lambda *_: {"paths": [], "engine": "opa", "opa": asked, "reload": 0.1},
                limits=limits,
            ) as stack:
                gone, seen = asyncio.Event(), [asyncio.Event() for _ in range(4)]
                stack.upstream.answer = streaming(NOTE, ASKS, gone, ASKS, RESULT)
                calls = [
                    asyncio.create_task(received(stack, method, each))
                    for method, each in zip(["POST", "GET"] * 2, seen, strict=True)
                ]
                await asyncio.gather(*(each.wait() for each in seen))
                await asyncio.sleep(0.5)
                process.kill()
                process.wait()
                gone.set()
                got = await asyncio.gather(*calls)
    for each in got:
        assert each.count(b"sampling/createMessage") == 1
        assert SSN.encode() not in each
    for each in got[::2]:
        assert b'"result"' not in each
        assert json.loads(each.rpartition(b"data: ")[2])["error"]["data"]["reason"] == "policy-error"
