"""The rules of voting. Pure functions, which every store applies inside its transaction."""

from collections.abc import Iterable

from extproc.approvals.approval import Approval, ApprovalRequest, State, Vote
from extproc.model.decision import ApprovalTerms
from extproc.model.errors import WhyRefused
from extproc.model.quorum import Quorum
from extproc.model.units import NANOSECONDS_PER_SECOND

NOTE_MIN = 3
NOTE_MAX = 1_000
"""Characters of a vote's note, without the spaces around it."""
REDEEM_NS = 300 * NANOSECONDS_PER_SECOND
"""Nanoseconds from the approval in which a caller may at least come back, even past the request's expiry."""
REMEMBER_NS = 600 * NANOSECONDS_PER_SECOND
"""Nanoseconds for which a store keeps a withdrawal: a call that began before it may still be on its way."""
OVERTAKEN_NS = NANOSECONDS_PER_SECOND
"""Most nanoseconds by which a call may begin after its withdrawal, which came faster over another connection."""


def why_refused(
    request: ApprovalRequest, state: State, votes: tuple[Vote, ...], vote: Vote, groups: tuple[str, ...]
) -> WhyRefused | None:
    """Return the reason why a vote does not count; None if it counts.

    Args:
        request: the request that is voted on.
        state: its state.
        votes: its earlier votes that count.
        vote: the new vote; the caller has verified the voter.
        groups: the voter's groups.
    """
    ordered = (
        (state is not State.PENDING, WhyRefused.NOT_PENDING),
        (vote.at_ns >= request.expires_ns, WhyRefused.EXPIRED),
        (is_own(request, vote.voter, vote.person), WhyRefused.OWN_CALL),
        (vote.break_glass and not vote.approve, WhyRefused.NO_BREAK_GLASS),
        (vote.break_glass and not set(groups) & set(request.break_glass), WhyRefused.NO_BREAK_GLASS),
        (not vote.break_glass and not set(groups) & set(request.quorum.groups), WhyRefused.WRONG_GROUP),
        (_has_voted(vote, votes), WhyRefused.ALREADY_VOTED),
        (not NOTE_MIN <= len(vote.note.strip()) <= len(vote.note) <= NOTE_MAX, WhyRefused.NOTE_REQUIRED),
    )
    return next((why for wrong, why in ordered if wrong), None)


def is_own(request: ApprovalRequest, name: str, person: str) -> bool:
    """Return whether this account is of the caller, or acts for the caller; True for nobody, too.

    Args:
        request: the request.
        name: ``Identity.name``.
        person: ``Identity.person``.
    """
    same_person = bool(person) and person == request.requester_person
    return not name or name in (request.requester, request.actor) or same_person


def _has_voted(vote: Vote, votes: tuple[Vote, ...]) -> bool:
    """Return whether the account or its person has a vote. Breaking the glass replaces the person's approval."""
    theirs = (each for each in votes if vote.voter == each.voter or (vote.person and vote.person == each.person))
    return any(not (vote.break_glass and each.approve) for each in theirs)


def state_after(request: ApprovalRequest, votes: tuple[Vote, ...]) -> State:
    """Return the state of a request with these votes, all of which count: one denial denies."""
    if any(not vote.approve for vote in votes):
        return State.DENIED
    return State.APPROVED if _released(votes, request.quorum, request.break_glass) else State.PENDING


def enough(votes: tuple[Vote, ...], terms: ApprovalTerms) -> bool:
    """Return whether votes that were given release a call under these terms too.

    Args:
        votes: of a request that is approved; those that count.
        terms: what policy asks for by now.
    """
    return all(vote.approve for vote in votes) and _released(votes, terms.quorum, terms.break_glass)


def _released(votes: tuple[Vote, ...], quorum: Quorum, break_glass: tuple[str, ...]) -> bool:
    alone = any(vote.break_glass and vote.approve and set(vote.groups) & set(break_glass) for vote in votes)
    return alone or quorum.met_by(_people(vote for vote in votes if vote.approve))


def _people(votes: Iterable[Vote]) -> dict[str, frozenset[str]]:
    """Return each person's groups. A person with two accounts counts once, with the groups of the first."""
    people: dict[str, frozenset[str]] = {}
    for vote in votes:
        people.setdefault(vote.who, frozenset(vote.groups))
    return people


def reusable_until(request: ApprovalRequest, votes: tuple[Vote, ...], at_ns: int) -> int:
    """Return until when an approval releases further calls; 0: it releases one. Breaking the glass releases one.

    Args:
        request: the request.
        votes: those that approve it.
        at_ns: when the last one does.
    """
    if request.reuse is None or any(vote.break_glass for vote in votes):
        return 0
    return at_ns + int(request.reuse.for_s * NANOSECONDS_PER_SECOND)


def redeemable_until(approval: Approval) -> int:
    """Return until when an approval can be spent, in wall-clock nanoseconds."""
    return max(approval.request.expires_ns, approval.closed_ns + REDEEM_NS)


def is_live(approval: Approval, now_ns: int) -> bool:
    """Return whether the same call, made again, is answered by this approval.

    It waits for a pending one, and is released by an approved one. A denial stands until the end of the caller's
    ticket.
    """
    match approval.state:
        case State.APPROVED:
            return not approval.spent_ns and now_ns < redeemable_until(approval)
        case State.PENDING:
            return now_ns < approval.request.expires_ns
        case State.DENIED:
            return approval.ticketed and now_ns < approval.request.expires_ns
        case _:
            return False


def can_change(approval: Approval, now_ns: int) -> bool:
    """Return whether a vote that is taken back now still changes anything."""
    if approval.state is State.PENDING:
        return now_ns < approval.request.expires_ns
    unused = not approval.spent_ns or approval.reuse_until_ns > now_ns
    return approval.state is State.APPROVED and unused
