"""The settings of a connection, apart from those of its protocol."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from extproc.model.errors import ConfigError
from extproc.model.json_shape import CallShape
from extproc.model.name_patterns import ANY, matches
from extproc.model.pinning import Pinning
from extproc.settings.base import Address, Example, Host, PathSetting, Seconds, Strict, UpstreamHost
from extproc.settings.cors import BrowserRules
from extproc.settings.masking import MaskingSettings

FRAMING_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "te"})
"""Header fields that determine how a message is read."""


@dataclass(frozen=True, slots=True)
class TokenRule:
    """Whether some requests need a token, for Envoy. The guard checks by the function again."""

    method: str
    """Empty: any."""
    path: str
    """A regular expression (RE2) for the whole path, without the query."""
    needed: bool
    """False: the token may be missing. A bad one is refused all the same."""


class CredentialSettings(Strict):
    """The backend's credential. It is never recorded, and it is removed from all responses.

    It has at least 8 bytes: a shorter one is refused, since it would match ordinary text in responses.
    """

    header: str = Field("authorization", pattern=r"^[a-z0-9-]+$")
    """Header field that carries the credential, in lower case."""
    prefix: str = Field(
        "Bearer ", pattern=r"^[ -~]*$", description="text before the credential in the header field"
    )
    file: PathSetting | None = Field(
        None, description="file with the credential; read again when it changes; a trailing newline is dropped"
    )
    env: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="environment variable with the credential"
    )

    @field_validator("header")
    @classmethod
    def _not_framing(cls, header: str) -> str:
        if header in FRAMING_HEADERS:
            raise ValueError(f"{header!r} cannot carry a credential")
        return header

    @model_validator(mode="after")
    def _one_source(self) -> "CredentialSettings":
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of file and env")
        return self


class Upstream(Strict):
    """The address of the backend."""

    address: Annotated[Address, Example("address: 127.0.0.1:9000")]
    host: UpstreamHost | None = None
    """Host header that the backend gets; none: the one that the caller sent. Backends that protect themselves
    from DNS rebinding, as MCP servers do, refuse every host but their own."""
    tls: bool = False
    """True: Envoy speaks TLS to the backend, and verifies its certificate."""
    sni: str | None = Field(None, description="server name for TLS; default: the host of the address")
    ca_file: PathSetting | None = Field(
        None, description="certificate authorities of the backend, PEM; default: the system's"
    )


class RecordingSettings(Strict):
    """The evidence about this connection's calls, and its durability."""

    durability: Literal["strict", "relaxed"] = "strict"
    """strict: nothing is forwarded before the entry is on disk. relaxed: within evidence.relaxed_window."""
    arguments: bool = True
    """True: masked arguments are recorded."""
    response: bool = True
    """True: masked responses are recorded."""
    max_text: int = Field(16_384, ge=0, description="characters of masked text recorded per direction")


GroupName = Annotated[str, Field(min_length=1, max_length=200)]


class AnyGroups(Strict):
    """Sets of groups, any one of which approves."""

    any: list[Annotated[list[GroupName], Field(min_length=1, max_length=10)]] = Field(min_length=1, max_length=100)
    """Of each set all groups must approve, by a different person each."""

    @field_validator("any")
    @classmethod
    def _each_once(cls, alternatives: list[list[str]]) -> list[list[str]]:
        for each in alternatives:
            if len(set(each)) < len(each):
                raise ValueError(f"{', '.join(each)} names a group twice: minimum says how many people")
        return alternatives


class ConnectionApprovals(Strict):
    """Defaults for calls that policy holds for approval."""

    groups: list[GroupName] | AnyGroups = Field([])
    """Approvers must be in one of these groups, unless policy names others; or `any: [[sre], [dba, security]]`,
    where groups in one list must approve together. Empty: nobody can approve."""
    minimum: int = Field(1, ge=1, le=10)
    """The number of different people who must approve."""
    expires_in: Seconds = 900.0
    """Seconds until a held call can no longer be approved."""
    mode: Literal["auto", "wait", "ticket"] = "auto"
    """auto: the caller waits in Envoy for approvals.wait, then it is told to call again. wait: until people
    decide, or it expires. ticket: it is told at once."""

    @property
    def group_names(self) -> list[str]:
        """All groups that are named."""
        return list(dict.fromkeys(group for each in self.alternatives for group in each))

    @property
    def alternatives(self) -> tuple[tuple[str, ...], ...]:
        """Any one of these sets of groups suffices."""
        if isinstance(self.groups, AnyGroups):
            return tuple(tuple(each) for each in self.groups.any)
        return tuple((group,) for group in dict.fromkeys(self.groups))


