"""The request as Envoy delivered it, and the call that was read from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from extproc.model.odd_bodies import Odd, remedy
from extproc.model.reasons import Uninspectable

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Headers:
    """Header fields in order, with names in lower case; a name may occur more than once."""

    fields: tuple[tuple[str, bytes], ...] = ()
    _by_name: dict[str, bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", _joined(self.fields))

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return iter(self.fields)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def raw(self, name: str) -> bytes:
        """Return the value; repeated ones joined by a comma (RFC 9110 section 5.3). Empty if absent."""
        return self._by_name.get(name, b"")

    def get(self, name: str) -> str:
        """Return ``raw`` as text. Bytes outside ASCII are decoded as latin-1: comparisons never raise."""
        return self._by_name.get(name, b"").decode("latin-1")


def _joined(fields: tuple[tuple[str, bytes], ...]) -> dict[str, bytes]:
    joined = dict(fields)
    if len(joined) < len(fields):
        joined.clear()
        for name, value in fields:
            joined[name] = joined[name] + b"," + value if name in joined else value
    return joined


@dataclass(frozen=True, slots=True)
class Attributes:
    """Envoy's own facts about a request and its connection. No header field of a request can write one."""

    protocol: str = ""
    """The caller's HTTP version: ``HTTP/1.1``, ``HTTP/2``."""
    destination: str = ""
    """The address at which Envoy was called, ``ip:port``."""
    source_principal: str = ""
    """The caller's name by its client certificate: its first URI SAN, else its first DNS SAN, else its subject.
    Empty without a certificate. Whether the certificate was verified, Envoy's listener says."""
    source_certificate: str = field(default="", repr=False)
    """The client certificate, PEM, percent-encoded."""
    destination_principal: str = ""
    """Envoy's name by its own certificate, chosen in the same way."""
    sni: str | None = None
    """The server name that the caller asked for in TLS; empty without one. None: Envoy does not say."""
    cluster: str = ""
    """The upstream cluster of the route that Envoy has chosen; empty if Envoy does not say."""
    context_extensions: Mapping[str, str] = field(default_factory=dict)
    """The route's context extensions."""
    route_metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The route's metadata, by namespace."""
    unsent: frozenset[str] = frozenset()
    """Facts that Envoy's ext_proc filter does not ask for, by their keys in policy's input."""


NO_ATTRIBUTES = Attributes()


@dataclass(frozen=True)
class RequestHead:
    """The request line and header fields, after Envoy's normalisation."""

    method: str
    scheme: str
    authority: str
    path: str
    """As Envoy forwards it, with the query."""
    headers: Headers
    """Without pseudo-headers."""
    request_id: str = ""
    """Envoy's ``x-request-id``."""
    source: str = ""
    """The caller's address as Envoy sees it, ``ip:port``."""
    attributes: Attributes = NO_ATTRIBUTES
    """Envoy's own facts about the request."""

    @property
    def path_only(self) -> str:
        """The path up to the first ``?``."""
        return self.path.partition("?")[0]

    @property
    def query(self) -> str:
        """The query after the first ``?``; empty if there is none."""
        return self.path.partition("?")[2]


@dataclass(frozen=True)
class ResponseHead:
    """The status and header fields of a response."""

    status: int
    headers: Headers
    local_reply: str = ""
    """Envoy's ``response.code_details`` if Envoy itself answered; empty for the backend's response."""


class AnsweredCall(NamedTuple):
    """The call that a stream of events answers, as its event ids name it."""

    name: str
    """As in ``Call``."""
    method: str
    """As in ``Call``."""
    rpc_id: int | str | None = None
    """As in ``Call``."""


@dataclass(frozen=True)
class Call:
    """One invocation of one registered function."""

    call_id: str
    """UUIDv7."""
    connection: str
    """The registered connection's name."""
    name: str
    """The function's name within its connection: an operation, an MCP tool, an MCP method such as ``tools/list``,
    or a gRPC method, ``shop.v1.Inventory/GetItem``."""
    protocol: str
    """``http-json``, ``mcp`` or ``grpc``."""
    arguments: Json = None
    """The arguments of the function. Raw values: never log, never store."""
    session: str = ""
    """The MCP session id or the configured header's value; empty if idle gaps separate the sessions."""
    method: str = ""
    """JSON-RPC method, for MCP."""
    rpc_id: int | str | None = None
    """JSON-RPC id, for MCP: a refusal answers to it. None for a notification."""
    direction: str = "request"
    """``request``; ``list`` when policy is asked whether a listing of tools may show this one; ``server`` when it
    is asked about a request that the server makes of the client."""
    resumes: str = ""
    """JSON-RPC method of the earlier call whose answer this request asks for again; empty: it asks for none."""
    uninspectable: Uninspectable | None = None
    """Set if the body could not be read; ``arguments`` is then None."""
    has_open_name: bool = False
    """True if the settings have only the beginning of the name, so that the caller chose the rest."""
    odd: Odd | None = None
    """Which odd but common body it then is; None if that is not known."""
    awaits_reply: bool = True
    """False for a JSON-RPC notification or response, for MCP: no reply to it is read, not even a refusal."""
    modern: bool = False
    """True for a message of MCP 2026-07-28 or later: refusals of it have other statuses."""
    document: Json = field(default=None, repr=False)
    """The whole parsed body (``arguments`` may be a part of it). Raw values."""

    @property
    def remedy(self) -> str:
        """One line about a body that could not be read: which it is, and what to do. May be empty."""
        return remedy(self.uninspectable, self.odd) if self.uninspectable else ""

    @property
    def answered(self) -> "Call":
        """The call whose answer the response is: for a request that resumes a stream, the earlier one."""
        return replace(self, method=self.resumes) if self.resumes else self

    @property
    def is_streamed(self) -> bool:
        """True if the arguments are the list of a streaming client's messages, which no ``document`` holds."""
        return self.document is None and isinstance(self.arguments, list)

    @property
    def function(self) -> str:
        """``connection.name``, e.g. ``crm.get_customer``."""
        return f"{self.connection}.{self.name}"
