"""One JSON-RPC 2.0 message of a client, read strictly.

Sources: JSON-RPC 2.0; MCP 2024-11-05 to 2026-07-28, base protocol (an id is never ``null``).
"""

from dataclasses import dataclass

from extproc.codecs.json_keys import fold
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Json
from extproc.model.reasons import Uninspectable
from extproc.protocols.mcp import refusals
from extproc.protocols.mcp.methods import NOTIFICATIONS, REQUESTS, RESPONSE

REQUEST_KEYS = frozenset({"jsonrpc", "id", "method", "params"})
RESPONSE_KEYS = (frozenset({"jsonrpc", "id", "result"}), frozenset({"jsonrpc", "id", "error"}))
ERROR_KEYS = frozenset({"code", "message", "data"})


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON-RPC message."""

    method: str
    """``response`` for an answer to a request of the server."""
    params: dict[str, Json]
    """The result or the error, for an answer."""
    rpc_id: int | str | None = None
    """The id of a request; None for a notification and for an answer."""
    is_answer: bool = False
    """True for the client's answer to a request of the server."""


def read_message(document: Json) -> Message:
    """Read one message.

    Raises:
        Unreadable: a batch, or not exactly a request, notification or response.
    """
    if isinstance(document, list):
        raise Unreadable(Uninspectable.BATCH)
    if not isinstance(document, dict) or document.get("jsonrpc") != "2.0":
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    rpc_id = _rpc_id(document)
    if "method" not in document:
        return _response(document, rpc_id)
    method, params = document["method"], document.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict) or not document.keys() <= REQUEST_KEYS:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    if (rpc_id is None and method in REQUESTS) or (rpc_id is not None and method in NOTIFICATIONS):
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return Message(method, params, rpc_id)


def _rpc_id(document: dict[str, Json]) -> int | str | None:
    """Return a string or an integer; None only when there is no id at all."""
    if "id" not in document:
        return None
    rpc_id = document["id"]
    if refusals.is_id(rpc_id):
        return rpc_id
    raise Unreadable(Uninspectable.NOT_JSONRPC)


def _response(document: dict[str, Json], rpc_id: int | str | None) -> Message:
    if rpc_id is None or document.keys() not in RESPONSE_KEYS:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    said = document.get("result", document.get("error"))
    if not isinstance(said, dict) or ("error" in document and not said.keys() <= ERROR_KEYS):
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    if any(fold(key) == "content" != key for key in said):  # no path of a mask leads there
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return Message(RESPONSE, said, is_answer=True)