class ConnectionSettings(Strict):
    """The keys that a connection has whatever its protocol. Each protocol adds its own in a subclass."""

    upstream_http2: ClassVar[bool] = False
    """True if the backend speaks HTTP/2 alone, so that Envoy must too."""

    hosts: Annotated[list[Host], Example("hosts: [crm.example.com]")] = Field(min_length=1)
    """Values of the Host header that select this connection, with the port where callers send one. Each belongs to
    one connection only. An exact host comes before a wildcard, and a longer wildcard before a shorter one."""
    upstream: Annotated[Upstream, Example("upstream: {address: 127.0.0.1:9000}")]
    """The address of the backend."""
    credential: CredentialSettings | None = None
    """The backend's credential; none: requests are forwarded without one."""
    masking: MaskingSettings = MaskingSettings()
    """The masking that is always done. Policy can only add to it."""
    recording: RecordingSettings = RecordingSettings()
    """The evidence about calls, and its durability."""
    approvals: ConnectionApprovals = ConnectionApprovals()
    """Defaults for calls that policy holds for approval."""
    session_header: str | None = Field(
        None, pattern=r"^[a-z0-9-]+$", description="request header field with the session's id"
    )
    protocol: str
    """The protocol's name. A subclass narrows it to one ``Literal``, by which its settings are recognized."""

    @property
    def function_names(self) -> tuple[str, ...]:
        """The functions that are registered by their whole names.

        Calls of all others are refused, but for those
        of ``function_patterns``.
        """
        raise NotImplementedError

    @property
    def function_patterns(self) -> tuple[str, ...]:
        """Patterns of more registered functions: beginnings of their names, each with ``*`` at its end."""
        return ()

    def has_function(self, name: str) -> bool:
        """Return whether a call could have this name: of a function, or of the protocol's own messages."""
        known = name in self.function_names or name in self.method_names
        return known or (ANY not in name and any(matches(pattern, name) for pattern in self.function_patterns))

    @property
    def anonymous_functions(self) -> frozenset[str]:
        """The functions that may be called without an identity."""
        return frozenset()

    @property
    def any_method_functions(self) -> frozenset[str]:
        """The functions that are called by any method."""
        return frozenset()

    @property
    def wide_functions(self) -> tuple[str, ...]:
        """The functions with any method and any rest of a path."""
        return ()

    @property
    def colon_functions(self) -> tuple[str, ...]:
        """The functions whose path has a segment that begins with a colon, as variables do in other tools."""
        return ()

    @property
    def token_rules(self) -> tuple[TokenRule, ...]:
        """Which requests need no token. The first rule that matches counts; all other requests need one."""
        return ()

    @property
    def browser_rules(self) -> BrowserRules | None:
        """The rules for calls from browsers; None: the connection does not distinguish them."""
        return None

    @property
    def method_names(self) -> tuple[str, ...]:
        """Names that messages of the protocol's own have, which call no registered function."""
        return ()

    @property
    def pinning(self) -> Pinning | None:
        """How the definitions of functions are pinned; None where they are not."""
        return None

    def described_calls(self) -> Mapping[str, CallShape]:
        """Return what is known of the functions' arguments and results, by function. Missing: nothing is.

        Raises:
            ConfigError: a file that describes them cannot be used.
        """
        return {}

    def complete(self) -> Self:
        """Add what the files that these settings name say, such as functions from an OpenAPI document.

        Raises:
            ConfigError: a file that cannot be used. Its ``key`` begins at the connection.
        """
        return self

    def problems(self) -> Iterator[ConfigError]:
        """Yield each error that the schema cannot find. Its ``key`` begins at the connection."""
        return iter(())
