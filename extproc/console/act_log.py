"""The evidence of acts on approvals: durable before an act counts, queued for all that follows from one."""

from dataclasses import dataclass
from typing import Protocol

from extproc.evidence.recorder import BlockingRecorder
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError


class ActObserver(Protocol):
    """Is told of acts: for metrics and the log. Its methods do not raise."""

    def acted(self, entry: Entry) -> None:
        """An entry was recorded."""
        ...

    def lost(self, entry: Entry) -> None:
        """An entry could not be recorded."""
        ...

    def broke_glass(self, entry: Entry) -> None:
        """Somebody released a call alone: everybody should know."""
        ...


@dataclass(frozen=True)
class ActLog:
    """Records acts. Its methods block for a commit, and may be called from any thread."""

    recorder: BlockingRecorder
    observer: ActObserver

    def must(self, entry: Entry) -> None:
        """Record an entry durably.

        Raises:
            EvidenceError: it cannot be recorded: what it says must not happen.
        """
        try:
            self.recorder.record(entry)
        except EvidenceError:
            self.observer.lost(entry)
            raise
        self.observer.acted(entry)

    def durably_if_possible(self, entry: Entry) -> None:
        """Record an entry durably. What it says only stops a call, and happens even if it cannot be recorded."""
        try:
            self.must(entry)
        except EvidenceError:
            return

    def soon(self, entry: Entry) -> None:
        """Queue an entry of what has happened already. One that cannot be queued is logged and counted."""
        try:
            self.recorder.record_soon(entry)
        except EvidenceError:
            self.observer.lost(entry)
        else:
            self.observer.acted(entry)
