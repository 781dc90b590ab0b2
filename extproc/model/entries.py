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

    @property
    def terminal(self) -> bool:
        """True for an entry that ends a call. Each call has exactly one."""
        return self not in NOT_TERMINAL


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
    """A value of ``Reason``."""
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
    """The approvers' mandatory reasons, masked."""
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
