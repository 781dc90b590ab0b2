"""The approvals store: what every implementation guarantees."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from extproc.model.masking import Finding


class State(StrEnum):
    """Where an approval stands. All but ``pending`` are final."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What approvers see and decide on. Holds masked values only."""

    approval_id: str
    """UUIDv7; also in the entry ``call.held``."""
    call_id: str
    digest: str
    """Lower-case hex SHA-256 of the exact call: see ``extproc.approvals.digest``."""
    function: str
    requester: str
    """``Identity.name`` of the caller: may not decide."""
    actor: str
    """Who acts for the requester, if anyone, as ``issuer|actor``: may not decide either."""
    reason: str
    rule: str
    risk: int
    groups: tuple[str, ...]
    """A decider must be in one of these; empty: nobody can decide (fail closed)."""
    minimum: int
    created_ns: int
    expires_ns: int
    preview: str
    """Masked arguments, as JSON text."""
    findings: tuple[Finding, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's word."""

    voter: str
    """``Identity.name``."""
    approve: bool
    note: str
    """Mandatory reason, 3 to 1,000 characters."""
    at_ns: int


@dataclass(frozen=True, slots=True)
class Approval:
    """A request and how it stands."""

    request: ApprovalRequest
    state: State
    votes: tuple[Vote, ...] = ()
    closed_ns: int = 0


class ApprovalStore(Protocol):
    """Keeps approvals for all workers and the control process. Raises ``ApprovalError`` when it cannot.

    Guarantees: ``open`` is durable on return. A request leaves ``pending`` exactly once, by one
    compare-and-swap, however many processes try. Votes after that change nothing. Time is the caller's
    argument; a vote at or after ``expires_ns`` does not count.
    """

    def open(self, request: ApprovalRequest) -> None:
        """Store a pending request."""
        ...

    def vote(self, approval_id: str, vote: Vote, groups: tuple[str, ...]) -> Approval:
        """Count one person's word and close the request when it decides.

        One denial closes it as denied; ``minimum`` distinct approvals close it as approved.

        Does not check who the voter is: the caller has verified a token and gives its name and groups.

        Raises:
            VoteRefused: unknown, not pending any more, expired, own call, wrong group, voted already, or no
                note. Nothing is stored then.
            ApprovalError: the store cannot be asked.
        """
        ...

    def cancel(self, approval_id: str, state: State, now_ns: int) -> Approval:
        """Close a pending request as expired or cancelled; returns how it stands, whoever closed it.

        Raises ``ApprovalError`` for an unknown request too.
        """
        ...

    def spend(self, approval_id: str, digest: str, now_ns: int) -> bool:
        """Use an approval up: True exactly once, for an approved request with this very digest.

        Does not check expiry: votes count only before it, and who hands out tickets compares ``expires_ns``.
        """
        ...

    def get(self, approval_id: str) -> Approval | None:
        """One request by its id or by an unambiguous prefix of it (8 characters at least)."""
        ...

    def closed_among(self, approval_ids: list[str]) -> list[Approval]:
        """Those of these that are no longer pending. One query however many ids."""
        ...

    def recent(self, *, pending_only: bool, limit: int) -> list[Approval]:
        """Newest first."""
        ...
