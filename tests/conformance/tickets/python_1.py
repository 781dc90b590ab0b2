"""Version 1 of the Python SDK: ``python python_1.py URL ACTION``."""

import asyncio
import sys

from attempts import call_until_done
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def main() -> None:
    async with streamablehttp_client(sys.argv[1]) as streams, ClientSession(streams[0], streams[1]) as session:
        await session.initialize()
        await session.list_tools()
        await call_until_done(session.call_tool)


asyncio.run(main())
