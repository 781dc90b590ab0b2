"""Settings of an MCP connection."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from extproc.model.errors import ConfigError
from extproc.protocols.mcp.methods import RESERVED
from extproc.settings.base import FUNCTION_NAME, Example
from extproc.settings.connection import ConnectionSettings


class McpConnection(ConnectionSettings):
    """An MCP server over streamable HTTP."""

    protocol: Literal["mcp"]
    """MCP over streamable HTTP."""
    path: str = Field("/mcp", pattern=r"^/[^?#]*$")
    """Path of the server's endpoint. Requests to other paths are unknown, and denied."""
    tools: Annotated[list[Annotated[str, Field(pattern=FUNCTION_NAME)]], Example("tools: [search, read_page]")] = (
        Field(min_length=1)
    )
    """Tools that may be called. All others are unknown, and denied."""

    @property
    def function_names(self) -> tuple[str, ...]:
        """The names of the tools."""
        return tuple(self.tools)

    @property
    def method_names(self) -> tuple[str, ...]:
        """The names that the guard gives to MCP's own messages."""
        return tuple(RESERVED)

    def problems(self) -> Iterator[ConfigError]:
        """Yield tools that have the name of an MCP method, and tools that are listed twice."""
        for index, tool in enumerate(self.tools):
            if tool in RESERVED:
                message = f"a tool cannot be called {tool!r}: that names an MCP method"
                yield ConfigError(message, key=("tools", index))
            if tool in self.tools[:index]:
                yield ConfigError(f"tool {tool!r} is listed twice", key=("tools", index))
