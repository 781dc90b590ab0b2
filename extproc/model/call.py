"""What is called: the request as Envoy delivered it, and the call read from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from extproc.model.reasons import Uninspectable

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Headers:
    """Header fields in order, names in lower case, repeated names kept."""

    fields: tuple[tuple[str, bytes], ...] = ()
    _by_name: dict[str, bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", _joined(self.fields))

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return iter(self.fields)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def raw(self, name: str) -> bytes:
        """The value, repeated ones joined by a comma (RFC 9110 section 5.3); empty when absent."""
        return self._by_name.get(name, b"")

    def get(self, name: str) -> str:
        """As ``raw``, decoded: bytes outside ASCII survive as latin-1, so a comparison never raises."""
        return self._by_name.get(name, b"").decode("latin-1")


def _joined(fields: tuple[tuple[str, bytes], ...]) -> dict[str, bytes]:
    joined = dict(fields)
    if len(joined) < len(fields):
        joined.clear()
        for name, value in fields:
            joined[name] = joined[name] + b"," + value if name in joined else value
    return joined


@dataclass(frozen=True)
class RequestHead:
    """The request line and header fields, after Envoy's normalisation."""

    method: str
    scheme: str
    authority: str
    path: str
    """As Envoy will forward it, query included."""
    headers: Headers
    """Without pseudo-headers."""
    request_id: str = ""
    """Envoy's ``x-request-id``."""
    source: str = ""
    """The caller's address as Envoy sees it, ``ip:port``."""

    @property
    def path_only(self) -> str:
        """The path up to the first ``?``."""
        return self.path.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the first ``?``; empty when there is none."""
        return self.path.partition("?")[2]


@dataclass(frozen=True)
class ResponseHead:
    """The status and header fields of a response."""

    status: int
    headers: Headers
    local_reply: str = ""
    """Envoy's ``response.code_details`` when Envoy itself answered; empty for the upstream's response."""


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
    """What the function is called with. Raw values: never log, never store."""
    session: str = ""
    """The MCP session id or the configured header's value; empty when sessions follow from idle gaps."""
    method: str = ""
    """JSON-RPC method, for MCP."""
    rpc_id: int | str | None = None
    """JSON-RPC id, for MCP: a refusal answers to it. None for a notification."""
    direction: str = "request"
    """``request``; ``list`` where the question is whether a listing of tools may show this one."""
    uninspectable: Uninspectable | None = None
    """Set when the body could not be read: ``arguments`` is then None."""
    document: Json = field(default=None, repr=False)
    """The whole parsed body (``arguments`` may be a part of it). Raw values."""

    @property
    def function(self) -> str:
        """``connection.name``, e.g. ``crm.get_customer``."""
        return f"{self.connection}.{self.name}"
