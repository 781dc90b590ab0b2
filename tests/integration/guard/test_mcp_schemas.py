"""Clients that check results against the listed schemas keep the whole result when a part of it was masked.

The official SDK's client, which checks, through the real Envoy.
"""

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

pytest.importorskip("mcp")

import httpx2  # the SDK's own HTTP client
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.integration.guard.stack import DOCS, Stack, run_stack
from tests.integration.support.upstream import ResponseFacts, Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

POLICY = Path(__file__).parent / "mcp_errors.rego"
CARD, MAIL = "4111111111111111", "ada@example.org"
SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "integer", "minimum": 1},
        "mail": {"type": "string", "format": "email", "pattern": "@", "default": MAIL},
        "kind": {"oneOf": [{"const": "private"}, {"const": MAIL}]},
        "lines": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/line"}},
    },
    "required": ["number", "mail", "kind", "lines"],
    "additionalProperties": False,
    "$defs": {
        "line": {"type": "object", "properties": {"to": {"enum": [MAIL, "bob@example.org"]}}, "required": ["to"]}
    },
}
FOUND = {
    "number": int(CARD),
    "mail": MAIL,
    "kind": MAIL,
    "lines": [{"to": MAIL}, {"to": "bob@example.org"}],
}
MASKED = {
    "number": "[CREDIT_CARD]",
    "mail": "[EMAIL_ADDRESS]",
    "kind": "[EMAIL_ADDRESS]",
    "lines": [{"to": "[EMAIL_ADDRESS]"}, {"to": "[EMAIL_ADDRESS]"}],
}
PICTURE = bytes(range(256))


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def content() -> list[dict[str, Any]]:
    blob = coded(b"\xff\xfe" + f"Ärger: {CARD}".encode("utf-16-le"))
    return [
        {"type": "resource", "resource": {"uri": f"crm://{MAIL}/notes", "mimeType": "text/plain", "blob": blob}},
        {"type": "image", "mimeType": "image/png", "data": coded(PICTURE)},
        {"type": "text", "text": f"data:text/plain;base64,{coded(f'Ä {CARD}'.encode())}"},
    ]


def serve(seen: ResponseFacts) -> Scripted:
    """A small MCP server. The session ends where its client's ids are not what comes back."""
    if seen.method != "POST":
        return Scripted(405)
    message = json.loads(seen.body)
    if "id" not in message:
        return Scripted(202)
    if message["method"] == "tools/call":
        found: dict[str, Any] = {"content": content(), "structuredContent": FOUND, "resultType": "complete"}
    else:
        found = {
            "protocolVersion": message.get("params", {}).get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "docs", "version": "1"},
            "supportedVersions": ["2026-07-28"],
            "resultType": "complete",
            "ttlMs": 0,
            "cacheScope": "private",
            "tools": [{"name": "search", "inputSchema": {"type": "object"}, "outputSchema": SCHEMA}],
        }
    answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": found}).encode()
    accepts_events = "event" in str(message.get("params", {}).get("arguments", ""))
    if accepts_events:
        event = b"id: " + CARD.encode() + b"\nevent: message\ndata: " + answer + b"\n\n"
        return Scripted(200, [("content-type", "text/event-stream")], [event[:700], event[700:]], "chunked")
    return Scripted(200, [("content-type", "application/json")], [answer])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stack() -> AsyncIterator[Stack]:
    docs = lambda _, upstream: {  # noqa: E731 - of the configuration file
        "docs": {"protocol": "mcp", "hosts": [DOCS], "tools": ["search"], "upstream": {"address": upstream}}
    }
    policy = lambda *_: {"paths": [str(POLICY)]}  # noqa: E731
    async with run_stack(workers=1, answer=serve, connections=docs, policy=policy) as running:
        yield running


@contextlib.asynccontextmanager
async def client(stack: Stack, mode: str) -> AsyncIterator[Client]:
    url = f"http://127.0.0.1:{stack.port}/mcp"
    async with (
        httpx2.AsyncClient(headers=stack.headers(DOCS), trust_env=False, timeout=30.0) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, read_timeout_seconds=30.0) as opened,
    ):
        yield opened


@pytest.mark.parametrize("form", ["json", "events"])
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_masked_result_is_one_for_its_client(stack: Stack, mode: str, form: str) -> None:
    async with client(stack, mode) as opened:
        result = await opened.call_tool("search", {"form": form})
        [tool] = (await opened.list_tools()).tools
    assert result.structured_content == MASKED
    resource, picture, text = (each.model_dump() for each in result.content)
    assert resource["resource"]["uri"] == "crm://email-address.masked/notes"
    assert base64.b64decode(resource["resource"]["blob"]).decode("utf-16") == "Ärger: [CREDIT_CARD]"
    assert base64.b64decode(picture["data"]) == PICTURE
    assert text["text"] == f"data:text/plain;base64,{coded('Ä [CREDIT_CARD]'.encode())}"
    assert tool.output_schema is not None
    assert tool.output_schema["properties"]["mail"]["default"] == MAIL


@pytest.mark.parametrize("form", ["json", "events"])
async def test_ids_pass_and_the_record_has_neither_values_nor_blobs(stack: Stack, form: str) -> None:
    stack.fresh()
    call = {"name": "search", "arguments": {"form": form}, "_meta": {"progressToken": int(CARD)}}
    message = {"jsonrpc": "2.0", "id": int(CARD), "method": "tools/call", "params": call}
    answer = await stack.client.post(stack.envoy.url + "/mcp", headers=stack.headers(DOCS), json=message)
    assert json.loads(stack.upstream.requests[-1].body) == message
    assert json.loads(answer.text.rpartition("\ndata: ")[2])["id"] == int(CARD)
    await stack.ended()
    entries = json.dumps(stack.entries())
    assert "[CREDIT_CARD]" in entries
    assert "(256 bytes, sha256:" in entries
    assert not [each for each in (CARD, MAIL, coded(PICTURE)[:40]) if each in entries]
