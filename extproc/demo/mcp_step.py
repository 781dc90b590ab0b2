"""The step of the story over MCP, played with the official Python SDK."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from extproc.demo.sample_data import CUSTOMERS
from extproc.demo.stage import Stage, expect, shorten

TOOLS = {"search_documents", "lookup_customer", "export_customers"}
EVENT_STREAM = "text/event-stream"
VALUES = [str(customer[name]) for customer in CUSTOMERS.values() for name in ("ssn", "card", "email")]


@dataclass
class Responses:
    """The responses on one connection."""

    content_types: list[str] = field(default_factory=list)

    @property
    def streamed(self) -> bool:
        """True if a response is an event stream."""
        return any(each.startswith(EVENT_STREAM) for each in self.content_types)


def mcp_client(stage: Stage) -> list[str]:
    """An MCP client lists and calls tools, with JSON and with SSE responses, which are masked event by event."""
    return asyncio.run(_play(stage))


async def _play(stage: Stage) -> list[str]:
    return [*await _over_json(stage), *await _over_sse(stage)]


@asynccontextmanager
async def _connect(stage: Stage, host: str, path: str) -> AsyncIterator[tuple[Client, Responses]]:
    responses = Responses()

    async def note(response: httpx2.Response) -> None:
        responses.content_types.append(response.headers.get("content-type", ""))

    headers = {"host": host, "authorization": f"Bearer {stage.tokens['maya']}"}
    url = stage.installation.url("envoy") + path
    async with (
        httpx2.AsyncClient(headers=headers, event_hooks={"response": [note]}, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client, responses


async def _over_json(stage: Stage) -> list[str]:
    async with _connect(stage, "docs.demo", "/json/mcp") as (client, responses):
        names = {tool.name for tool in (await client.list_tools()).tools}
        stage.tell(f"maya -> docs.demo tools/list: {', '.join(sorted(names))}")
        expect(names >= TOOLS, "the tools listed", names)
        result = await client.call_tool("lookup_customer", {"customer": "1001"})
        text = _text(result)
        stage.tell(f"maya -> docs.demo lookup_customer: {shorten(text)}")
        _masked(text + str(result.structured_content))
        expect(CUSTOMERS["1001"]["name"] in text, "the name untouched", shorten(text))
        expect(
            not responses.streamed,
            "JSON answers",
            responses.content_types,
        )
        refusal = await _refusal(client)
        stage.tell(f"maya -> docs.demo purge_documents: {refusal}")
    return ["with JSON: tools listed and called, text and structured result masked, an unregistered tool refused"]


async def _refusal(client: Client) -> str:
    try:
        result = await client.call_tool("purge_documents", {"confirm": True})
    except MCPError as error:
        return str(error)
    expect(False, "purge_documents refused", _text(result))
    return ""


async def _over_sse(stage: Stage) -> list[str]:
    events: list[tuple[float, str]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        events.append((time.monotonic(), message or ""))
        stage.tell(f"  event {progress:.0f}/{total or 0:.0f}: {message}")

    async with _connect(stage, "docs-live.demo", "/sse/mcp") as (client, responses):
        stage.tell("maya -> docs-live.demo export_customers")
        result = await client.call_tool("export_customers", {}, progress_callback=note)
        ended = time.monotonic()
        expect(
            responses.streamed,
            "an event stream",
            responses.content_types,
        )
    text = _text(result)
    stage.tell(f"  result: {shorten(text)}")
    expect(len(events) == len(CUSTOMERS), f"{len(CUSTOMERS)} progress events", len(events))
    _masked(text + " ".join(message for _, message in events))
    early = ended - events[0][0]
    expect(early > PAUSE_SEEN_S, "events before the result", f"the first {early * 1000:.0f} ms before it")
    return [f"with SSE: {len(events)} events masked one by one, the first {early * 1000:.0f} ms before the result"]


PAUSE_SEEN_S = 0.04
"""The backend pauses 50 ms after each event. If events were held back, the first would come with the result."""


def _text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def _masked(text: str) -> None:
    left = sum(value in text for value in VALUES)
    expect(left == 0, "no sensitive value in what the client got", f"{left} of them")
