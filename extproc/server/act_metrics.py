"""Metrics and log lines of people's acts on approvals. Labels come from closed lists."""

import structlog
from prometheus_client import Counter

from extproc.model.entries import Entry, EntryKind

ACTS = Counter(
    "extproc_approval_acts",
    "Acts on approvals: votes, looks, withdrawals, refused attempts and what came of them.",
    ["kind", "reason"],
)
LOST = Counter(
    "extproc_approval_acts_lost",
    "Acts on approvals that could not be recorded; a vote then did not count. Alert on any.",
)
BREAK_GLASS = Counter(
    "extproc_approval_break_glass", "Calls that one person released alone in an emergency. Alert on any."
)
QUIET = frozenset({EntryKind.APPROVAL_LOOKED, EntryKind.APPROVAL_VOTED})
"""Acts that the log has at debug level only: a vote has a line once it counts."""


class ActMetrics:
    """Counts and logs acts. Implements ``ActObserver``; safe to use from any thread."""

    def __init__(self) -> None:
        self._log = structlog.get_logger().bind()

    def acted(self, entry: Entry) -> None:
        """An entry was recorded."""
        ACTS.labels(entry.kind.value, entry.reason).inc()
        write = self._log.debug if entry.kind in QUIET else self._log.info
        write(entry.kind.value.replace(".", " "), **_facts(entry))

    def lost(self, entry: Entry) -> None:
        """An entry could not be recorded."""
        LOST.inc()
        self._log.error("evidence lost", kind=entry.kind.value, **_facts(entry))

    def broke_glass(self, entry: Entry) -> None:
        """Somebody released a call alone."""
        BREAK_GLASS.inc()
        self._log.warning(
            "BREAK GLASS: one person released a call alone", note=entry.approval_note, **_facts(entry)
        )


def _facts(entry: Entry) -> dict[str, str]:
    return {
        "approval_id": entry.approval_id,
        "function": entry.function,
        "person": f"{entry.issuer}|{entry.subject}" if entry.subject else "",
        "source": entry.source,
        "reason": entry.reason,
        "detail": entry.detail,
    }
