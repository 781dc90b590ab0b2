"""The port of the approvals store, and the guarantees of every implementation."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from extproc.model.masking import Finding
from extproc.model.withdrawal import WithdrawnBy


class State(StrEnum):
    """The state of an approval. All states are final but ``pending``, and ``approved`` until it is spent."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A request as approvers see it. Holds masked values only."""

    approval_id: str
    """UUIDv7; also in the entry ``call.held``."""
    call_id: str
    digest: str
    """Lower-case hex SHA-256 of the exact call: see ``extproc.approvals.digest``."""
    function: str
    requester: str
    """``Identity.name`` of the caller, who may not decide."""
    actor: str
    """Who acts for the requester, if anyone, as ``issuer|actor``; may not decide either."""
    reason: str
    rule: str
    risk: int
    groups: tuple[str, ...]
    """An approver must be in one of these; if empty, nobody can decide (fail closed)."""
    minimum: int
    created_ns: int
    expires_ns: int
    preview: str
    """Masked arguments, as JSON text."""
    findings: tuple[Finding, ...] = ()
    source: str = ""
    definition: str = ""
    """The state of the function's definition: ``accepted``, ``changed`` or ``unseen``; empty: not pinned."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's decision."""

    voter: str
    """``Identity.name``."""
    approve: bool
    note: str
    """Mandatory reason, 3 to 1,000 characters."""
    at_ns: int
    groups: tuple[str, ...] = ()
    """The voter's verified groups at the vote, as the store was given them. Looked at again at release."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A request, its state and its votes."""

    request: ApprovalRequest
    state: State
    votes: tuple[Vote, ...] = ()
    closed_ns: int = 0
    withdrawn_by: WithdrawnBy | None = None
    """The message by which its caller withdrew it; None for a request that is not withdrawn so."""


class ApprovalStore(Protocol):
    """Stores approvals for all workers and the control process. Raises ``ApprovalError`` if it cannot be used.

    Guarantees: ``open`` is durable on return. A request leaves ``pending`` exactly once, by one compare-and-swap,
    however many processes try. Later votes change nothing. Time is the caller's argument; a vote at or after
    ``expires_ns`` does not count. A request that is withdrawn is never spent, and one that is spent is never
    withdrawn.
    """

    def open(self, request: ApprovalRequest, keys: tuple[str, ...] = (), began_ns: int = 0) -> None:
        """Store a pending request; a cancelled one, where its caller has withdrawn it by now.

        Args:
            request: the request.
            keys: each of them withdraws it.
            began_ns: when the call began, which is before it is held. Withdrawals that are older, by more than one
                may overtake its call, are of other calls.
        """
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

        One denial closes it as denied; approvals by ``minimum`` distinct people close it as approved.

        Does not check who the voter is: the caller has verified a token, and passes its name and groups.
        The groups are kept with the vote.

        Raises:
            VoteRefused: the request is unknown, not pending any more or expired, or the voter made the call, is
                in the wrong group, has voted already or gave no note. Nothing is stored then.
            ApprovalError: the store cannot be used.
        """
        ...

    def cancel(self, approval_id: str, state: State, now_ns: int) -> Approval:
        """Close a pending request as expired or cancelled; return its state, whoever closed it.

        Raises ``ApprovalError`` for an unknown request, too.
        """
        ...

    def spend(self, approval_id: str, digest: str, now_ns: int) -> bool:
        """Use an approval up. Return True exactly once, for an approved request with this digest.

        Does not check the expiry: votes count only before it, and tickets are compared with ``expires_ns`` by
        their issuer.
        """
        ...

    def get(self, approval_id: str) -> Approval | None:
        """Return a request by its id or an unambiguous prefix of it (at least 8 characters)."""
        ...

    def closed_among(self, approval_ids: list[str]) -> list[Approval]:
        """Return those of these requests that are not pending any more. One query for any number of ids."""
        ...

    def recent(self, *, pending_only: bool, limit: int) -> list[Approval]:
        """Return the newest requests, newest first."""
        ...
