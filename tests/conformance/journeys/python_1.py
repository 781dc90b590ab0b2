"""Version 1 of the Python SDK: ``python python_1.py URL``; with a command behind it, over its stdio."""

import asyncio
import contextlib
import inspect
import sys
from collections.abc import AsyncIterator
from typing import Any

from journey import answer, travel
from mcp import ClientSession, StdioServerParameters, stdio_client, types
from mcp.client.streamable_http import streamablehttp_client
from pydantic import AnyUrl


class Client:
    """A session."""

    def __init__(self, session: ClientSession, logged: list[Any]) -> None:
        self.logged = logged
        self.list_tools, self.list_prompts = session.list_tools, session.list_prompts
        self.get_prompt, self.set_logging_level = session.get_prompt, session.set_logging_level
        self._session = session

    async def call(self, tool: str, given: dict[str, Any], progress: Any = None) -> Any:
        return await self._session.call_tool(tool, given, progress_callback=progress)

    async def call_as_task(self, tool: str, given: dict[str, Any]) -> Any:
        tasks = self._session.experimental
        made = await tasks.call_tool_as_task(tool, given)
        async for status in tasks.poll_task(made.task.taskId):
            if status.status == "completed":
                break
        return await tasks.get_task_result(made.task.taskId, types.CallToolResult)

    async def list_resources(self, cursor: str | None) -> Any:
        return await self._session.list_resources(cursor)

    async def read_resource(self, uri: str) -> Any:
        return await self._session.read_resource(AnyUrl(uri))

    async def subscribe(self, uri: str) -> Any:
        return await self._session.subscribe_resource(AnyUrl(uri))

    async def unsubscribe(self, uri: str) -> Any:
        return await self._session.unsubscribe_resource(AnyUrl(uri))

    async def complete(self, prompt: str, name: str, value: str) -> Any:
        ref = types.PromptReference(type="ref/prompt", name=prompt)
        return await self._session.complete(ref, {"name": name, "value": value})


async def elicited(_context: Any, params: Any) -> Any:
    schema = getattr(params, "requestedSchema", None)
    content = {"content": answer(schema)} if schema else {}
    return types.ElicitResult(action="accept", **content)


async def sampled(_context: Any, _params: Any) -> Any:
    text = types.TextContent(type="text", text="Paris")
    return types.CreateMessageResult(role="assistant", model="a-model", content=text)


async def roots(_context: Any) -> Any:
    return types.ListRootsResult(roots=[types.Root(uri="file:///home/alice", name="home")])


@contextlib.asynccontextmanager
async def opened(url: str, command: list[str]) -> AsyncIterator[Client]:
    logged: list[Any] = []

    async def log(params: Any) -> None:
        logged.append(params)

    every = {
        "elicitation_callback": elicited,
        "sampling_callback": sampled,
        "list_roots_callback": roots,
        "logging_callback": log,
    }
    known = inspect.signature(ClientSession).parameters
    callbacks = {name: each for name, each in every.items() if name in known}
    made = (
        stdio_client(StdioServerParameters(command=command[0], args=command[1:]))
        if command
        else streamablehttp_client(url)
    )
    async with made as streams, ClientSession(streams[0], streams[1], **callbacks) as session:
        await session.initialize()
        yield Client(session, logged)


def lacking() -> list[str]:
    """The steps for which this version has nothing."""
    elicits = "elicitation_callback" in inspect.signature(ClientSession).parameters
    found = [] if elicits else ["elicitation, form", "resumption"]
    found += [] if hasattr(types, "ElicitRequestURLParams") else ["elicitation, URL"]
    found += [] if hasattr(types, "ResourceLink") else ["resource link"]
    found += [] if hasattr(ClientSession, "experimental") else ["tasks"]
    return found + ([] if "structuredContent" in types.CallToolResult.model_fields else ["structured content"])


asyncio.run(travel(opened(sys.argv[1], sys.argv[2:]), without=lacking()))
