"""Problem documents (RFC 9457): the form of a refusal over plain HTTP."""

from collections.abc import Mapping

import orjson

from extproc.model.call import Call
from extproc.model.pending_approval import PendingApproval
from extproc.model.reasons import Reason
from extproc.model.reply import Reply

BEARER = "Bearer"
"""``WWW-Authenticate`` of a 401 that says only that a token is wanted."""
PROBLEM_TYPE = "urn:extproc:reason:"
FIELDS = (("content-type", "application/problem+json"), ("cache-control", "no-store"))
AGAIN = (
    "A person has to approve the call, and it was not made yet."
    " Make it again with the same method, address and arguments: the same bytes."
)
"""The detail of an answer to a call that waits for approval. A call with one more space is another one."""


def problem(
    reason: Reason, call_id: str, status: int = 0, call: Call | None = None, challenge: str = BEARER
) -> Reply:
    """Return the reply for a reason: its title and the call's id, but nothing of the policy or of any value.

    Args:
        reason: why the call is refused.
        call_id: the call's id.
        status: the status, if it is not the reason's own.
        challenge: ``WWW-Authenticate`` of a 401.
        call: the call. If it cannot be inspected, the reply says which odd body it has, and what to do.
    """
    detail = detail_of(reason, call)
    document = _members(reason, call_id, status or reason.answer.status, {"detail": detail} if detail else {})
    signs_in = reason is Reason.UNAUTHENTICATED
    headers = (*FIELDS, ("www-authenticate", challenge)) if signs_in else FIELDS  # RFC 9110 section 15.5.2
    return Reply(status or reason.answer.status, headers, orjson.dumps(document))


def pending_problem(pending: PendingApproval, call_id: str) -> Reply:
    """Return the reply to a call that waits for approval: when to make it again, and where approvers decide.

    ``Retry-After`` is in seconds (RFC 9110 section 10.2.3).
    """
    status = Reason.APPROVAL_REQUIRED.answer.status
    facts = {"detail": AGAIN, **pending.facts}
    document = _members(Reason.APPROVAL_REQUIRED, call_id, status, facts)
    return Reply(status, (*FIELDS, ("retry-after", str(pending.retry_after_s))), orjson.dumps(document))


def _members(reason: Reason, call_id: str, status: int, more: Mapping[str, str]) -> dict[str, str | int]:
    return {
        "type": PROBLEM_TYPE + reason.value,
        "title": reason.answer.title,
        "status": status,
        "reason": reason.value,
        "call_id": call_id,
        **more,
    }


def detail_of(reason: Reason, call: Call | None) -> str:
    """Return the line for a caller whose body cannot be read: one of a closed list, and about that body alone."""
    return call.remedy if call and reason is Reason.UNINSPECTABLE else ""
