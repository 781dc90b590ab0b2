"""Entries, the lines of evidence. All their values are masked already."""

from dataclasses import dataclass
from enum import StrEnum

from extproc.model.masking import Finding


class EntryKind(StrEnum):
    """The event that an entry records, in the past tense."""

    HELD = "call.held"
    """The call waits for approval. Not terminal."""
    DECIDED = "call.decided"
    """The call was allowed and is about to be forwarded: durable before that, if ``strict``. Not terminal."""
    COMPLETED = "call.completed"
    """The whole response went to the caller."""
    DENIED = "call.denied"
    """The call was refused; nothing was forwarded."""
    FAILED = "call.failed"
    """The call was forwarded, or about to be, and did not complete."""
    REPORTED = "call.reported"
    """Envoy ended a request that the guard did not see to its end: it was down, killed, or not asked. Joined to
    the other entries by ``request_id``. Not terminal: the guard's own entries may record more."""

    APPROVAL_VOTED = "approval.voted"
    """A person voted: ``reason`` is ``approve`` or ``deny``. Durable before the vote can count."""
    APPROVAL_BREAK_GLASS = "approval.break-glass"
    """A person released the call alone, as policy allows in an emergency. Durable before the vote can count."""
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    """A person takes the own vote back, while others are awaited."""
    APPROVAL_CANCELLED = "approval.cancelled"
    """The requester gives the request up."""
    APPROVAL_COUNTED = "approval.counted"
    """The store has taken an act of the four kinds before: ``reason`` is the approval's state after it."""
    APPROVAL_REFUSED = "approval.refused"
    """An act was attempted and changed nothing: ``reason`` says why, ``detail`` what was attempted."""
    APPROVAL_LOOKED = "approval.looked"
    """A person was shown the request."""
    APPROVAL_EXPIRED = "approval.expired"
    """Nobody decided in time, and no call waited any more: one that waits ends with ``approval-expired``."""

    @property
    def is_act(self) -> bool:
        """True for an act on an approval: it belongs to a call, and is no step of it."""
        return self.startswith(ACTS)

    @property
    def terminal(self) -> bool:
        """True for an entry that ends a call. Each call has exactly one."""
        return self not in NOT_TERMINAL and not self.is_act


ACTS = "approval."
"""Begins the kinds of acts on approvals."""


DID_NOT_END = "the evaluation did not end, and its worker was ended"
"""``detail`` of a call whose decision killed its worker."""
NOT_TERMINAL = frozenset({EntryKind.HELD, EntryKind.DECIDED, EntryKind.REPORTED})


@dataclass(slots=True)
class Entry:
    """One line of evidence about one call. The columns of ``extproc.entries`` have these fields' names."""

    kind: EntryKind
    call_id: str
    time_ns: int
    """Wall-clock nanoseconds since the Unix epoch."""
    request_id: str = ""
    """Envoy's x-request-id, which access logs and traces have, too."""
    source: str = ""
    connection: str = ""
    function: str = ""
    """``connection.name``."""
    protocol: str = ""
    method: str = ""
    """HTTP method, or the JSON-RPC method for MCP."""
    path: str = ""
    """Path as requested, masked, without its query."""
    session: str = ""
    issuer: str = ""
    subject: str = ""
    groups: tuple[str, ...] = ()
    actor: str = ""
    action: str = ""
    """allow, deny or hold."""
    reason: str = ""
    """A value of ``Reason``. Of an act on an approval: see its kind."""
    rule: str = ""
    risk: int = 0
    detail: str = ""
    """A text for people; holds no value of the call."""
    shadow: tuple[str, ...] = ()
    policy_revision: str = ""
    uninspectable: str = ""
    arguments: str = ""
    """Masked arguments as JSON text."""
    response: str = ""
    """Masked response text, cut at the recording limit."""
    request_bytes: int = 0
    request_sha256: str = ""
    """Lower-case hex, of the caller's bytes."""
    response_bytes: int = 0
    response_sha256: str = ""
    """Lower-case hex, of the bytes sent to the caller."""
    status: int = 0
    """HTTP status that was sent to the caller; 0 if none was."""
    findings: tuple[Finding, ...] = ()
    approval_id: str = ""
    approvers: tuple[str, ...] = ()
    approval_note: str = ""
    """The approvers' mandatory reasons, masked. Of an act: the reason of this person."""
    held_ms: float = 0.0
    duration_ms: float = 0.0
    """From the first message of the exchange to this entry."""
    worker: str = ""
    policy_bundles: tuple[str, ...] = ()
    """``name@revision`` of the OPA server's bundles that decided. In ``document`` only: it has no column."""
    definition_state: str = ""
    """The state of the called function's definition: ``accepted``, ``changed`` or ``unseen``; empty where
    definitions are not pinned. It and the next three are in ``document`` only."""
    definition_digest: str = ""
    """The digest of that definition; empty if none was seen."""
    definition_accepted_by: tuple[str, ...] = ()
    """Who accepted it."""
    definition_note: str = ""
    """Their reasons, masked."""
    preview_digest: str = ""
    """Of an act on an approval: SHA-256 of the masked preview that the person saw, in lower-case hex; empty if the
    person showed none. In ``document`` only."""
    approval_use: str = ""
    """How an approval released the call: ``single``, ``reused``, or ``break-glass`` by one person alone; empty if
    none did. It and the next one are in ``document`` only."""
    denied_by: tuple[str, ...] = ()
    """``Identity.name`` of those who denied a held call."""
