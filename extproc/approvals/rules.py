"""Who may decide, and when a request is decided. Pure: every store applies these inside its transaction."""

from extproc.approvals.port import ApprovalRequest, State, Vote
from extproc.model.errors import WhyRefused

NOTE_MIN = 3
NOTE_MAX = 1_000
"""Characters of a vote's note, spaces around it not counted."""


def why_refused(
    request: ApprovalRequest, state: State, votes: tuple[Vote, ...], vote: Vote, groups: tuple[str, ...]
) -> WhyRefused | None:
    """Say why a vote does not count, or None when it does.

    Args:
        request: what is voted on.
        state: how it stands.
        votes: counted before.
        vote: the new one. That its voter is who it says is for the caller to verify.
        groups: the voter's.
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
    """How a pending request stands with these votes: one denial denies, ``minimum`` people approve."""
    if any(not vote.approve for vote in votes):
        return State.DENIED
    people = {vote.voter for vote in votes if vote.approve}
    # A minimum below one would approve what nobody has seen.
    return State.APPROVED if len(people) >= max(1, request.minimum) else State.PENDING
