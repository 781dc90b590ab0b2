"""Envoy's local replies: answers that Envoy gives by itself, without the backend.

Source: Envoy 1.40, ``response.code_details`` and ``Grpc::Utility::httpToGrpcStatus``; ``docs/reference/envoy.md``.
"""

from extproc.model.call import ResponseHead
from extproc.model.reasons import Reason

REASONS = {
    "request_payload_too_large": Reason.BODY_TOO_LARGE,
    "route_not_found": Reason.UNKNOWN_FUNCTION,
    "direct_response": Reason.UNKNOWN_FUNCTION,
}
"""Reasons by Envoy's ``response.code_details``."""
STATUS_BY_GRPC = {"16": 401, "7": 403, "8": 413, "12": 404, "14": 503}
"""HTTP statuses by the ``grpc-status`` that Envoy translates them to."""
REASON_BY_STATUS = {401: Reason.UNAUTHENTICATED, 403: Reason.TOKEN_REJECTED, 413: Reason.BODY_TOO_LARGE}


def local_status(head: ResponseHead) -> int:
    """Return the HTTP status of Envoy's answer; to a gRPC request that is 200, and ``grpc-status`` has it."""
    grpc_status = head.headers.get("grpc-status")
    return STATUS_BY_GRPC.get(grpc_status, 500) if grpc_status else head.status


def local_reason(head: ResponseHead) -> Reason:
    """Return the reason that Envoy's answer amounts to; one that is not listed is the guard's error."""
    return REASONS.get(head.local_reply) or REASON_BY_STATUS.get(local_status(head), Reason.GUARD_ERROR)
