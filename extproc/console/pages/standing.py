"""What a visitor may do with a request. The store decides in the end, by the same rules."""

from dataclasses import dataclass

from extproc.approvals.approval import Approval, State, Vote
from extproc.approvals.rules import is_own, why_refused
from extproc.model.errors import WhyRefused
from extproc.model.identity import Identity

_NOTE = "a note"
"""Stands for the note that the visitor will write."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The acts that are open to a visitor."""

    refused: WhyRefused | None
    """Why the visitor may not vote; None: may."""
    may_break_glass: bool
    may_withdraw_vote: bool
    may_cancel: bool
    vote: Vote | None
    """The visitor's vote that counts."""

    @property
    def may_vote(self) -> bool:
        """True if a vote of the visitor would count."""
        return self.refused is None


def standing(approval: Approval, identity: Identity, now_ns: int) -> Standing:
    """Return what this person may do with a request now.

    Args:
        approval: the request with its votes.
        identity: of the visitor.
        now_ns: wall-clock nanoseconds.
    """
    request, votes = approval.request, approval.counted
    own = is_own(request, identity.name, identity.person)
    is_agent = bool(identity.actor)

    def refused(*, break_glass: bool) -> WhyRefused | None:
        vote = Vote(identity.name, True, _NOTE, now_ns, identity.groups, identity.person, break_glass=break_glass)
        why = why_refused(request, approval.state, votes, vote, identity.groups)
        return WhyRefused.ON_BEHALF if why is None and is_agent else why

    theirs = next((vote for vote in votes if _same_person(vote, identity)), None)
    is_open = approval.state is State.PENDING and now_ns < request.expires_ns
    unused = is_open or (approval.state is State.APPROVED and not approval.spent_ns)
    return Standing(
        refused=refused(break_glass=False),
        may_break_glass=bool(request.break_glass) and refused(break_glass=True) is None,
        may_withdraw_vote=theirs is not None and theirs.approve and unused and not is_agent,
        may_cancel=own and unused and bool(identity.name),
        vote=theirs,
    )


def _same_person(vote: Vote, identity: Identity) -> bool:
    return vote.voter == identity.name or bool(vote.person and vote.person == identity.person)
