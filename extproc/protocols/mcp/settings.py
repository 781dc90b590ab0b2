"""Settings of an MCP connection."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from extproc.model.errors import ConfigError
from extproc.model.name_patterns import ANY
from extproc.model.pinning import Pinning
from extproc.protocols.mcp.functions import PROMPT, RESOURCE
from extproc.protocols.mcp.methods import PROTOCOL_MESSAGES, REQUESTS_OF_SERVERS, RESERVED
from extproc.protocols.mcp.patterns import METHOD_NAME, PLAIN_NAME, NamePatterns
from extproc.settings.base import Example
from extproc.settings.connection import ConnectionSettings, TokenRule
from extproc.settings.cors import BrowserRules, CorsSettings
from extproc.settings.pinned_definitions import DefinitionSettings
from extproc.settings.protected_resource import ProtectedResource

DOCUMENT_METHODS = ("GET", "HEAD")
"""Methods that read the metadata of a protected resource."""

METHODS = ("GET", "POST", "DELETE")
"""Methods of streamable HTTP."""
SENT = (
    *("authorization", "content-type", "accept", "last-event-id", "mcp-session-id", "mcp-protocol-version"),
    *("mcp-method", "mcp-name", "*"),
)
"""Header fields that clients send. The names of ``Mcp-Param-*`` come from the definitions of tools. ``*`` is any
name but ``authorization``, in requests without cookies (Fetch, CORS-preflight fetch); browsers send none here."""
READ = ("mcp-session-id", "www-authenticate")
"""Header fields of responses that clients have to read."""


PLAIN_PATTERN = r"^(\*|[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}\*?)$"
PROMPT_NAME = r"^(\*|[^\x00-\x20\x7f*][^\x00-\x1f\x7f*]{0,127}\*?)$"
RESOURCE_URI = r"^(\*\*|[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f\\]*)$"
NOUNS = {"tools": "tool", "prompts": "prompt", "resources": "resource", "methods": "method"}
SETTINGS_OF = {
    "tools/call": "name the tools in tools",
    "prompts/get": "name the prompts in prompts",
    "resources/read": "name the resources in resources",
}


class McpConnection(ConnectionSettings):
    """An MCP server over streamable HTTP."""

    protocol: Literal["mcp"]
    """MCP over streamable HTTP."""
    path: str = Field("/mcp", pattern=r"^/[^?#]*$")
    """Path of the server's endpoint. Requests to other paths are unknown, and denied."""
    tools: Annotated[list[Annotated[str, Field(pattern=PLAIN_PATTERN)]], Example("tools: [search, read_page]")] = (
        Field([])
    )
    """Tools that may be called, by name, or by the beginning of their names and one ``*`` (``search_*``). All
    others are unknown, and denied."""
    prompts: Annotated[list[Annotated[str, Field(pattern=PROMPT_NAME)]], Example("prompts: [summarize]")] = Field(
        []
    )
    """Prompts that may be got, by name or beginning, as for tools. Policy names one ``prompt:NAME``."""
    resources: Annotated[
        list[Annotated[str, Field(pattern=RESOURCE_URI)]], Example('resources: ["file:///docs/**"]')
    ] = Field([])
    """Resources that may be read, by URI, or by a pattern: ``**`` is anything, ``*`` anything within a segment. Of
    several patterns the longest counts, stars aside. A URI that a reader could take for one of another pattern is
    unknown. Policy names one ``resource:PATTERN``, and sees the URI as an argument."""
    methods: Annotated[list[Annotated[str, Field(pattern=PLAIN_PATTERN)]], Example('methods: ["tasks/*"]')] = (
        Field([])
    )
    """Other methods that may be called, by name or beginning: those of tasks, and the server's own. A beginning
    registers only methods with a slash in their names, as MCP's methods have."""

    protected_resource: ProtectedResource | None = None
    """Where clients sign in; none: they are not told."""
    definitions: DefinitionSettings = DefinitionSettings()
    """How the definitions of tools are pinned."""
    cors: CorsSettings | None = None
    """Web applications that may call; none: requests with the header field ``Origin`` are refused."""

    @property
    def _registered(self) -> tuple[str, ...]:
        """The names and patterns of all functions but resources, in the order of the settings."""
        return (*self.tools, *(PROMPT + name for name in self.prompts), *self.methods)

    @property
    def function_names(self) -> tuple[str, ...]:
        """The names of tools, prompts and methods, and one for each resource or pattern of resources."""
        whole = (name for name in self._registered if not name.endswith(ANY))
        return (*whole, *(RESOURCE + uri for uri in self.resources))

    @property
    def function_patterns(self) -> tuple[str, ...]:
        """Patterns of tools, prompts and methods."""
        return tuple(name for name in self._registered if name.endswith(ANY))

    @property
    def pinning(self) -> Pinning | None:
        """How definitions of tools are pinned; None where they are not looked at."""
        given = self.definitions
        if given.pin == "never":
            return None
        digests = {tool: frozenset(accepted) for tool, accepted in given.digests.items()}
        return Pinning(given.pin == "first-sight", digests, frozenset(given.ignore))

    @property
    def method_names(self) -> tuple[str, ...]:
        """The names that the guard gives to MCP's own messages, those of servers among them."""
        return tuple(PROTOCOL_MESSAGES | REQUESTS_OF_SERVERS)

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
        if not (self.tools or self.prompts or self.resources or self.methods):
            hint = 'name what may be called: tools: [search], or tools: ["*"] for all'
            what = "nothing is registered: tools, prompts, resources and methods are empty"
            yield ConfigError(what, hint=hint, key=("tools",))
        for key in ("tools", "prompts", "resources", "methods"):
            yield from _listed_twice(key, getattr(self, key))
        of_methods = NamePatterns(self.methods, METHOD_NAME)
        for index, tool in enumerate(self.tools):
            if tool in RESERVED:
                message = f"a tool cannot be called {tool!r}: that names an MCP method"
                yield ConfigError(message, key=("tools", index))
            elif of_methods.match(tool):
                message = f"a tool cannot be called {tool!r}: that is a method of the setting methods"
                yield ConfigError(message, key=("tools", index))
        yield from self._unregistered_digests()
        for index, method in enumerate(self.methods):
            if method in RESERVED:
                message = f"{method!r} is not registered here: that is a method of MCP's own"
                yield ConfigError(message, hint=SETTINGS_OF.get(method, ""), key=("methods", index))

    def _unregistered_digests(self) -> Iterator[ConfigError]:
        registered = NamePatterns(self.tools, PLAIN_NAME)
        for tool in self.definitions.digests:
            if not registered.match(tool):
                key = ("definitions", "digests", tool)
                yield ConfigError(f"no tool {tool!r} is registered", hint="name it in tools", key=key)


def _listed_twice(key: str, names: list[str]) -> Iterator[ConfigError]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield ConfigError(f"{NOUNS[key]} {name!r} is listed twice", key=(key, index))
