"""fastmcp, versions 2 and 4: ``python fastmcp_2_and_4.py URL [2026-07-28]``."""

import asyncio
import contextlib
import inspect
import sys
from collections.abc import AsyncIterator
from typing import Any

import fastmcp
from journey import answer, travel
from mcp import types

url, *versions = sys.argv[1:]


class Client:
    """A client."""

    def __init__(self, client: fastmcp.Client, logged: list[Any]) -> None:
        self.logged = logged
        self.list_tools, self.list_prompts = client.list_tools_mcp, client.list_prompts_mcp
        self.get_prompt, self.set_logging_level = client.get_prompt_mcp, client.set_logging_level
        self.read_resource = client.read_resource_mcp
        self._client = client

    async def call(self, tool: str, given: dict[str, Any], progress: Any = None) -> Any:
        return await self._client.call_tool_mcp(tool, given, progress_handler=progress)

    async def list_resources(self, cursor: str | None) -> Any:
        return await self._client.list_resources_mcp(**({"cursor": cursor} if cursor else {}))

    async def complete(self, prompt: str, name: str, value: str) -> Any:
        ref = types.PromptReference(type="ref/prompt", name=prompt)
        return await self._client.complete_mcp(ref, {"name": name, "value": value})


async def elicited(_message: str, _type: Any, params: Any, _context: Any) -> Any:
    schema = getattr(params, "requestedSchema", None) or getattr(params, "requested_schema", None)
    return fastmcp.client.elicitation.ElicitResult(action="accept", content=answer(schema))


async def sampled(_messages: Any, _params: Any, _context: Any) -> str:
    return "Paris"


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Client]:
    logged: list[Any] = []

    async def log(message: Any) -> None:
        logged.append(message)

    mode = {"mode": "auto" if versions else "legacy"} if "mode" in known(fastmcp.Client) else {}
    async with fastmcp.Client(
        url,
        roots=["file:///home/alice"],
        elicitation_handler=elicited,
        sampling_handler=sampled,
        log_handler=log,
        **mode,
    ) as client:
        yield Client(client, logged)


def known(function: Any) -> Any:
    return inspect.signature(function).parameters


pages = [] if "cursor" in known(fastmcp.Client.list_resources_mcp) else ["pagination"]
asyncio.run(travel(opened(), modern=bool(versions), without=["subscriptions", "tasks", *pages]))
