"""Version 2 of the Python SDK: ``python python_2.py URL [2026-07-28]``."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import mcp
from journey import answer, travel
from mcp import types

url, *versions = sys.argv[1:]


class Client:
    """A client."""

    def __init__(self, client: mcp.Client, logged: list[Any]) -> None:
        self.logged = logged
        self.list_tools, self.list_prompts = client.list_tools, client.list_prompts
        self.get_prompt, self.set_logging_level = client.get_prompt, client.set_logging_level
        self.read_resource, self.subscribe = client.read_resource, client.subscribe_resource
        self.unsubscribe = client.unsubscribe_resource
        self._client = client

    async def call(self, tool: str, given: dict[str, Any], progress: Any = None) -> Any:
        return await self._client.call_tool(tool, given, progress_callback=progress)

    async def list_resources(self, cursor: str | None) -> Any:
        return await self._client.list_resources(cursor=cursor)

    async def complete(self, prompt: str, name: str, value: str) -> Any:
        return await self._client.complete(types.PromptReference(name=prompt), {"name": name, "value": value})


async def elicited(_context: Any, params: Any) -> Any:
    return types.ElicitResult(action="accept", content=answer(getattr(params, "requested_schema", None)))


async def sampled(_context: Any, _params: Any) -> Any:
    text = types.TextContent(text="Paris")
    return types.CreateMessageResult(role="assistant", model="a-model", content=text)


async def roots(_context: Any) -> Any:
    return types.ListRootsResult(roots=[types.Root(uri="file:///home/alice", name="home")])


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Client]:
    logged: list[Any] = []

    async def log(params: Any) -> None:
        logged.append(params)

    async with mcp.Client(
        url,
        mode="auto" if versions else "legacy",
        elicitation_callback=elicited,
        sampling_callback=sampled,
        list_roots_callback=roots,
        logging_callback=log,
    ) as client:
        yield Client(client, logged)


asyncio.run(travel(opened(), modern=bool(versions), without=["tasks"]))
