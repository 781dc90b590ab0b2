"""Problem documents (RFC 9457): the form of a refusal over plain HTTP."""

import orjson

from extproc.model.call import Call
from extproc.model.reasons import Reason
from extproc.model.reply import Reply

BEARER = "Bearer"
"""``WWW-Authenticate`` of a 401 that says only that a token is wanted."""
PROBLEM_TYPE = "urn:extproc:reason:"


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
    own, title = reason.answer
    status = status or own
    document: dict[str, str | int] = {
        "type": PROBLEM_TYPE + reason.value,
        "title": title,
        "status": status,
        "reason": reason.value,
        "call_id": call_id,
    }
    if detail := detail_of(reason, call):
        document["detail"] = detail
    headers = [("content-type", "application/problem+json"), ("cache-control", "no-store")]
    if reason is Reason.UNAUTHENTICATED:
        headers.append(("www-authenticate", challenge))  # RFC 9110 section 15.5.2
    return Reply(status, tuple(headers), orjson.dumps(document))


def detail_of(reason: Reason, call: Call | None) -> str:
    """Return the line for a caller whose body cannot be read: one of a closed list, and about that body alone."""
    return call.remedy if call and reason is Reason.UNINSPECTABLE else ""
