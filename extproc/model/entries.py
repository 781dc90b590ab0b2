"""Entries: the lines of evidence. Everything in them is masked already."""

from dataclasses import dataclass
from enum import StrEnum

from extproc.model.masking import Finding


class EntryKind(StrEnum):
    """What happened, in the past tense."""

    HELD = "call.held"
    """Waits for approval. Not terminal."""
    DECIDED = "call.decided"
    """Was allowed, and is about to be forwarded. Durable before the first byte goes (``strict``). Not terminal."""
    COMPLETED = "call.completed"
    """The whole response went to the caller."""
    DENIED = "call.denied"
    """Was refused; nothing was forwarded."""
    FAILED = "call.failed"
    """Was forwarded, or about to be, and did not complete."""
    REPORTED = "call.reported"
    """Envoy ended a request without the guard's last word: the guard was down, killed, or never asked. Joined to
    the other entries by ``request_id``. Not terminal: the guard may have said more."""

    @property
    def terminal(self) -> bool:
        """Exactly one terminal entry ends each call."""
        return self not in NOT_TERMINAL


DID_NOT_END = "the evaluation did not end, and its worker was ended"
"""``detail`` of a call that a worker did not survive deciding."""
NOT_TERMINAL = frozenset({EntryKind.HELD, EntryKind.DECIDED, EntryKind.REPORTED})


@dataclass(slots=True)
class Entry:
    """One line of evidence about one call. The column names of ``extproc.entries`` are these fields' names."""

    kind: EntryKind
    call_id: str
    time_ns: int
    """Wall-clock nanoseconds since the Unix epoch."""
    request_id: str = ""
    """Envoy's x-request-id: joins with access logs and traces."""
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
    """For people; holds no value of the call."""
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
    """HTTP status sent to the caller; 0 when none was."""
    findings: tuple[Finding, ...] = ()
    approval_id: str = ""
    approvers: tuple[str, ...] = ()
    approval_note: str = ""
    """The approvers' mandatory reasons, masked."""
    held_ms: float = 0.0
    duration_ms: float = 0.0
    """From the first message of the exchange to this entry."""
    worker: str = ""
