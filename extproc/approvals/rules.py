"""The rules of voting. Pure functions, which every store applies inside its transaction."""

from extproc.approvals.port import ApprovalRequest, State, Vote
from extproc.model.errors import WhyRefused

NOTE_MIN = 3
NOTE_MAX = 1_000
"""Characters of a vote's note, without the spaces around it."""


def why_refused(
    request: ApprovalRequest, state: State, votes: tuple[Vote, ...], vote: Vote, groups: tuple[str, ...]
) -> WhyRefused | None:
    """Return the reason why a vote does not count; None if it counts.

    Args:
        request: the request that is voted on.
        state: its state.
        votes: its earlier votes.
        vote: the new vote; the caller has verified the voter.
        groups: the voter's groups.
    """
    ordered = (
        (state is not State.PENDING, WhyRefused.NOT_PENDING),
        (vote.at_ns >= request.expires_ns, WhyRefused.EXPIRED),
        (not vote.voter or vote.voter in (request.requester, request.actor), WhyRefused.OWN_CALL),
        (not set(groups) & set(request.groups), WhyRefused.WRONG_GROUP),
        (any(vote.voter == earlier.voter for earlier in votes), WhyRefused.ALREADY_VOTED),
        (not NOTE_MIN <= len(vote.note.strip()) <= len(vote.note) <= NOTE_MAX, WhyRefused.NOTE_REQUIRED),
    )
    return next((why for wrong, why in ordered if wrong), None)


def state_after(request: ApprovalRequest, votes: tuple[Vote, ...]) -> State:
    """Return the state of a request with these votes: one denial denies, ``minimum`` people approve."""
    if any(not vote.approve for vote in votes):
        return State.DENIED
    people = {vote.voter for vote in votes if vote.approve}
    # A minimum below one would approve a request that nobody has seen.
    return State.APPROVED if len(people) >= max(1, request.minimum) else State.PENDING


def enough(votes: tuple[Vote, ...], groups: tuple[str, ...], minimum: int) -> bool:
    """Return whether votes that were given release a call under these terms too.

    Args:
        votes: of a request that is approved.
        groups: those of which approvers must be by now; without any nobody releases.
        minimum: how many people must approve by now.
    """
    people = {vote.voter for vote in votes if vote.approve and set(vote.groups) & set(groups)}
    return all(vote.approve for vote in votes) and len(people) >= max(1, minimum)
