"""The guard's own answers to MCP messages, in the forms that clients survive.

A client finds the call that an answer is for by its JSON-RPC id, on status 200. Several clients take another
status for the end of their session. Several wait for the result of a broken stream until their time is over. So
the id of a request is read even where the request is refused because it cannot be read. Where there is none, a
client learns of the failure by the status alone: no client waits after one of 400 and more.

Sources: JSON-RPC 2.0 sections 4 and 5; MCP 2024-11-05 to 2026-07-28, transports; RFC 9110 section 15.3.3.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeGuard

from extproc.codecs.content_type import EVENT_STREAM
from extproc.model.call import Call, Headers, Json
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.reply import CALL_ID, Reply
from extproc.protocols.mcp.eras import is_modern
from extproc.protocols.problem_document import detail_of

REFUSED_CODE = -32010
"""JSON-RPC error code of refusals, from MCP's implementation-defined range (-32000 to -32019)."""
NO_METHOD_CODE = -32601
"""What is not registered does not exist for the caller (JSON-RPC 2.0 section 5.1)."""
NO_SESSION_CODE = -32001
"""The code of the TypeScript SDK's servers for a session that is over; the protocol has a status alone."""
MISMATCH_CODE = -32020
"""``HeaderMismatch`` of MCP 2026-07-28."""
ACCEPTED = 202
"""The status for a notification or an answer. It promises nothing about what is done with the message."""
OK, BAD_REQUEST, UNAUTHORIZED, SERVER_ERROR = 200, 400, 401, 500
JSON_FIELDS = (("content-type", "application/json"), ("cache-control", "no-store"))
OF_A_BODY = frozenset({"content-type", "content-length", "content-encoding"})
NO_FACTS: Mapping[str, Json] = MappingProxyType({})
LONGEST = 1_024
"""Characters kept of a policy's own text."""


class Envelope(NamedTuple):
    """The parts of a JSON-RPC message that decide the form of the answer."""

    rpc_id: int | str | None = None
    """The id of a request; None where there is none for certain."""
    awaits_reply: bool = True
    """False for a notification, and for an answer to a request of the server."""
    modern: bool = False
    """See ``Call.modern``."""


def read_envelope(headers: Headers, body: bytes) -> Envelope:
    """Read what to answer to from a body that is refused: leniently, since nothing else is done with it.

    Never raises.
    A message that may be a request awaits a reply: its client would wait in vain after a status 202.
    """
    members = _members(body)
    keys = {key for key, _ in members}
    ids = [value for key, value in members if key == "id"]
    meta = _last(_last(members, "params"), "_meta")
    modern = is_modern(headers, dict(meta) if isinstance(meta, tuple) else None)
    if "method" not in keys:
        return Envelope(None, not keys & {"result", "error"}, modern)
    if not ids:
        return Envelope(None, awaits_reply=False, modern=modern)
    return Envelope(ids[0] if len(ids) == 1 and is_id(ids[0]) else None, modern=modern)


def is_id(value: object) -> TypeGuard[int | str]:
    """Return whether this is a request's id: a string or an integer (MCP has no ``null``)."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def refusal(call: Call | None, reason: Reason, call_id: str) -> Reply | None:
    """Answer a request with a JSON-RPC error, and a message that awaits no reply with 202 and no body.

    A failure of the guard and a session that is over are told even where no reply is awaited: nobody may
    believe that a cancellation counted.

    Returns:
        The answer. None where a problem document is due: for a missing token, on which MCP clients act.
    """
    if call is None or reason is Reason.UNAUTHENTICATED:
        return None
    told = reason is Reason.UNKNOWN_SESSION or reason.answer.status >= SERVER_ERROR
    if not (call.awaits_reply or told):
        return Reply(ACCEPTED, ((CALL_ID, call_id),), b"")
    return Reply(_status(call, reason), JSON_FIELDS, _error(call, reason, call_id))


def _status(call: Call, reason: Reason) -> int:
    """Return the status of an answer: 200 with an id, but for what MCP gives a status of its own."""
    own = call.modern and _code(call, reason) != REFUSED_CODE
    return reason.answer.status if call.rpc_id is None or own or reason is Reason.UNKNOWN_SESSION else OK


def _code(call: Call, reason: Reason) -> int:
    if reason is Reason.UNKNOWN_FUNCTION:
        return NO_METHOD_CODE
    if reason is Reason.UNKNOWN_SESSION and not call.modern:
        return NO_SESSION_CODE
    differs = reason is Reason.UNINSPECTABLE and call.uninspectable is Uninspectable.HEADER_BODY_MISMATCH
    return MISMATCH_CODE if differs and call.modern else REFUSED_CODE


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
    return Reply(OK, JSON_FIELDS + own, _error(call, reason, call_id, status=reply.status, detail=told))


def pending_error(call: Call, call_id: str, detail: str, facts: Mapping[str, Json]) -> Reply:
    """Answer a request that waits for approval with a JSON-RPC error.

    Args:
        call: a request with an id.
        call_id: the call's id.
        detail: what the caller is to do.
        facts: about the request for approval, for programs.
    """
    reason = Reason.APPROVAL_REQUIRED
    error = _error(call, reason, call_id, detail=detail, facts=facts)
    return in_stream(call, Reply(_status(call, reason), JSON_FIELDS, error))


def in_stream(call: Call | None, reply: Reply) -> Reply:
    """Put a JSON-RPC error for a call whose stream a GET resumes into a stream, where clients look for it."""
    if not call or not call.resumes or reply.status != OK:
        return reply
    fields = tuple(each for each in reply.headers if each[0] != "content-type")
    return Reply(OK, (("content-type", EVENT_STREAM), *fields), b"event: message\ndata: " + reply.body + b"\n\n")


def last_event(call: Call, reason: Reason) -> bytes:
    """Return the event that ends a broken answer to a request; nothing where the request has no id.

    The blank lines end an event that went only in part.
    """
    if call.rpc_id is None:
        return b""
    return b"\n\nevent: message\ndata: " + _error(call, reason, call.call_id) + b"\n\n"


def if_cut_off(call: Call) -> str:
    """Return the error with which Envoy answers a request if it has to end it itself; ASCII.

    Returns:
        Empty where there is no id, or where it is longer than anybody's: Envoy keeps the text during the call.
        Empty for a GET that resumes a stream, too: its client looks for the error in a stream.
    """
    if call.rpc_id is None or call.resumes:
        return ""
    text = _error(call, Reason.RESPONSE_ABANDONED, call.call_id).decode()
    return text if len(text) <= LONGEST else ""


def _error(
    call: Call,
    reason: Reason,
    call_id: str,
    *,
    status: int = 0,
    detail: str = "",
    facts: Mapping[str, Json] = NO_FACTS,
) -> bytes:
    own, title = reason.answer
    data: dict[str, Json] = {"reason": reason.value, "call_id": call_id, "status": status or own}
    if detail := detail or detail_of(reason, call):
        data["detail"] = detail
    data |= facts
    error = {"code": _code(call, reason), "message": title, "data": data}
    document = {"jsonrpc": "2.0", "id": call.rpc_id, "error": error}
    return json.dumps(document, separators=(",", ":")).encode()


def _members(body: bytes) -> tuple[tuple[str, Any], ...]:
    """Return the members of an object, each of which is one of a tuple again; none for anything else."""
    try:
        read = json.loads(body.decode("utf-8-sig", "replace"), object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return ()
    return read if isinstance(read, tuple) else ()


def _last(members: object, key: str) -> Any:
    return dict(members).get(key) if isinstance(members, tuple) else None
