"""The port of the approvals store, and the guarantees of every implementation."""

from dataclasses import dataclass
from typing import Protocol

from extproc.approvals.approval import Approval, ApprovalRequest, State, Vote
from extproc.model.withdrawal import WithdrawnBy

MOST_TICKETS = 100
"""Pending requests with a ticket that one caller may have, where nobody says another number."""
PREFIX_MIN = 8
"""Minimum characters of an id that a person types."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which requests a search returns. All given conditions hold; an empty one is none."""

    function: str = ""
    requester: str = ""
    """``Identity.name``."""
    states: tuple[State, ...] = ()
    ticketed: bool | None = None
    before_id: str = ""
    """Only older ones than this: ids are ordered by time."""
    per_requester: int = 0
    """At most so many of one requester, the newest; those of all others come before the second of one, so that
    ``limit`` cuts off nobody's newest. 0: all."""
    limit: int = 100


class Changes(Protocol):
    """Tells that something in the store has changed. Belongs to one thread."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until something changed, or may have changed unseen.

        Args:
            timeout_s: seconds.

        Returns:
            False if nothing changed in that time.
        """
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class ApprovalStore(Protocol):
    """Stores approvals for all workers and the control process. Raises ``ApprovalError`` if it cannot be used.

    Guarantees: ``open`` is durable on return. A request leaves ``pending`` exactly once, by one compare-and-swap,
    however many processes try. Later votes change nothing. Time is the caller's argument; a vote at or after
    ``expires_ns`` does not count. A request that is withdrawn is never spent, and one that is spent is never
    withdrawn.
    """

    def open(
        self,
        request: ApprovalRequest,
        keys: tuple[str, ...] = (),
        began_ns: int = 0,
        at_most: int | None = None,
    ) -> Approval:
        """Store a pending request, unless its caller waits for the very same call already.

        A live request with the same ``call_key`` is returned in its place, and gets the keys too: see
        ``rules.is_live``. An approval that is older than a denial of the same call is not shared: where clocks
        differ, a request can be approved when its caller asks anew already. A request that its caller has
        withdrawn by now is stored as cancelled, and not shared.

        Args:
            request: the request.
            keys: each of them withdraws it.
            began_ns: when the call began, which is before it is held. Withdrawals that are older, by more than one
                may overtake its call, are of other calls.
            at_most: pending requests with a ticket that a caller who asks anew may have; None: it waits first.

        Returns:
            The approval to wait for. One more call waits for it: see ``abandon`` and ``issue_ticket``.

        Raises:
            TooManyTickets: the caller has ``at_most`` of them, and makes another call.
        """
        ...

    def issue_ticket(self, approval_id: str, now_ns: int, at_most: int = MOST_TICKETS) -> Approval:
        """Note that a call stops waiting, and that its caller was told to call again: the request stays open.

        Args:
            approval_id: of the request.
            now_ns: wall-clock nanoseconds.
            at_most: pending requests with a ticket that one caller may have.

        Returns:
            The request, whoever has closed it meanwhile; without a ticket where its caller has enough of them.
        """
        ...

    def abandon(self, approval_id: str, now_ns: int) -> Approval:
        """Note that a call stops waiting for good. The last one cancels the request, unless it has a ticket."""
        ...

    def withdraw(self, key: str, by: WithdrawnBy, now_ns: int) -> int:
        """Cancel all requests with this key that are pending, or approved and not spent.

        The withdrawal also counts for calls that began by now and are held later: see ``open``.

        Does not check who withdraws: only the caller can have the key.

        Returns:
            How many requests it has cancelled.
        """
        ...

    def vote(self, approval_id: str, vote: Vote, groups: tuple[str, ...]) -> Approval:
        """Count one person's vote, and close the request if the vote decides it.

        One denial closes it as denied; a met quorum, or one person who may break the glass, closes it as approved.

        Does not check who the voter is: the caller has verified a token, and passes its name, person and groups.
        The groups are kept with the vote.

        Raises:
            VoteRefused: the request is unknown, not pending any more or expired, or the voter made the call, is
                in the wrong group, has voted already or gave no note. Nothing is stored then.
            ApprovalError: the store cannot be used.
        """
        ...

    def withdraw_vote(self, approval_id: str, voter: str, now_ns: int) -> Approval:
        """Take one person's approval back.

        A pending request waits for others; an approved one that is not spent is cancelled; one that is spent
        releases no further call.

        Raises:
            VoteRefused: ``nothing-to-withdraw``: there is no such vote, or nothing that it could still change.
        """
        ...

    def cancel_own(self, approval_id: str, now_ns: int) -> Approval:
        """Cancel a request for its caller, if it is pending, or approved and not spent.

        Does not check who cancels.

        Raises:
            VoteRefused: ``unknown`` or ``not-pending``.
        """
        ...

    def expire(self, approval_id: str, now_ns: int) -> Approval:
        """Close a pending request as expired; return its state, whoever closed it.

        Raises ``ApprovalError`` for an unknown request, too.
        """
        ...

    def spend(self, approval_id: str, digest: str, now_ns: int) -> bool:
        """Use an approval up. Return True exactly once, for an approved request with this digest.

        Only until it can be redeemed no more: see ``rules.redeemable_until``.
        """
        ...

    def reusable(self, reuse_key: str, now_ns: int) -> Approval | None:
        """Return the newest approval that releases further calls with this key now; None if there is none."""
        ...

    def get(self, approval_id: str) -> Approval | None:
        """Return a request by its id or an unambiguous prefix of it (at least ``PREFIX_MIN`` characters)."""
        ...

    def closed_among(self, approval_ids: list[str]) -> list[Approval]:
        """Return those of these requests that are not pending any more. One query for any number of ids."""
        ...

    def recent(self, *, pending_only: bool, limit: int) -> list[Approval]:
        """Return the newest requests, newest first."""
        ...

    def search(self, wanted: Filter) -> list[Approval]:
        """Return requests, newest first."""
        ...

    def sweep(self, now_ns: int, *, keep_ns: int) -> list[Approval]:
        """Close requests that expired while no call waited (a worker died); delete those closed ``keep_ns`` ago.

        Returns:
            Those that it closed as expired.
        """
        ...

    def listen(self) -> Changes | None:
        """Return a listener for changes by any process; None where the store can only be asked."""
        ...

    def close(self) -> None:
        """Close the idle connections. The store may be used again afterwards."""
        ...
