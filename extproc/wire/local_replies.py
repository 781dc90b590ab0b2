"""Envoy's local replies: answers that Envoy gives by itself, without the backend.

Source: Envoy 1.40, ``response.code_details`` and ``Grpc::Utility::httpToGrpcStatus``; ``docs/reference/envoy.md``.
"""

from http import HTTPStatus

from extproc.model.call import ResponseHead
from extproc.model.reasons import Reason

REASONS = {
    "request_payload_too_large": Reason.BODY_TOO_LARGE,
    "route_not_found": Reason.UNKNOWN_FUNCTION,
    "direct_response": Reason.UNKNOWN_FUNCTION,
    "rbac_access_denied_matched_policy[refused-methods]": Reason.UNKNOWN_FUNCTION,
    "rbac_access_denied_matched_policy[refused-origins]": Reason.ORIGIN_REFUSED,
    "cors_response": Reason.ANSWERED,
    "upgrade_failed": Reason.UNKNOWN_FUNCTION,
    "downstream_remote_disconnect": Reason.CALLER_GONE,
    "upstream_reset_after_response_started": Reason.RESPONSE_ABANDONED,
}
"""Reasons by Envoy's ``response.code_details``."""
BROKEN_OFF = "broken_off_by_the_guard"
"""What the guard says when it ends its stream in the middle of a response. Envoy repeats it in the details."""
STATUS_BY_GRPC = {"16": 401, "7": 403, "8": 413, "12": 404, "14": 503}
"""HTTP statuses by the ``grpc-status`` that Envoy translates them to."""
REASON_BY_STATUS = {401: Reason.UNAUTHENTICATED, 403: Reason.POLICY_DENIED, 413: Reason.BODY_TOO_LARGE}
JWT_DETAILS = "jwt_authn_access_denied"
"""The beginning of the details of what jwt_authn refuses. A 403 of another filter says nothing about the token."""


def reported_reason(details: str) -> Reason:
    """Return the reason of a request's end that Envoy reports; one that is not listed is the guard's error.

    Args:
        details: ``response_code_details``; Envoy adds what happened to some, in braces.
    """
    return REASONS.get(details.partition("{")[0], Reason.GUARD_ERROR)


def is_broken_off(details: str) -> bool:
    """Return whether the guard itself broke the response off, by Envoy's ``response_code_details``."""
    cause, _, said = details.partition("{")
    return cause.startswith("ext_proc_error") and said.startswith(BROKEN_OFF)


def local_status(head: ResponseHead) -> int:
    """Return the HTTP status of Envoy's answer; to a gRPC request that is 200, and ``grpc-status`` has it."""
    grpc_status = head.headers.get("grpc-status")
    return STATUS_BY_GRPC.get(grpc_status, 500) if grpc_status else head.status


def local_reason(head: ResponseHead) -> Reason:
    """Return the reason that Envoy's answer amounts to; one that is not listed is the guard's error."""
    status = local_status(head)
    if status == HTTPStatus.FORBIDDEN and head.local_reply.startswith(JWT_DETAILS):
        return Reason.TOKEN_REJECTED
    return REASONS.get(head.local_reply) or REASON_BY_STATUS.get(status, Reason.GUARD_ERROR)
