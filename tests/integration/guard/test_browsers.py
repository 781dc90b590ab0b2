"""Clients that sign in, and clients in browsers: MCP through the guard, as they come."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.guard.stack import DOCS, Stack, run_stack
from tests.integration.support.upstream import ResponseFacts, Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

BACKEND = "localhost:9000"
SEARCH = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {}}}


def strict_host(seen: ResponseFacts) -> Scripted:
    """An MCP server with protection against DNS rebinding."""
    if seen.header("host") != BACKEND:
        return Scripted(421, [("content-type", "text/plain")], [b"Invalid Host header"])
    return Scripted(200, [("content-type", "application/json")], [b'{"jsonrpc":"2.0","id":1,"result":{}}'])


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def running() -> AsyncIterator[Stack]:
    def connections(_issuer: Any, upstream: str) -> dict[str, Any]:
        docs = {"upstream": {"address": upstream, "host": BACKEND}}
        return {"docs": {"protocol": "mcp", "hosts": [DOCS], "tools": ["search", "publish"], **docs}}

    async with run_stack(workers=1, answer=strict_host, connections=connections) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def browsers(running: Stack) -> AsyncIterator[Stack]:
    running.upstream.answer = strict_host
    running.fresh()
    yield running
    await running.settled()


async def test_a_backend_gets_the_host_that_it_answers_to(browsers: Stack) -> None:
    answer = await browsers.call("POST", "/mcp", host=DOCS, json=SEARCH)
    assert (answer.status_code, answer.json()["result"]) == (200, {})
    assert [each.header("host") for each in browsers.reached] == [BACKEND]
    assert (await browsers.ended())["connection"] == "docs"


async def test_envoys_account_names_the_connection_whose_host_was_replaced(browsers: Stack) -> None:
    """Its worker is gone before the backend answers: Envoy reports the host that it forwarded."""
    (worker,), never = browsers.workers, asyncio.Event()
    browsers.upstream.answer = Scripted(200, [("content-type", "application/json")], [never, b"{}"])
    call = asyncio.create_task(browsers.call("POST", "/mcp", host=DOCS, json=SEARCH))
    await browsers.until(lambda entries: browsers.reached)
    await worker.kill()
    assert (await call).status_code >= 500
    never.set()
    await worker.start()
    entry = await browsers.reported()
    assert (entry["connection"], entry["path"]) == ("docs", "/mcp")
