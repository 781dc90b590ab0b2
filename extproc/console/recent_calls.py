"""The recent calls of the caller of a held call, from the evidence, which may be slow or away."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from extproc.approvals.approval import ApprovalRequest
from extproc.model.errors import QueryError

WAIT_S = 2.0
"""Seconds after which a page is shown without the calls."""
AT_ONCE = 2
"""Questions that may run at once; others are not asked, so that slow evidence costs few threads."""
MOST = 10


class CallReader(Protocol):
    """Reads evidence, from any thread. Raises ``QueryError`` if it cannot."""

    def recent_calls(
        self, caller: str, before_ns: int, limit: int, max_seconds: float
    ) -> Sequence[dict[str, Any]]:
        """Return the ends of a caller's last calls, newest first.

        Args:
            caller: ``Identity.name``.
            before_ns: only calls that ended before, in wall-clock nanoseconds.
            limit: maximum number of rows.
            max_seconds: time limit of the query.
        """
        ...


@dataclass(frozen=True, slots=True)
class CallSeen:
    """One earlier call, as far as approvers see it. Holds masked values only."""

    call_id: str
    time: str
    """ISO 8601, UTC."""
    function: str
    outcome: str
    """The kind of the entry that ended it."""
    reason: str
    status: int


class RecentCalls:
    """Asks the evidence in a thread of its own, and does not wait for a late answer. Usable from any thread."""

    def __init__(self, reader: CallReader, *, wait_s: float = WAIT_S) -> None:
        """Make it.

        Args:
            reader: reads evidence.
            wait_s: seconds to wait for an answer.
        """
        self._reader, self._wait_s = reader, wait_s
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def of(self, request: ApprovalRequest) -> list[CallSeen] | None:
        """Return the last calls of a request's caller before it, newest first; None if nobody told in time."""
        if not self._slots.acquire(blocking=False):
            return None
        answers: SimpleQueue[list[CallSeen] | None] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._ask(request))
            finally:
                self._slots.release()

        threading.Thread(target=ask, name="recent-calls", daemon=True).start()
        try:
            return answers.get(timeout=self._wait_s)
        except Empty:
            return None

    def _ask(self, request: ApprovalRequest) -> list[CallSeen] | None:
        try:
            rows = self._reader.recent_calls(request.requester, request.created_ns, MOST, self._wait_s)
        except QueryError:
            return None
        return [
            CallSeen(row["call_id"], row["time"], row["function"], row["kind"], row["reason"], row["status"])
            for row in rows
            if row["call_id"] != request.call_id
        ]
