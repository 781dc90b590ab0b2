"""MCP 2026-07-28 copies arguments into header fields: what the server gets of them through the real Envoy.

The official SDK's client makes the fields, from the tool's definition.
"""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

pytest.importorskip("mcp")

import httpx2  # the SDK's own HTTP client
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.integration.guard.stack import CARD, DOCS, Stack, run_stack
from tests.integration.support.upstream import ResponseFacts, Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

POLICY = Path(__file__).parent / "mcp_errors.rego"
JSON = [("content-type", "application/json")]
COPIED = {"region": "Region", "count": "Count", "dry": "Dry-Run", "card": "Card", "secret": "Secret"}
"""Names of header fields by argument."""
TYPES = {"count": "integer", "dry": "boolean"}
VERSION = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}}


def tool() -> dict[str, Any]:
    properties = {
        name: {"type": TYPES.get(name, "string"), "x-mcp-header": header} for name, header in COPIED.items()
    }
    return {"name": "search", "inputSchema": {"type": "object", "properties": properties}}


def serve(seen: ResponseFacts) -> Scripted:
    """A small server of the stateless protocol."""
    message = json.loads(seen.body)
    found = {
        "supportedVersions": [VERSION],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "docs", "version": "1"},
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
    }
    found |= {"tools": [tool()]} if message["method"] == "tools/list" else {"content": []}
    return Scripted(200, JSON, [json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": found}).encode()])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_docs() -> AsyncIterator[Stack]:
    masked = {"request": [{"entity": "CREDIT_CARD"}, {"path": "$.secret", "how": "redact"}]}
    docs = lambda _, upstream: {  # noqa: E731 - of the configuration file
        "docs": {
            "protocol": "mcp",
            "hosts": [DOCS],
            "tools": ["search"],
            "upstream": {"address": upstream},
            "masking": masked,
        }
    }
    policy = lambda *_: {"paths": [str(POLICY)]}  # noqa: E731
    async with run_stack(workers=1, answer=serve, connections=docs, policy=policy) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def docs(shared_docs: Stack) -> Stack:
    shared_docs.fresh()
    return shared_docs


async def called(stack: Stack, arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Call the tool with the SDK's client: the arguments and header fields that reach the server."""
    url = f"http://127.0.0.1:{stack.port}/mcp"
    async with (
        httpx2.AsyncClient(headers=stack.headers(DOCS), trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=VERSION) as client,
    ):
        await client.list_tools()
        await client.call_tool("search", arguments)
    seen = stack.reached[-1]
    fields = {name.lower(): value for name, value in seen.headers if name.lower().startswith("mcp-param-")}
    reached: dict[str, Any] = json.loads(seen.body)["params"]["arguments"]
    assert CARD not in repr(seen)
    assert CARD not in repr(stack.entries())
    return reached, fields


async def test_the_server_gets_the_fields_that_the_client_made(docs: Stack) -> None:
    arguments = {"region": "Hello, 世界", "count": 42, "dry": True}
    reached, fields = await called(docs, arguments)
    assert reached == arguments
    assert fields == {
        "mcp-param-region": f"=?base64?{base64.b64encode('Hello, 世界'.encode()).decode()}?=",
        "mcp-param-count": "42",
        "mcp-param-dry-run": "true",
    }


async def test_masked_arguments_leave_masked_in_their_fields(docs: Stack) -> None:
    """Plain and as Base64, found by a detector and by a path."""
    reached, fields = await called(docs, {"card": CARD, "region": f"é {CARD}", "secret": "tango"})
    assert reached == {"card": "[CREDIT_CARD]", "region": "é [CREDIT_CARD]", "secret": "[REDACTED]"}
    assert fields == {
        "mcp-param-card": "[CREDIT_CARD]",
        "mcp-param-region": f"=?base64?{base64.b64encode('é [CREDIT_CARD]'.encode()).decode()}?=",
        "mcp-param-secret": "[REDACTED]",
    }
    assert "tango" not in repr(docs.entries())


async def ask(stack: Stack, message: dict[str, Any], **fields: str) -> httpx.Response:
    """Send one message of the stateless protocol, with these header fields changed."""
    standard = {"mcp-protocol-version": VERSION, "mcp-method": message["method"], "mcp-name": "search"}
    headers = {**standard, **{name.replace("_", "-"): value for name, value in fields.items()}}
    return await stack.call("POST", "/mcp", host=DOCS, json=message, headers=headers)


def call(**arguments: Any) -> dict[str, Any]:
    params = {"name": "search", "arguments": arguments, "_meta": META}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


@pytest.mark.parametrize(
    "fields",
    [
        {"mcp_param_region": "us"},
        {"mcp_param_region": "=?base64?ZXU?="},
        {"mcp_param_card": "=?base64?" + base64.b64encode(CARD.encode()).decode() + "?="},
        {"mcp_name": "publish"},
        {"mcp_method": "tools/list"},
        {"mcp_protocol_version": "2025-11-25"},
    ],
    ids=repr,
)
async def test_a_field_that_says_something_else_is_a_mismatch(docs: Stack, fields: dict[str, str]) -> None:
    answer = await ask(docs, call(region="eu"), **fields)
    assert (answer.status_code, answer.json()["id"], answer.json()["error"]["code"]) == (400, 7, -32020)
    assert answer.json()["error"]["data"]["detail"].startswith("a header field says something else")
    assert docs.reached == []
    assert CARD not in repr(docs.entries())


async def test_what_is_not_registered_is_not_found(docs: Stack) -> None:
    for message in (
        {**call(), "method": "unknown/method"},
        {**call(), "params": {"name": "other", "_meta": META}},
    ):
        name = {"mcp_name": "other"} if message["method"] == "tools/call" else {}
        answer = await ask(docs, message, **name)
        assert (answer.status_code, answer.json()["id"], answer.json()["error"]["code"]) == (404, 7, -32601)
    assert docs.reached == []


async def test_a_session_that_nobody_has_is_not_found(docs: Stack) -> None:
    answer = await ask(docs, call(region="eu"), mcp_session_id="lost")
    assert (answer.status_code, answer.json()["error"]["data"]["reason"]) == (404, "unknown-session")
    assert docs.reached == []
