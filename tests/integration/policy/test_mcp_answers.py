"""An MCP client answers what the server asks of it, through the real Envoy, under the starter policies."""

import contextlib
import json
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from pydantic import BaseModel

pytest.importorskip("mcp")

import httpx2  # the SDK's own HTTP client
import uvicorn
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CreateMessageResult, ElicitResult, ListRootsResult, Root, SamplingMessage, TextContent

from tests.integration.guard.stack import DOCS, SSN, Stack, run_stack, terminals

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:The (roots|sampling) capability is deprecated"),
]
ROLES = {"*": {"functions": ["docs.search"]}}
DENIED = {"roles": {"*": {"functions": ["docs.*"]}}, "protocol_messages": {"denied": ["docs.response"]}}
ANSWERS = {"jsonrpc": "2.0", "id": 5, "result": {"action": "accept", "content": {"note": f"it is {SSN}"}}}
OWN_HOST = "mcp.internal:8000"
WITHIN_S = 2.0
"""How long the client waits for a result that does not come."""


class Form(BaseModel):
    """What the server asks of a person."""

    note: str


class Asking:
    """A server whose tool asks everything that a server may ask of a client."""

    def __init__(self) -> None:
        self.answered: list[str] = []
        """What the server got, in full."""
        self.server = MCPServer("docs", log_level="WARNING")
        self.server.add_tool(self.search)

    async def search(self, ctx: Context) -> dict[str, Any]:
        """Ask for a sign of life, the roots, a sample and a form."""
        await ctx.session.send_ping()
        roots = await ctx.session.list_roots()
        self.answered.append(str(roots.roots[0].uri))
        asked = SamplingMessage(role="user", content=TextContent(type="text", text="Sum it up"))
        sample = await ctx.session.create_message([asked], max_tokens=9)
        self.answered.append(sample.model_dump()["content"]["text"])
        form = await ctx.elicit("A note?", Form)
        self.answered.append(form.model_dump()["data"]["note"])
        return {"answered": len(self.answered)}


@contextlib.contextmanager
def serving(asking: Asking) -> Iterator[str]:
    """The server's address, on loopback. It answers to its own host alone: ``upstream.host`` has to name it."""
    security = TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=[OWN_HOST])
    app = asking.server.streamable_http_app(transport_security=security)
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


@contextlib.asynccontextmanager
async def guarding(folder: Path, asking: Asking, guard: dict[str, Any]) -> AsyncIterator[Stack]:
    data = folder / "data.yaml"
    data.write_text(yaml.safe_dump({"guard": guard}))
    policy = {"paths": [], "data": [str(data)]}
    with serving(asking) as address:
        docs = {
            "protocol": "mcp",
            "hosts": [DOCS],
            "tools": ["search", "publish"],
            "upstream": {"address": address, "host": OWN_HOST},
            "masking": {"request": [{"entity": "US_SSN"}]},
        }
        async with run_stack(workers=1, connections=lambda *_: {"docs": docs}, policy=lambda *_: policy) as stack:
            yield stack


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def asking() -> Asking:
    return Asking()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory, asking: Asking) -> AsyncIterator[Stack]:
    async with guarding(tmp_path_factory.mktemp("data"), asking, {"roles": ROLES}) as running:
        yield running


@contextlib.asynccontextmanager
async def client(stack: Stack) -> AsyncIterator[Client]:
    """The official SDK's client, in a session as until MCP 2025-11-25. Every answer has a canary."""

    async def elicited(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"note": f"elicited {SSN}"})

    async def sampled(context: Any, params: Any) -> CreateMessageResult:
        text = TextContent(type="text", text=f"sampled {SSN}")
        return CreateMessageResult(role="assistant", model="m", content=text)

    async def rooted(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=f"file:///{SSN}")])

    url = f"http://127.0.0.1:{stack.port}/mcp"
    async with (
        httpx2.AsyncClient(headers=stack.headers(DOCS), trust_env=False, timeout=30) as http,
        Client(
            streamable_http_client(url, http_client=http),
            mode="legacy",
            elicitation_callback=elicited,
            sampling_callback=sampled,
            list_roots_callback=rooted,
        ) as opened,
    ):
        yield opened


def recorded(stack: Stack) -> list[dict[str, Any]]:
    """The ends of all calls, whoever made them: the SDK's client is not the stack's own."""
    found = []
    for file in stack.spools():
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as spool:
            found += [json.loads(line) for (line,) in spool.execute("SELECT document FROM entries ORDER BY seq")]
    return terminals(found)


async def test_a_server_gets_what_it_asks_for_masked_and_recorded(stack: Stack, asking: Asking) -> None:
    """Elicitation, sampling, roots and ping, in one call of a tool, with the official SDK on both sides."""
    async with client(stack) as opened:
        result = await opened.call_tool("search", {})
    assert result.structured_content == {"answered": 3}
    assert asking.answered == ["file:///%5BUS_SSN%5D", "sampled [US_SSN]", "elicited [US_SSN]"]
    ends = recorded(stack)
    answers = [each for each in ends if each["function"] == "docs.response"]
    assert {(each["kind"], each["rule"], each["status"]) for each in answers} == {
        ("call.completed", "protocol-message", 202)
    }
    assert len(answers) == 4
    assert sum("US_SSN" in each["arguments"] for each in answers) == 3
    assert SSN not in json.dumps(ends)


READING = ["prompts/get", "resources/read", "resources/subscribe", "completion/complete", "tasks/result", "x/y"]


@pytest.mark.parametrize("method", READING)
async def test_no_method_that_reads_or_runs_something_passes(stack: Stack, method: str) -> None:
    params = {"name": "a", "uri": "file:///a", "taskId": "1"}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = await stack.call("POST", "/mcp", host=DOCS, json=message)
    assert answer.json()["error"]["data"]["reason"] == "unknown-function"


async def test_a_tool_that_no_role_grants_does_not_pass(stack: Stack) -> None:
    params = {"name": "publish", "arguments": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await stack.call("POST", "/mcp", host=DOCS, json=message)
    assert answer.json()["error"]["data"]["reason"] == "not-in-scope"


async def test_answers_that_are_denied_by_name_do_not_pass(tmp_path: Path) -> None:
    """Whatever a role grants; other messages still do."""
    asking = Asking()
    async with guarding(tmp_path, asking, DENIED) as stack:
        denied = await stack.call("POST", "/mcp", host=DOCS, json=ANSWERS)
        assert (denied.status_code, denied.content) == (202, b"")
        ended = await stack.ended_of(denied)
        assert (ended["reason"], ended["rule"]) == ("not-in-scope", "protocol-message-denied")
        async with client(stack) as opened:
            assert [tool.name for tool in (await opened.list_tools()).tools] == ["search"]
            with pytest.raises(MCPError):
                await opened.call_tool("search", {}, read_timeout_seconds=WITHIN_S)
    assert asking.answered == []
