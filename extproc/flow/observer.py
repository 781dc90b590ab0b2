"""What the guard lets operators see of its work; the default sees nothing."""

from extproc.model.entries import Entry


class Observer:
    """Told of what happened. Must not raise and must not wait; metrics and logs are its implementations."""

    def call_began(self) -> None:
        """A stream opened."""

    def call_over(self) -> None:
        """A stream that opened is over."""

    def call_held(self, entry: Entry) -> None:
        """A call waits for approval."""

    def call_released(self) -> None:
        """A call no longer waits, whatever came of it."""

    def call_ended(self, entry: Entry) -> None:
        """A terminal entry was made."""

    def evidence_lost(self, entry: Entry) -> None:
        """A terminal entry could not be stored: the loudest thing there is."""

    def crash_file_unreadable(self, worker: str) -> None:
        """An entry or a crash record of a worker that is gone cannot be read: it is lost."""

    def guard_broke(self, error: BaseException) -> None:
        """A call ended in an error that nobody foresaw."""
