"""A notice: what people and systems are told of one event of one approval. Holds masked values only."""

from dataclasses import asdict, dataclass
from typing import Any

from extproc.approvals.approval import Approval, ApprovalRequest, State, Vote
from extproc.model.masking import Finding
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.safe_text import CUT

PREVIEW_MAX = 2_000
NAME_MAX = 256
NOTE_MAX = 300
"""Characters of the preview, of a name or reason, and of a vote's note."""
FINDINGS_MAX = 20
VOTES_MAX = 10


@dataclass(frozen=True, slots=True)
class NoticedVote:
    """A vote, as people are told of it."""

    voter: str
    """``Identity.name``."""
    approve: bool
    note: str
    """Masked."""
    at_ns: int
    source: str
    break_glass: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """One event of one approval. Every field is bounded; text may still hold markup: see ``safe_text``."""

    event: NotificationEvent
    approval_id: str
    call_id: str
    digest: str
    """Of the exact call: a vote names it."""
    preview_digest: str
    """Of the whole preview, also where this notice cuts it."""
    function: str
    connection: str
    requester: str
    """``Identity.name``."""
    actor: str
    """The agent that acts for the requester; empty: none."""
    reason: str
    rule: str
    risk: int
    """0 to 100."""
    deciders: str
    """How many people of which groups decide, in words."""
    minimum: int
    created_ns: int
    expires_ns: int
    state: str
    """At the event: a value of ``State``."""
    closed_ns: int
    preview: str
    """Beginning of the masked arguments, as JSON text."""
    preview_cut: bool
    findings: tuple[str, ...]
    """Sensitive values that were found: entity and place, never the value."""
    votes: tuple[NoticedVote, ...]
    link: str
    """Page of the approval; empty where ``control.public_url`` is not set."""

    def document(self) -> dict[str, Any]:
        """Return the notice as JSON."""
        return asdict(self)


def read_notice(document: dict[str, Any]) -> Notice:
    """Return the notice of a document that ``Notice.document`` made.

    Raises:
        TypeError, ValueError, KeyError: it is not such a document.
    """
    votes = tuple(NoticedVote(**vote) for vote in document.pop("votes"))
    findings = tuple(document.pop("findings"))
    event = NotificationEvent(document.pop("event"))
    return Notice(event=event, votes=votes, findings=findings, **document)


def make_notice(approval: Approval, event: NotificationEvent, public_url: str) -> Notice:
    """Make the notice of an event.

    Args:
        approval: as it is now.
        event: what happened to it.
        public_url: address of the console, without a slash at its end; empty: no link.
    """
    request = approval.request
    return Notice(
        event=event,
        approval_id=request.approval_id,
        call_id=request.call_id,
        digest=request.digest,
        preview_digest=request.preview_digest,
        function=_cut(request.function, NAME_MAX),
        connection=_cut(request.connection or request.function.partition(".")[0], NAME_MAX),
        requester=_cut(request.requester, NAME_MAX),
        actor=_cut(request.actor, NAME_MAX),
        reason=_cut(request.reason, NAME_MAX),
        rule=_cut(request.rule, NAME_MAX),
        risk=request.risk,
        deciders=_cut(str(request.quorum), NAME_MAX),
        minimum=request.minimum,
        created_ns=request.created_ns,
        expires_ns=request.expires_ns,
        state=approval.state.value,
        closed_ns=approval.closed_ns,
        preview=_cut(request.preview, PREVIEW_MAX),
        preview_cut=len(request.preview) > PREVIEW_MAX,
        findings=_findings(request),
        votes=tuple(_vote(vote) for vote in approval.counted[-VOTES_MAX:]),
        link=f"{public_url}/approvals/{request.approval_id}" if public_url else "",
    )


def outcome(notice: Notice) -> str:
    """Return in a word what became of the approval."""
    if any(vote.break_glass and vote.approve for vote in notice.votes) and notice.state == State.APPROVED:
        return "approved by break-glass"
    return notice.state


def _findings(request: ApprovalRequest) -> tuple[str, ...]:
    shown = tuple(_cut(_finding(each), NAME_MAX) for each in request.findings[:FINDINGS_MAX])
    more = len(request.findings) - len(shown)
    return (*shown, f"and {more} more") if more > 0 else shown


def _finding(finding: Finding) -> str:
    how = f" ({finding.how})" if finding.how else ""
    return f"{finding.entity} at {finding.path}{how}"


def _vote(vote: Vote) -> NoticedVote:
    return NoticedVote(
        voter=_cut(vote.voter, NAME_MAX),
        approve=vote.approve,
        note=_cut(vote.note, NOTE_MAX),
        at_ns=vote.at_ns,
        source=_cut(vote.source, NAME_MAX),
        break_glass=vote.break_glass,
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + CUT
