"""Version 2 of the Python SDK, in the era that the suite asks for: ``python python_2.py URL``."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import mcp
from mcp import types
from mcp.shared.exceptions import MCPError

SCENARIO = os.environ["MCP_CONFORMANCE_SCENARIO"]
VERSION = os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"]
MODERN = "2026-07-28"
Scenario = Callable[[mcp.Client], Awaitable[Any]]


def list_and_call(name: str, given: dict[str, Any] | None = None) -> Scenario:
    async def run(client: mcp.Client) -> None:
        await client.list_tools()
        await client.call_tool(name, given or {})

    return run


def call_all(given: dict[str, Any]) -> Scenario:
    async def run(client: mcp.Client) -> None:
        for tool in (await client.list_tools()).tools:
            try:
                await client.call_tool(tool.name, given)
            except (MCPError, RuntimeError, ValueError) as error:
                print(tool.name, error)

    return run


async def call_as_told(client: mcp.Client) -> None:
    await client.list_tools()
    for call in json.loads(os.environ["MCP_CONFORMANCE_CONTEXT"])["toolCalls"]:
        await client.call_tool(call["name"], call["arguments"])


async def use_first_of_each(client: mcp.Client) -> None:
    await client.call_tool((await client.list_tools()).tools[0].name, {})
    await client.read_resource((await client.list_resources()).resources[0].uri)
    await client.get_prompt((await client.list_prompts()).prompts[0].name, {})


async def echo_schema(client: mcp.Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    await client.call_tool("json_schema_echo", {"schema": tools["json_schema_2020_12_tool"].input_schema})


async def only_connect(client: mcp.Client) -> None:
    """What the suite looks at has been sent."""


async def only_list(client: mcp.Client) -> None:
    await client.list_tools()


SCENARIOS = {
    "initialize": only_list,
    "tools_call": list_and_call("add_numbers", {"a": 5, "b": 3}),
    "elicitation-sep1034-client-defaults": list_and_call("test_client_elicitation_defaults"),
    "sse-retry": list_and_call("test_reconnection"),
    "request-metadata": only_connect,
    "http-standard-headers": use_first_of_each,
    "http-custom-headers": call_as_told,
    "http-invalid-tool-headers": call_all({"region": "us-west1"}),
    "sep-2322-client-request-state": call_all({}),
    "json-schema-ref-no-deref": only_list,
    "json-schema-2020-12-preservation": echo_schema,
}
WITHOUT_DISCOVERY = ("http-", "sep-2322-")
"""Mocks of these scenarios do not answer ``server/discover``."""


async def elicited(_context: Any, params: Any) -> types.ElicitResult:
    """Answer with the defaults, which this SDK leaves to its user."""
    fields = params.requested_schema["properties"].items()
    content = {name: field.get("default", True) for name, field in fields}
    return types.ElicitResult(action="accept", content=content)


def mode() -> Any:
    if VERSION != MODERN:
        return "legacy"
    return MODERN if SCENARIO.startswith(WITHOUT_DISCOVERY) else "auto"


async def main() -> None:
    async with mcp.Client(sys.argv[1], mode=mode(), elicitation_callback=elicited) as client:
        await SCENARIOS[SCENARIO](client)


asyncio.run(main())
