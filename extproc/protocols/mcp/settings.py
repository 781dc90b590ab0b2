"""Settings of an MCP connection."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from extproc.model.errors import ConfigError
from extproc.protocols.mcp.methods import RESERVED
from extproc.settings.base import FUNCTION_NAME, Example
from extproc.settings.connection import ConnectionSettings, TokenRule
from extproc.settings.cors import BrowserRules, CorsSettings
from extproc.settings.protected_resource import ProtectedResource

DOCUMENT_METHODS = ("GET", "HEAD")
"""Methods that read the metadata of a protected resource."""

METHODS = ("GET", "POST", "DELETE")
"""Methods of streamable HTTP."""
SENT = (
    *("authorization", "content-type", "accept", "last-event-id", "mcp-session-id", "mcp-protocol-version"),
    *("mcp-method", "mcp-name"),
)
"""Header fields that clients send."""
READ = ("mcp-session-id", "www-authenticate")
"""Header fields of responses that clients have to read."""


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

    protected_resource: ProtectedResource | None = None
    """Where clients sign in; none: they are not told."""
    cors: CorsSettings | None = None
    """Web applications that may call; none: requests with the header field ``Origin`` are refused."""

    @property
    def function_names(self) -> tuple[str, ...]:
        """The names of the tools."""
        return tuple(self.tools)

    @property
    def method_names(self) -> tuple[str, ...]:
        """The names that the guard gives to MCP's own messages."""
        return tuple(RESERVED)

    @property
    def browser_rules(self) -> BrowserRules:
        """Refuse pages of other origins (MCP, transports: DNS rebinding), and let those listed use all of MCP."""
        if self.cors is None:
            return BrowserRules(())
        own = (self.session_header,) if self.session_header else ()
        return BrowserRules(tuple(self.cors.origins), METHODS, (*SENT, *own), READ, self.cors.max_age)

    @property
    def token_rules(self) -> tuple[TokenRule, ...]:
        """Let everybody read where to sign in, and nothing else."""
        paths = self.protected_resource.metadata_paths if self.protected_resource else ()
        return tuple(
            TokenRule(method, re.escape(path), needed=False) for path in paths for method in DOCUMENT_METHODS
        )

    def problems(self) -> Iterator[ConfigError]:
        """Yield tools that have the name of an MCP method or are listed twice, and a resource of another path."""
        if self.protected_resource and self.protected_resource.path != self.path:
            hint = f"clients find the metadata by the path of this connection, {self.path!r}"
            message = f"the path of this URL is {self.protected_resource.path!r}"
            yield ConfigError(message, hint=hint, key=("protected_resource", "resource"))
        for index, tool in enumerate(self.tools):
            if tool in RESERVED:
                message = f"a tool cannot be called {tool!r}: that names an MCP method"
                yield ConfigError(message, key=("tools", index))
            if tool in self.tools[:index]:
                yield ConfigError(f"tool {tool!r} is listed twice", key=("tools", index))
