"""Prompts, resources, completions and a retry with answers: functions like tools, through the real Envoy.

Client and server are the official SDK's, in both eras of MCP.
"""

import contextlib
import json
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
import yaml

pytest.importorskip("mcp")

import httpx2  # the SDK's own HTTP client
import uvicorn
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from mcp.types import Completion, PromptReference

from tests.integration.guard.stack import DOCS, SSN, Stack, run_stack, terminals

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]
ROLES = {"*": {"functions": ["docs.search", "docs.prompt:summarize", "docs.resource:file:///public/**"]}}
ERAS = ("legacy", "2026-07-28")
Era = Literal["legacy", "auto", "2026-07-28"]


def made() -> MCPServer:
    """A server with more than its callers may see."""
    server = MCPServer("docs", log_level="WARNING")

    @server.tool()
    def search(query: str) -> str:
        return f"found {query}"

    @server.prompt()
    def summarize(text: str) -> str:
        return f"Sum up {text}: {SSN}"

    @server.prompt()
    def hidden() -> str:
        return "hidden"

    @server.resource("file:///public/{name}")
    def public(name: str) -> str:
        return f"{name} of {SSN}"

    @server.resource("file:///public/index")
    def index() -> str:
        return f"index {SSN}"

    @server.resource("file:///private/{name}")
    def private(name: str) -> str:
        return "private"

    @server.resource("file:///private/index")
    def private_index() -> str:
        return "private"

    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        return Completion(values=[f"{argument.value} {SSN}"])

    return server


@contextlib.contextmanager
def serving(server: MCPServer) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        running = uvicorn.Server(
            uvicorn.Config(server.streamable_http_app(), log_level="error", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        try:
            yield address
        finally:
            running.should_exit = True
            thread.join()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    data: Path = tmp_path_factory.mktemp("data") / "data.yaml"
    data.write_text(yaml.safe_dump({"guard": {"roles": ROLES}}))
    with serving(made()) as address:
        docs = {
            "protocol": "mcp",
            "hosts": [DOCS],
            "tools": ["search"],
            "prompts": ["*"],
            "resources": ["file:///public/**", "file:///private/**"],
            "upstream": {"address": address, "host": address},
            "masking": {"request": [{"path": "$.text", "how": "redact"}]},
        }
        policy = {"paths": [], "data": [str(data)]}
        async with run_stack(
            workers=2, connections=lambda *_: {"docs": docs}, policy=lambda *_: policy
        ) as running:
            yield running


@contextlib.asynccontextmanager
async def client(stack: Stack, era: Era) -> AsyncIterator[Client]:
    url = f"http://127.0.0.1:{stack.port}/mcp"
    async with (
        httpx2.AsyncClient(headers=stack.headers(DOCS), trust_env=False, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=era) as opened,
    ):
        yield opened


def recorded(stack: Stack) -> list[dict[str, Any]]:
    found = []
    for file in stack.spools():
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as spool:
            found += [json.loads(line) for (line,) in spool.execute("SELECT document FROM entries ORDER BY seq")]
    return terminals(found)


@pytest.mark.parametrize("era", ERAS)
async def test_a_caller_sees_and_gets_what_its_role_grants(stack: Stack, era: Era) -> None:
    async with client(stack, era) as opened:
        assert [each.name for each in (await opened.list_prompts()).prompts] == ["summarize"]
        assert [str(each.uri) for each in (await opened.list_resources()).resources] == ["file:///public/index"]
        templates = (await opened.list_resource_templates()).resource_templates
        assert [each.uri_template for each in templates] == ["file:///public/{name}"]
        prompt = await opened.get_prompt("summarize", {"text": "my secret plan"})
        assert prompt.messages[0].content.text == "Sum up [REDACTED]: [US_SSN]"
        read = await opened.read_resource("file:///public/a")
        assert read.contents[0].text == "a of [US_SSN]"
        ref = PromptReference(type="ref/prompt", name="summarize")
        completed = await opened.complete(ref, {"name": "text", "value": "te"})
        assert completed.completion.values == ["[REDACTED] [US_SSN]"]
        assert (await opened.call_tool("search", {"query": "x"})).content[0].text == "found x"
    ends = {(each["function"], each["method"]): each for each in recorded(stack)}
    assert ends["docs.prompt:summarize", "prompts/get"]["arguments"] == '{"text":"[REDACTED]"}'
    assert ends["docs.resource:file:///public/**", "resources/read"]["arguments"] == '{"uri":"file:///public/a"}'
    assert ends["docs.prompt:summarize", "completion/complete"]["kind"] == "call.completed"
    assert ends["docs.prompts/list", "prompts/list"]["detail"] == "1 of 2 listed prompts shown"
    assert "my secret plan" not in json.dumps(recorded(stack))


@pytest.mark.parametrize("era", ERAS)
async def test_nothing_else_can_be_had(stack: Stack, era: Era) -> None:
    async with client(stack, era) as opened:
        for refused in (
            opened.get_prompt("hidden"),
            opened.read_resource("file:///private/index"),
            opened.read_resource("file:///private/a"),
            opened.read_resource("file:///public/../private/index"),
            opened.read_resource("file:///public/%2e%2e/private/index"),
            opened.complete(PromptReference(type="ref/prompt", name="hidden"), {"name": "text", "value": "te"}),
        ):
            with pytest.raises(MCPError):
                await refused
        assert (await opened.call_tool("search", {"query": "x"})).content[0].text == "found x"
    denied = [each for each in recorded(stack) if each["kind"] == "call.denied"]
    assert {each["reason"] for each in denied} == {"not-in-scope", "unknown-function"}


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_server_announces_what_is_registered(stack: Stack, mode: Era) -> None:
    async with client(stack, mode) as opened:
        capabilities = opened.server_capabilities
        assert capabilities.tools is not None
        assert capabilities.prompts is not None
        assert capabilities.resources is not None
        assert capabilities.completions is not None
