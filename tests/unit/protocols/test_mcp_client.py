"""What the MCP SDK's own client sends can be read, in both of its protocols."""

import pytest

from extproc.model.call import Headers, RequestHead
from extproc.model.reasons import Reason
from extproc.protocols.mcp.protocol import McpProtocol
from extproc.protocols.mcp.settings import McpConnection

pytest.importorskip("mcp")

import httpx2  # the SDK's own HTTP client
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

SETTINGS = McpConnection.model_validate(
    {"protocol": "mcp", "hosts": ["m.test"], "upstream": {"address": "a:1"}, "tools": ["add"]}
)  # fmt: skip


class Reading:
    """An ASGI application that reads each call as the guard would, before the server does."""

    def __init__(self, inner, refuse=()):
        self.inner, self.refuse, self.calls = inner, refuse, []
        self.protocol = McpProtocol("m", SETTINGS, max_depth=64, event_limit=1 << 16)

    async def __call__(self, scope, receive, send):
        body = b""
        more = scope["method"] == "POST"
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = Headers(tuple((name.decode(), value) for name, value in scope["headers"]))
        head = RequestHead(scope["method"], "http", "m.test", scope["raw_path"].decode(), headers)
        call = self.protocol.identify(head, body, call_id="c1", unreadable=None)
        self.calls.append(call)
        if call.name in self.refuse:
            await answer(send, self.protocol.refusal(call, Reason.POLICY_DENIED, "c1"))
            return
        replay = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def again():
            return next(replay, None) or await receive()

        await self.inner(scope, again, send)


async def answer(send, reply):
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def dialogue(mode, *, refuse=(), talk):
    server = MCPServer("adder")

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = server.streamable_http_app(json_response=True, transport_security=security)
    reading = Reading(app, refuse)
    async with app.router.lifespan_context(app):
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=reading))
        async with (
            http,
            Client(streamable_http_client("http://m.test/mcp", http_client=http), mode=mode) as client,
        ):
            await talk(client)
    return reading.calls


async def list_and_call(client):
    assert [tool.name for tool in (await client.list_tools()).tools] == ["add"]
    assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}


@pytest.mark.parametrize("mode", ["legacy", "auto", "2026-07-28"])
async def test_every_message_of_the_client_is_read(mode):
    calls = await dialogue(mode, talk=list_and_call)
    assert [call for call in calls if call.uninspectable] == []
    called = [call for call in calls if call.method == "tools/call"]
    assert [(call.function, call.arguments) for call in called] == [("m.add", {"a": 1, "b": 2})]
    assert "tools/list" in [call.name for call in calls]
    if mode == "legacy":
        assert {"initialize", "notifications/initialized"} <= {call.name for call in calls}


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_the_client_understands_a_refusal(mode):
    async def talk(client):
        with pytest.raises(MCPError) as caught:
            await client.call_tool("add", {"a": 1, "b": 2})
        assert caught.value.error.data["reason"] == "policy-denied"

    await dialogue(mode, refuse=("add",), talk=talk)
