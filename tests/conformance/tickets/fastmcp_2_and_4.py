"""fastmcp, versions 2 and 4: ``python fastmcp_2_and_4.py URL ACTION [2026-07-28]``."""

import asyncio
import inspect
import sys
from typing import Any

import fastmcp
from attempts import call_until_done, tell

url, action, *versions = sys.argv[1:]


async def elicited(message: str, _type: Any, params: Any, _context: Any) -> Any:
    tell(elicited={"message": message, "url": getattr(params, "url", None)})
    return fastmcp.client.elicitation.ElicitResult(action=action)


async def main() -> None:
    opens = {} if action == "none" else {"elicitation_handler": elicited}
    has_eras = "mode" in inspect.signature(fastmcp.Client).parameters
    era = {"mode": "auto" if versions else "legacy"} if has_eras else {}
    async with fastmcp.Client(url, **opens, **era) as client:
        await client.list_tools()
        await call_until_done(client.call_tool_mcp)


asyncio.run(main())
