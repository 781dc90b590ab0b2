"""A request for approval, the votes on it, and its state."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from extproc.model.decision import HoldMode, Reuse
from extproc.model.masking import Finding
from extproc.model.quorum import Quorum
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
    """The id of the call that asked first. Calls that are the same may share the request: see ``call_key``."""
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
    quorum: Quorum
    """Who releases it; if it has no group, nobody can decide (fail closed)."""
    created_ns: int
    expires_ns: int
    preview: str
    """Masked arguments, as JSON text."""
    findings: tuple[Finding, ...] = ()
    source: str = ""
    definition: str = ""
    """The state of the function's definition: ``accepted``, ``changed`` or ``unseen``; empty: not pinned."""
    connection: str = ""
    session: str = ""
    """The caller's session, as entries name it."""
    policy_revision: str = ""
    """The revision of the policy that held the call; ``digest`` binds it."""
    requester_person: str = ""
    """``Identity.person`` of the caller; empty where accounts are not joined."""
    mode: HoldMode = HoldMode.WAIT
    call_key: str = ""
    """Names the same call whenever its caller makes it again: see ``ApprovalStore.open``. Empty: not shared."""
    break_glass: tuple[str, ...] = ()
    """One person of these groups may release it alone."""
    reuse: Reuse | None = None
    reuse_key: str = ""
    """Names the calls that the approval may release again; empty where it may not."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups whose members may see it: those who may decide."""
        return tuple(dict.fromkeys((*self.quorum.groups, *self.break_glass)))

    @property
    def minimum(self) -> int:
        """The number of people who must approve at least."""
        return self.quorum.minimum

    @property
    def preview_digest(self) -> str:
        """Lower-case hex SHA-256 of the preview: names what an approver saw."""
        return hashlib.sha256(self.preview.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's decision."""

    voter: str
    """``Identity.name``."""
    approve: bool
    note: str
    """Mandatory reason, 3 to 1,000 characters, masked."""
    at_ns: int
    groups: tuple[str, ...] = ()
    """The voter's verified groups at the vote, as the store was given them. Looked at again at release."""
    person: str = ""
    """``Identity.person`` of the voter: two accounts with the same one are one person."""
    source: str = ""
    """The way by which the vote came, and its address: ``console 192.0.2.7``."""
    preview_digest: str = ""
    """The digest of the preview that the voter saw."""
    break_glass: bool = False
    """The voter releases the call alone."""
    withdrawn_ns: int = 0
    """When the voter took it back; 0: it counts."""

    @property
    def who(self) -> str:
        """The person, or the account where accounts are not joined."""
        return self.person or self.voter


@dataclass(frozen=True, slots=True)
class Approval:
    """A request, its state and its votes."""

    request: ApprovalRequest
    state: State
    votes: tuple[Vote, ...] = ()
    """In order of time, those that were taken back too."""
    closed_ns: int = 0
    withdrawn_by: WithdrawnBy | None = None
    """The way in which its caller withdrew it; None for a request that is not withdrawn so."""
    withdrawn_key: str = ""
    """The key by which a message withdrew it."""
    ticketed: bool = False
    """True once a caller was told to call again: it then stays open without a waiting call."""
    spent_ns: int = 0
    """When it released a call; 0: not yet."""
    reuse_until_ns: int = 0
    """Until when it releases calls with the same ``reuse_key``; 0: no further one."""

    @property
    def counted(self) -> tuple[Vote, ...]:
        """The votes that were not taken back."""
        return tuple(vote for vote in self.votes if not vote.withdrawn_ns)

    @property
    def approvers(self) -> tuple[str, ...]:
        """``Identity.name`` of those whose approval counts."""
        return tuple(vote.voter for vote in self.counted if vote.approve)

    @property
    def broke_glass(self) -> bool:
        """True if one person released it alone, where policy allows that in an emergency."""
        return any(vote.break_glass and vote.approve for vote in self.counted)
