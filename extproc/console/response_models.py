"""The JSON of the API's responses."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from extproc.approvals.approval import Approval, State, Vote
from extproc.model.call import Json
from extproc.model.units import NANOSECONDS_PER_SECOND

EXACT = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 7493 section 2.2)."""
JSON_SCALARS = (str, int, float, bool, type(None))


def approval_shape(approval: Approval, now_ns: int) -> dict[str, Json]:
    """Return an approval as JSON. Times are RFC 3339, durations are seconds; ``arguments`` is masked JSON text."""
    request = approval.request
    return {
        "approval_id": request.approval_id,
        "call_id": request.call_id,
        "state": state_now(approval, now_ns),
        "function": request.function,
        "requester": request.requester,
        "actor": request.actor,
        "reason": request.reason,
        "rule": request.rule,
        "risk": request.risk,
        "groups": list(request.groups),
        "minimum": request.minimum,
        "digest": request.digest,
        "arguments": request.preview,
        "findings": [dataclasses.asdict(finding) for finding in request.findings],
        "source": request.source,
        "definition": request.definition,
        "created": moment(request.created_ns),
        "expires": moment(request.expires_ns),
        "seconds_left": max(0, (request.expires_ns - now_ns) // NANOSECONDS_PER_SECOND),
        "closed": moment(approval.closed_ns) if approval.closed_ns else None,
        "votes": [_vote_shape(vote) for vote in approval.votes],
    }


def state_now(approval: Approval, now_ns: int) -> State:
    """Return the state at this time: an overdue approval has expired, even if nothing has closed it yet."""
    overdue = approval.state is State.PENDING and now_ns >= approval.request.expires_ns
    return State.EXPIRED if overdue else approval.state


def _vote_shape(vote: Vote) -> Json:
    return {"voter": vote.voter, "approve": vote.approve, "note": vote.note, "at": moment(vote.at_ns)}


def moment(time_ns: int) -> str:
    """Return a time in RFC 3339 form: UTC, with milliseconds."""
    return (
        datetime.fromtimestamp(time_ns / NANOSECONDS_PER_SECOND, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def exact(value: Any) -> Json:
    """Return the same JSON, with a string for each number that some JSON readers would round."""
    if isinstance(value, Mapping):
        return {str(name): exact(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    rounded = isinstance(value, int) and abs(value) > EXACT
    return str(value) if rounded or not isinstance(value, JSON_SCALARS) else value
