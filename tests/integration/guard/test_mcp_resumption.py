"""A stream that an MCP client lost goes on through the real Envoy, and stays the answer to the call that it was.

The official SDK on both sides, two workers, and the starter policies.
"""

import asyncio
import contextlib
import json
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

pytest.importorskip("mcp")

import httpx
import httpx2  # the SDK's own HTTP client
import uvicorn
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.transport_security import TransportSecuritySettings

from tests.integration.guard.stack import DOCS, REPOSITORY, Stack, run_stack

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:The (roots|sampling|logging) capability is deprecated"),
    pytest.mark.filterwarnings("ignore:.*deprecated"),
]
MAIL = "ann.example@example.com"
WITHIN_S = 20.0
GUARD = {
    "roles": {"*": {"functions": ["docs.*"]}},
    "masks": [{"functions": ["docs.search"], "response": [{"entity": "EMAIL_ADDRESS"}]}],
    "responses": [
        {
            "rule": "open",
            "functions": ["docs.search"],
            "path": ["result", "structuredContent", "kind"],
            "optional": True,
            "one_of": ["open"],
        }
    ],
}


class Events(EventStore):
    """Keeps events in memory, in the order in which they came."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        self.kept.append((stream_id, message))
        return f"{len(self.kept) - 1}_{MAIL}"

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        last = int(last_event_id.partition("_")[0])
        assert last_event_id == f"{last}_{MAIL}", "not the server's own id"
        stream_id = self.kept[last][0]
        for number, (of, message) in enumerate(self.kept):
            if number > last and of == stream_id and message is not None:
                await send_callback(EventMessage(message, f"{number}_{MAIL}"))
        return stream_id


class Polled:
    """A server that closes the stream of a call early: its client comes back for the result."""

    def __init__(self) -> None:
        self.events = Events()
        self.server = MCPServer("docs", log_level="WARNING")
        self.server.add_tool(self.search)
        self.server.add_tool(self.publish)

    async def search(self, ctx: Context, kind: str = "open") -> dict[str, Any]:
        """Find something, after a while."""
        return await self._later(ctx, kind)

    async def publish(self, ctx: Context, kind: str = "open") -> dict[str, Any]:
        """Say the same."""
        return await self._later(ctx, kind)

    async def _later(self, ctx: Context, kind: str) -> dict[str, Any]:
        await ctx.close_sse_stream()
        await asyncio.sleep(0.3)
        return {"kind": kind, "mail": MAIL}


@contextlib.contextmanager
def serving(polled: Polled) -> Iterator[str]:
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = polled.server.streamable_http_app(
        transport_security=security, event_store=polled.events, retry_interval=50
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        running = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def polled() -> Polled:
    return Polled()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory, polled: Polled) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("policy") / "rego"
    shutil.copytree(REPOSITORY / "policy" / "rego", folder, ignore=shutil.ignore_patterns("*_test.rego"))
    (folder / "data.json").write_text(json.dumps({"guard": GUARD}))
    with serving(polled) as address:
        docs = {
            "protocol": "mcp",
            "hosts": [DOCS],
            "tools": ["search", "publish"],
            "upstream": {"address": address},
            "masking": {"response": [{"entity": "US_SSN"}]},
        }
        async with run_stack(
            workers=2, connections=lambda *_: {"docs": docs}, policy=lambda *_: {"paths": [str(folder)]}
        ) as running:
            yield running


@contextlib.asynccontextmanager
async def client(stack: Stack, **claims: Any) -> AsyncIterator[Client]:
    url = f"http://127.0.0.1:{stack.port}/mcp"
    headers = {"host": DOCS, **stack.issuer.headers(**claims)}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode="legacy") as opened,
    ):
        yield opened


async def test_a_polling_client_gets_the_result_masked_as_its_tools(stack: Stack, polled: Polled) -> None:
    """One tool has a mask of its own, the other has none."""
    async with asyncio.timeout(WITHIN_S), client(stack) as opened:
        searched = await opened.call_tool("search", {})
        published = await opened.call_tool("publish", {})
    assert searched.structured_content == {"kind": "open", "mail": "[EMAIL_ADDRESS]"}
    assert published.structured_content == {"kind": "open", "mail": MAIL}


async def test_rules_about_responses_hold_for_a_result_that_comes_later(stack: Stack) -> None:
    async with asyncio.timeout(WITHIN_S), client(stack) as opened:
        with pytest.raises(MCPError) as caught:
            await opened.call_tool("search", {"kind": "closed"})
        assert caught.value.error.data["reason"] == "sensitive-data"
        assert (await opened.call_tool("publish", {"kind": "closed"})).structured_content["kind"] == "closed"
        entry = await stack.end_of(caught.value.error.data["call_id"])
    assert (entry["function"], entry["method"], entry["rule"]) == ("docs.search", "GET", "open")


async def opened_session(stack: Stack, **claims: Any) -> dict[str, str]:
    """The header fields of a session of one's own."""
    info = {"name": "c", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
    message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    headers = {"host": DOCS, "accept": "application/json, text/event-stream", **stack.issuer.headers(**claims)}
    answer = await stack.client.post(stack.envoy.url + "/mcp", headers=headers, json=message)
    headers |= {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    await stack.client.post(stack.envoy.url + "/mcp", headers=headers, json=initialized)
    return headers


async def first_id(stack: Stack, headers: dict[str, str], rpc_id: int = 1) -> str:
    """The id of the first event in the answer to a call."""
    params = {"name": "search", "arguments": {}}
    message = {"jsonrpc": "2.0", "id": rpc_id, "method": "tools/call", "params": params}
    async with stack.client.stream("POST", stack.envoy.url + "/mcp", headers=headers, json=message) as answer:
        got = await answer.aread()
    assert MAIL.encode() not in got
    return next(line[4:] for line in got.decode().splitlines() if line.startswith("id: "))


async def resumed(stack: Stack, headers: dict[str, str], event_id: str) -> httpx.Response:
    """The answer to a GET, read until its first result."""
    async with (
        asyncio.timeout(WITHIN_S),
        stack.client.stream(
            "GET", stack.envoy.url + "/mcp", headers={**headers, "last-event-id": event_id}
        ) as answer,
    ):
        got = b""
        async for piece in answer.aiter_raw():
            got += piece
            if b"result" in got and got.endswith((b"\n\n", b"\r\n\r\n")):
                break
    return httpx.Response(answer.status_code, content=got)


async def test_nobody_else_gets_the_rest_of_a_stream(stack: Stack) -> None:
    """Another caller, another session of the same caller, and whoever makes ids up."""
    alice, mallory = await opened_session(stack), await opened_session(stack, sub="mallory")
    event_id = await first_id(stack, alice)
    own = await resumed(stack, alice, event_id)
    assert (own.status_code, own.content.count(b"[EMAIL_ADDRESS]") > 0) == (200, True)
    other_session = await opened_session(stack)
    forged = [f"0_{MAIL}", event_id[:-1], f"{event_id},{event_id}", "x" * 2000, "."]
    tries = [(mallory, event_id), (other_session, event_id), *((alice, each) for each in forged)]
    for headers, given in tries:
        answer = await resumed(stack, headers, given)
        assert answer.status_code == 403
        assert b"result" not in answer.content
