"""The ports through which entries are recorded: for calls, and for acts of people."""

from collections.abc import Callable
from typing import Protocol

from extproc.model.entries import Entry


class Recorder(Protocol):
    """Takes entries. Raises ``EvidenceError`` if it cannot keep its promise."""

    async def record(self, entry: Entry) -> None:
        """Store one entry. On return the entry is durable: it survives a loss of power."""
        ...

    def record_end(self, entry: Entry, lost: Callable[[], None]) -> None:
        """Queue the entry that ends a call; durable soon. ``lost`` is called if it could not be stored."""
        ...

    def record_relaxed(self, entry: Entry) -> None:
        """Queue one entry; durable soon. Raises if the window of entries in flight is full."""
        ...

    @property
    def healthy(self) -> bool:
        """False once a write has failed, until one succeeds again."""
        ...


class BlockingRecorder(Protocol):
    """Takes entries from any thread. Raises ``EvidenceError`` if it cannot keep its promise."""

    def record(self, entry: Entry) -> None:
        """Store one entry. On return the entry is durable: it survives a loss of power."""
        ...

    def record_soon(self, entry: Entry) -> None:
        """Queue one entry; it survives the process, and is durable soon."""
        ...
