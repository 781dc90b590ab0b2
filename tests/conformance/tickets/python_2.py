"""Version 2 of the Python SDK: ``python python_2.py URL ACTION [2026-07-28]``."""

import asyncio
import sys
from typing import Any

import mcp
from attempts import call_until_done, tell
from mcp import types

url, action, *versions = sys.argv[1:]


async def elicited(_context: Any, params: Any) -> Any:
    tell(elicited=params.model_dump(by_alias=True, mode="json", exclude_none=True))
    return types.ElicitResult(action=action)


async def main() -> None:
    opens = {} if action == "none" else {"elicitation_callback": elicited}
    async with mcp.Client(url, mode="auto" if versions else "legacy", **opens) as client:
        await client.list_tools()
        await call_until_done(client.call_tool)


asyncio.run(main())
