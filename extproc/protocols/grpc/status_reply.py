"""Refusals over gRPC: HTTP 200, with the status in trailers that come as headers (Trailers-Only).

Source: gRPC over HTTP/2 (PROTOCOL-HTTP2.md).
"""

import base64
import re
from urllib.parse import quote

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, Help, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from extproc.model.call import Headers
from extproc.model.pending_approval import PendingApproval
from extproc.model.reasons import Reason
from extproc.model.reply import Reply

CONTENT_TYPE = "application/grpc"
SPEAKS_GRPC = re.compile(r"application/grpc(?:[+;].*)?", re.IGNORECASE | re.DOTALL)
"""``application/grpc-web`` is another protocol, over HTTP/1.1 too."""
DETAILS = "grpc-status-details-bin"
DOMAIN = "extproc"
UNKNOWN = 2
CODES = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 12,  # UNIMPLEMENTED
    409: 9,  # FAILED_PRECONDITION: asking again at once is of no use
    413: 8,  # RESOURCE_EXHAUSTED
    429: 8,
    499: 1,  # CANCELLED
    500: 13,  # INTERNAL
    502: 13,
    503: 14,  # UNAVAILABLE
    504: 14,
}
"""``google.rpc.Code`` by the HTTP status that a reason has over HTTP."""
OF_DENIAL = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
"""``google.rpc.Code`` that Envoy makes of the HTTP status of a denial: ``Grpc::Utility::httpToGrpcStatus``."""
OF_REASON = {Reason.UPSTREAM_ERROR: 14}
"""Exceptions to ``CODES``, by reason."""
SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
LONGEST = 1_024
"""Characters kept of a policy's own text."""


def speaks_grpc(headers: Headers) -> bool:
    """Return whether a request is gRPC's, so that its caller reads ``grpc-status``."""
    return SPEAKS_GRPC.fullmatch(headers.get("content-type").strip(" \t")) is not None


def grpc_refusal(reason: Reason, call_id: str) -> Reply:
    """Answer with a status, a message that names reason and call, and the same as ``ErrorInfo``."""
    code = OF_REASON.get(reason, CODES[reason.answer.status])
    message = f"{reason.answer.title} ({reason.value}, call {call_id})"
    return _status(code, message, _info(reason, {"call_id": call_id}))


def grpc_pending(pending: PendingApproval, call_id: str) -> Reply:
    """Answer a call that waits for approval: when to make it again (``RetryInfo``), and where approvers decide.

    No retry policy of a client or proxy names this code, unless somebody writes it there.
    """
    reason = Reason.APPROVAL_REQUIRED
    message = f"{reason.answer.title}: make it again with the same message ({reason.value}, call {call_id})"
    details: list[Message] = [
        _info(reason, {"call_id": call_id, **pending.facts}),
        RetryInfo(retry_delay=Duration(seconds=pending.retry_after_s)),
    ]
    if pending.url:
        details.append(Help(links=[Help.Link(description="Approvers decide here", url=pending.url)]))
    return _status(CODES[reason.answer.status], message, *details)


def _info(reason: Reason, metadata: dict[str, str]) -> Message:
    info: Message = ErrorInfo(reason=reason.value.upper().replace("-", "_"), domain=DOMAIN, metadata=metadata)
    return info


def _status(code: int, message: str, *details: Message) -> Reply:
    packed = [Any() for _ in details]
    for each, detail in zip(packed, details, strict=True):
        each.Pack(detail)
    status = Status(code=code, message=message, details=packed).SerializeToString()
    return _trailers_only(code, message, (DETAILS, base64.b64encode(status).decode().rstrip("=")))


def spoken(headers: Headers, reply: Reply) -> Reply:
    """Put an HTTP answer into the form that its caller reads: over gRPC a status, with the body as its message.

    Args:
        headers: of the request.
        reply: as HTTP has it, of a policy that answers in its own words.
    """
    if not speaks_grpc(headers) or any(name == "grpc-status" for name, _ in reply.headers):
        return reply
    told = reply.body.decode("utf-8", "replace")[:LONGEST]
    more = [each for each in reply.headers if each[0] not in ("content-type", "content-length")]
    return _trailers_only(OF_DENIAL.get(reply.status, UNKNOWN), told, *more)


def _trailers_only(code: int, message: str, *more: tuple[str, str]) -> Reply:
    told = (("grpc-message", quote(message, safe=SAFE)),) if message else ()
    return Reply(200, (("content-type", CONTENT_TYPE), ("grpc-status", str(code)), *told, *more), b"")
