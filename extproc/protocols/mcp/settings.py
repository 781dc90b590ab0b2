"""Settings of an MCP connection."""

from typing import Annotated, Literal

from pydantic import Field

from extproc.settings.base import FUNCTION_NAME
from extproc.settings.connection import ConnectionBase


class McpConnection(ConnectionBase):
    """An MCP server over streamable HTTP."""

    protocol: Literal["mcp"]
    """MCP over streamable HTTP."""
    path: str = Field("/mcp", pattern=r"^/[^?#]*$")
    """The server's endpoint; requests to any other path are unknown and denied."""
    tools: list[Annotated[str, Field(pattern=FUNCTION_NAME)]] = Field(min_length=1)
    """Tools that may be called; all others are unknown and denied."""
