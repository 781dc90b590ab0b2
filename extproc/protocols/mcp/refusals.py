"""The guard's own answers to MCP messages, in the forms that clients survive.

A client finds the call that an answer is for by its JSON-RPC id, on status 200. Several clients take another
status for the end of their session. Several wait for the result of a broken stream until their time is over. So
the id of a request is read even where the request is refused because it cannot be read.

Sources: JSON-RPC 2.0 sections 4 and 5; MCP 2024-11-05 to 2026-07-28, transports; RFC 9110 section 15.3.3.
"""

import json
from typing import NamedTuple, TypeGuard

from extproc.model.call import Call, Json
from extproc.model.reasons import Reason
from extproc.model.reply import CALL_ID, Reply
from extproc.protocols.problem_document import detail_of

REFUSED_CODE = -32010
"""JSON-RPC error code of every refusal, from MCP's implementation-defined range (-32000 to -32019)."""
ACCEPTED = 202
"""The status for a notification or an answer. It promises nothing about what is done with the message."""
BAD_REQUEST, UNAUTHORIZED, SERVER_ERROR = 400, 401, 500
JSON_FIELDS = (("content-type", "application/json"), ("cache-control", "no-store"))
OF_A_BODY = frozenset({"content-type", "content-length", "content-encoding"})
LONGEST = 1_024
"""Characters kept of a policy's own text."""


class Envelope(NamedTuple):
    """The parts of a JSON-RPC message that decide the form of the answer."""

    rpc_id: int | str | None = None
    """The id of a request; None where there is none for certain."""
    awaits_reply: bool = True
    """False for a notification, and for an answer to a request of the server."""


def read_envelope(body: bytes) -> Envelope:
    """Read what to answer to from a body that is refused: leniently, since nothing else is done with it.

    Never raises.
    A message that may be a request awaits a reply: its client would wait in vain after a status 202.
    """
    try:
        members = json.loads(body.decode("utf-8-sig", "replace"), object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return Envelope()
    if not isinstance(members, tuple):
        return Envelope()
    keys = {key for key, _ in members}
    ids = [value for key, value in members if key == "id"]
    if "method" not in keys:
        return Envelope(awaits_reply=not keys & {"result", "error"})
    if not ids:
        return Envelope(awaits_reply=False)
    return Envelope(ids[0]) if len(ids) == 1 and is_id(ids[0]) else Envelope()


def is_id(value: object) -> TypeGuard[int | str]:
    """Return whether this is a request's id: a string or an integer (MCP has no ``null``)."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def refusal(call: Call | None, reason: Reason, call_id: str) -> Reply | None:
    """Answer a request with a JSON-RPC error, and a message that awaits no reply with 202 and no body.

    Returns:
        The answer. None where a problem document is due: for a missing token, on which MCP clients act, and for a
        failure of the guard, after which nobody may believe that a cancellation counted.
    """
    if call is None or reason is Reason.UNAUTHENTICATED:
        return None
    if call.rpc_id is not None:
        return Reply(200, JSON_FIELDS, _error(call, reason, call_id))
    if call.awaits_reply or reason.answer.status >= SERVER_ERROR:
        return None
    return Reply(ACCEPTED, ((CALL_ID, call_id),), b"")


def in_policys_words(call: Call, reply: Reply, reason: Reason, call_id: str) -> Reply:
    """Put an error that policy wrote for HTTP into a JSON-RPC error: its body is the error's ``detail``.

    What asks for another token stays as it is (RFC 9110 section 11.6.1), and so does what is no error.
    """
    names = {name.lower() for name, _ in reply.headers}
    if reply.status < BAD_REQUEST or reply.status == UNAUTHORIZED or "www-authenticate" in names:
        return reply
    own = tuple(each for each in reply.headers if each[0].lower() not in OF_A_BODY)
    if not call.awaits_reply:
        return Reply(ACCEPTED, ((CALL_ID, call_id), *own), b"")
    if call.rpc_id is None:
        return reply
    told = reply.body.decode("utf-8", "replace")[:LONGEST]
    return Reply(200, JSON_FIELDS + own, _error(call, reason, call_id, status=reply.status, detail=told))


def last_event(call: Call, reason: Reason) -> bytes:
    """Return the event that ends a broken answer to a request; nothing where the request has no id.

    The blank lines end an event that went only in part.
    """
    if call.rpc_id is None:
        return b""
    return b"\n\nevent: message\ndata: " + _error(call, reason, call.call_id) + b"\n\n"


def _error(call: Call, reason: Reason, call_id: str, *, status: int = 0, detail: str = "") -> bytes:
    own, title = reason.answer
    data: dict[str, Json] = {"reason": reason.value, "call_id": call_id, "status": status or own}
    if detail := detail or detail_of(reason, call):
        data["detail"] = detail
    error = {"code": REFUSED_CODE, "message": title, "data": data}
    document = {"jsonrpc": "2.0", "id": call.rpc_id, "error": error}
    return json.dumps(document, separators=(",", ":")).encode()
