"""The closed list of reasons, which policies, answers to callers, pages and entries use.

Each reason has the status and title of the caller's answer. A new reason changes the contract: document it in
``docs/reference/reasons.md`` (a test compares the two).
"""

from enum import StrEnum
from typing import NamedTuple


class Answer(NamedTuple):
    """The caller's answer for one reason."""

    status: int
    """HTTP status code, RFC 9110 section 15."""
    title: str
    """RFC 9457 ``title``: one short sentence that holds nothing of the call."""


class Reason(StrEnum):
    """Why a call was allowed, refused, held or failed."""

    # Allowed
    POLICY_ALLOWED = "policy-allowed"
    APPROVED = "approved"
    ANSWERED = "answered"
    # The caller
    UNAUTHENTICATED = "unauthenticated"
    TOKEN_REJECTED = "token-rejected"  # noqa: S105 - a reason, not a secret
    ORIGIN_REFUSED = "origin-refused"
    UNKNOWN_SESSION = "unknown-session"
    # The function and its arguments
    UNKNOWN_FUNCTION = "unknown-function"
    UNINSPECTABLE = "uninspectable"
    BODY_TOO_LARGE = "body-too-large"
    # Policy's decision
    POLICY_DENIED = "policy-denied"
    NOT_IN_SCOPE = "not-in-scope"
    FORBIDDEN_ARGUMENT = "forbidden-argument"
    HIGH_RISK = "high-risk"
    OUTSIDE_HOURS = "outside-hours"
    RATE_EXCEEDED = "rate-exceeded"
    BUDGET_EXCEEDED = "budget-exceeded"
    SEPARATION_OF_DUTIES = "separation-of-duties"
    SENSITIVE_DATA = "sensitive-data"
    MASKED_VALUE = "masked-value"
    POLICY_ERROR = "policy-error"
    # People's decision
    APPROVAL_REQUIRED = "approval-required"
    APPROVAL_DENIED = "approval-denied"
    APPROVAL_EXPIRED = "approval-expired"
    APPROVAL_OUTDATED = "approval-outdated"
    APPROVAL_UNAVAILABLE = "approval-unavailable"
    TICKET_REFUSED = "ticket-refused"
    CALLER_GONE = "caller-gone"
    # The guard's own failures
    MASKING_FAILED = "masking-failed"
    MASKING_UNAVAILABLE = "masking-unavailable"
    CREDENTIAL_UNAVAILABLE = "credential-unavailable"
    EVIDENCE_UNAVAILABLE = "evidence-unavailable"
    OVERLOADED = "overloaded"
    ROUTE_MISMATCH = "route-mismatch"
    GUARD_ERROR = "guard-error"
    # The backend's or Envoy's failures
    UPSTREAM_ERROR = "upstream-error"
    RESPONSE_UNINSPECTABLE = "response-uninspectable"
    RESPONSE_ABANDONED = "response-abandoned"

    @property
    def answer(self) -> Answer:
        """The status and title a caller sees."""
        return ANSWERS[self]


ANSWERS: dict[Reason, Answer] = {
    Reason.POLICY_ALLOWED: Answer(200, "Allowed by policy"),
    Reason.APPROVED: Answer(200, "Released by an approver"),
    Reason.ANSWERED: Answer(200, "Answered without the backend"),
    Reason.UNAUTHENTICATED: Answer(401, "A valid token is required"),
    Reason.TOKEN_REJECTED: Answer(403, "The token is not meant for this service"),
    Reason.ORIGIN_REFUSED: Answer(403, "Pages of this origin may not call"),
    Reason.UNKNOWN_SESSION: Answer(404, "There is no such session: begin a new one"),
    Reason.UNKNOWN_FUNCTION: Answer(404, "No such function is registered"),
    Reason.UNINSPECTABLE: Answer(400, "The request cannot be inspected"),
    Reason.BODY_TOO_LARGE: Answer(413, "The request body is too large"),
    Reason.POLICY_DENIED: Answer(403, "Denied by policy"),
    Reason.NOT_IN_SCOPE: Answer(403, "The caller may not call this function"),
    Reason.FORBIDDEN_ARGUMENT: Answer(403, "An argument is forbidden"),
    Reason.HIGH_RISK: Answer(403, "The call's risk is too high"),
    Reason.OUTSIDE_HOURS: Answer(403, "Not allowed at this time"),
    Reason.RATE_EXCEEDED: Answer(429, "Too many calls"),
    Reason.BUDGET_EXCEEDED: Answer(429, "The budget is used up"),
    Reason.SEPARATION_OF_DUTIES: Answer(403, "Another person must do this"),
    Reason.SENSITIVE_DATA: Answer(403, "The call carries data that may not pass"),
    Reason.MASKED_VALUE: Answer(403, "A value in the call was masked: leave that field out"),
    Reason.POLICY_ERROR: Answer(403, "Policy gave no usable answer"),
    Reason.APPROVAL_REQUIRED: Answer(409, "A human must approve this call"),
    Reason.APPROVAL_DENIED: Answer(403, "An approver refused the call"),
    Reason.APPROVAL_EXPIRED: Answer(403, "Nobody approved the call in time"),
    Reason.APPROVAL_OUTDATED: Answer(403, "The approval does not meet the policy in force"),
    Reason.APPROVAL_UNAVAILABLE: Answer(503, "Approvals cannot be asked for now"),
    Reason.TICKET_REFUSED: Answer(403, "The ticket was not given for this call"),
    Reason.CALLER_GONE: Answer(499, "The caller left or withdrew the call"),
    Reason.MASKING_FAILED: Answer(502, "Sensitive data could not be masked"),
    Reason.MASKING_UNAVAILABLE: Answer(503, "This route cannot mask, and the call needs it"),
    Reason.CREDENTIAL_UNAVAILABLE: Answer(503, "The backend's credential is not available"),
    Reason.EVIDENCE_UNAVAILABLE: Answer(503, "The call cannot be recorded"),
    Reason.OVERLOADED: Answer(503, "Too many calls at once"),
    Reason.ROUTE_MISMATCH: Answer(503, "The route is changing"),
    Reason.GUARD_ERROR: Answer(500, "The guard failed"),
    Reason.UPSTREAM_ERROR: Answer(502, "The backend did not answer"),
    Reason.RESPONSE_UNINSPECTABLE: Answer(502, "The backend's answer cannot be inspected"),
    Reason.RESPONSE_ABANDONED: Answer(502, "The backend's answer was cut off"),
}


class Uninspectable(StrEnum):
    """The fact about a body that could not be read, which policy sees by name: it is never a silent null."""

    TOO_LARGE = "too-large"
    TRUNCATED = "truncated"
    CONTENT_ENCODING = "content-encoding"
    CONTENT_TYPE = "content-type"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_JSONRPC = "not-jsonrpc"
    NOT_PROTOBUF = "not-protobuf"
    UNKNOWN_FIELDS = "unknown-fields"
    """A field, a type or a value that the descriptors do not have: a newer backend would read it."""
    MESSAGE_COUNT = "message-count"
    """gRPC: no message or several, where exactly one is expected."""
    DUPLICATE_KEYS = "duplicate-keys"
    NUMBER_OUT_OF_RANGE = "number-out-of-range"
    TOO_DEEP = "too-deep"
    BATCH = "batch"
    HEADER_BODY_MISMATCH = "header-body-mismatch"
    HEADERS = "headers"
    QUERY = "query"
    UNEXPECTED_BODY = "unexpected-body"
    STREAMED = "streamed"
    """Of a response only: its body passes in pieces, after policy was asked."""
