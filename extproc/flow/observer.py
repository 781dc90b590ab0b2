"""The observer of the guard's work: the port for metrics and logs."""

from extproc.model.decision import Decision
from extproc.model.entries import Entry


class Observer:
    """Is told of events, and ignores them. Implementations must not raise and must not wait."""

    def call_began(self) -> None:
        """A stream opened."""

    def call_over(self) -> None:
        """A stream ended."""

    def call_held(self, entry: Entry) -> None:
        """A call waits for approval."""

    def call_released(self) -> None:
        """A call no longer waits for approval, whatever the outcome."""

    def call_ended(self, entry: Entry) -> None:
        """A terminal entry was made."""

    def policy_asked(self, seconds: float) -> None:
        """Policy was asked one question, and gave an answer or failed after this time."""

    def policy_decided(self, decision: Decision) -> None:
        """Policy decided, or gave an answer that cannot be read."""

    def policy_failed(self) -> None:
        """Policy gave no usable answer."""

    def definition_changed(self, connection: str, name: str, digest: str) -> None:
        """A backend listed a definition of a function that nobody accepted, for the first time."""

    def evidence_lost(self, entry: Entry) -> None:
        """A terminal entry could not be stored. Alert on it."""

    def crash_file_unreadable(self, worker: str) -> None:
        """An entry or a crash record of a worker that is gone cannot be read: it is lost."""

    def guard_broke(self, error: BaseException) -> None:
        """A call ended in an unforeseen error. Alert on it."""
