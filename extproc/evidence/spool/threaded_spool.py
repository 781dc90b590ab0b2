"""A spool for code that runs in many threads, such as the control process's API."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from extproc.evidence.spool.spool import Spool
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError

WAIT_S = 5.0
"""Seconds for an entry to become durable; a commit takes milliseconds."""


class ThreadedSpool:
    """Implements ``BlockingRecorder`` on a spool, which it gives an event loop and a thread of its own.

    Its methods block for a commit. Call them from any thread but one that must not wait.
    """

    def __init__(self, open_spool: Callable[[], Spool], *, wait_s: float = WAIT_S) -> None:
        """Open the spool and start the thread.

        Args:
            open_spool: opens it.
            wait_s: seconds for an entry to become durable.

        Raises:
            EvidenceError: the spool cannot be opened.
        """
        self._spool = open_spool()
        self._wait_s = wait_s
        self._loop = asyncio.new_event_loop()
        self._guard = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="acts", daemon=True)
        self._thread.start()

    def record(self, entry: Entry) -> None:
        """Store one entry. On return it is durable.

        Raises:
            EvidenceError: the spool is full or closed, the write failed, or it took too long. After a failure of
                the last kind the entry may still be stored.
        """
        self._run(self._spool.record(entry))

    def record_soon(self, entry: Entry) -> None:
        """Queue one entry: it survives the process, and is stored soon.

        Raises:
            EvidenceError: the spool or its window is full, or it is closed: the entry is lost.
        """

        async def queue() -> None:
            self._spool.record_relaxed(entry)

        self._run(queue())

    @property
    def healthy(self) -> bool:
        """False once a write has failed, until one succeeds again; False if closed or full."""
        return self._spool.healthy

    def close(self) -> None:
        """Store the queued entries and close the spool. Later entries are refused."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
        self._spool.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        with self._guard:
            if self._closed:
                work.close()
                raise EvidenceError("the spool is closed")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            future.result(self._wait_s)
        except TimeoutError:
            future.cancel()
            raise EvidenceError("the entry was not stored in time") from None
