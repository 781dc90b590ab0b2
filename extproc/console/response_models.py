"""The JSON of the API's responses. The OpenAPI document is made from these types."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from extproc.approvals.approval import Approval, State, Vote
from extproc.approvals.rules import is_live, redeemable_until
from extproc.model.call import Json
from extproc.model.units import NANOSECONDS_PER_SECOND

EXACT = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 7493 section 2.2)."""
JSON_SCALARS = (str, int, float, bool, type(None))


class VoteShape(TypedDict):
    """One person's vote."""

    voter: str
    approve: bool
    note: str
    at: str
    source: str
    preview_digest: str
    break_glass: bool
    withdrawn: str | None


class FindingShape(TypedDict):
    """An entity that was found in the call; never its value."""

    entity: str
    path: str
    how: str
    count: int
    side: str


class ReuseShape(TypedDict):
    """For how long, and for which calls, one approval counts more than once."""

    seconds: float
    same: list[str]
    until: str | None


class ApprovalShape(TypedDict):
    """A request for approval, its state and its votes."""

    approval_id: str
    call_id: str
    state: State
    function: str
    connection: str
    requester: str
    actor: str
    reason: str
    rule: str
    risk: int
    groups: list[str]
    minimum: int
    alternatives: list[list[str]]
    break_glass: list[str]
    mode: str
    ticketed: bool
    reuse: ReuseShape | None
    digest: str
    preview_digest: str
    arguments: str
    findings: list[FindingShape]
    source: str
    session: str
    definition: str
    policy_revision: str
    created: str
    expires: str
    seconds_left: int
    closed: str | None
    spent: str | None
    usable_until: str | None
    withdrawn_by: str
    votes: list[VoteShape]


class ApprovalList(TypedDict):
    """Requests, newest first."""

    approvals: list[ApprovalShape]


class ApprovalPage(TypedDict):
    """Requests, newest first, and where to go on."""

    approvals: list[ApprovalShape]
    before: str | None
    """The id to ask for older ones with; null: there are none."""


class AcceptanceShape(TypedDict):
    """One person's acceptance of a definition."""

    person: str
    note: str
    at: str


class DefinitionShape(TypedDict):
    """A definition of a tool, without its text."""

    function: str
    digest: str
    state: str
    how: str
    accepted_by: list[AcceptanceShape]
    groups: list[str]
    minimum: int
    first_seen: str
    last_seen: str


class DefinitionText(DefinitionShape):
    """A definition with its text, masked."""

    text: str


class DefinitionList(TypedDict):
    """Definitions, by function, the newest first."""

    definitions: list[DefinitionShape]


class DefinitionsOfFunction(TypedDict):
    """All definitions of one function."""

    function: str
    state: str
    definitions: list[DefinitionText]


class SessionList(TypedDict):
    """Sessions, newest first: rows of ``sessions``."""

    sessions: list[dict[str, Any]]


class EntryList(TypedDict):
    """The entries of a session, in order of time: rows of ``entries``."""

    entries: list[dict[str, Any]]


class QueryAnswer(TypedDict):
    """The result of a query."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool


class Health(TypedDict):
    """The state of the approvals store."""

    status: str


def approval_shape(approval: Approval, now_ns: int) -> ApprovalShape:
    """Return an approval as JSON. Times are RFC 3339, durations are seconds; ``arguments`` is masked JSON text."""
    request = approval.request
    return {
        "approval_id": request.approval_id,
        "call_id": request.call_id,
        "state": state_now(approval, now_ns),
        "function": request.function,
        "connection": request.connection,
        "requester": request.requester,
        "actor": request.actor,
        "reason": request.reason,
        "rule": request.rule,
        "risk": request.risk,
        "groups": list(request.groups),
        "minimum": request.minimum,
        "alternatives": [list(each) for each in request.quorum.alternatives],
        "break_glass": list(request.break_glass),
        "mode": request.mode.value,
        "ticketed": approval.ticketed,
        "reuse": _reuse_shape(approval),
        "digest": request.digest,
        "preview_digest": request.preview_digest,
        "arguments": request.preview,
        "findings": [
            {
                "entity": each.entity,
                "path": each.path,
                "how": each.how,
                "count": each.count,
                "side": each.side.value,
            }
            for each in request.findings
        ],
        "source": request.source,
        "session": request.session,
        "definition": request.definition,
        "policy_revision": request.policy_revision,
        "created": moment(request.created_ns),
        "expires": moment(request.expires_ns),
        "seconds_left": max(0, (request.expires_ns - now_ns) // NANOSECONDS_PER_SECOND),
        "closed": _moment_or_none(approval.closed_ns),
        "spent": _moment_or_none(approval.spent_ns),
        "usable_until": moment(redeemable_until(approval)) if _is_usable(approval, now_ns) else None,
        "withdrawn_by": approval.withdrawn_by.value if approval.withdrawn_by else "",
        "votes": [_vote_shape(vote) for vote in approval.votes],
    }


def _is_usable(approval: Approval, now_ns: int) -> bool:
    return approval.state is State.APPROVED and is_live(approval, now_ns)


def state_now(approval: Approval, now_ns: int) -> State:
    """Return the state at this time: an overdue approval has expired, even if nothing has closed it yet."""
    overdue = approval.state is State.PENDING and now_ns >= approval.request.expires_ns
    return State.EXPIRED if overdue else approval.state


def _vote_shape(vote: Vote) -> VoteShape:
    return {
        "voter": vote.voter,
        "approve": vote.approve,
        "note": vote.note,
        "at": moment(vote.at_ns),
        "source": vote.source,
        "preview_digest": vote.preview_digest,
        "break_glass": vote.break_glass,
        "withdrawn": _moment_or_none(vote.withdrawn_ns),
    }


def _reuse_shape(approval: Approval) -> ReuseShape | None:
    reuse = approval.request.reuse
    if reuse is None:
        return None
    return {
        "seconds": reuse.for_s,
        "same": sorted(reuse.same),
        "until": _moment_or_none(approval.reuse_until_ns),
    }


def _moment_or_none(time_ns: int) -> str | None:
    return moment(time_ns) if time_ns else None


def moment(time_ns: int) -> str:
    """Return a time in RFC 3339 form: UTC, with milliseconds."""
    return (
        datetime.fromtimestamp(time_ns / NANOSECONDS_PER_SECOND, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def exact_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the evidence as ``exact`` JSON."""
    return {name: exact(value) for name, value in row.items()}


def exact(value: Any) -> Json:
    """Return the same JSON, with a string for each number that some JSON readers would round."""
    if isinstance(value, Mapping):
        return {str(name): exact(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    rounded = isinstance(value, int) and abs(value) > EXACT
    return str(value) if rounded or not isinstance(value, JSON_SCALARS) else value
