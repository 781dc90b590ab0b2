"""Blocking work of others in a thread of its own, which a process does not wait for when it ends."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class StillBusy(Exception):
    """The work before has not ended: its thread cannot be stopped, and a second one is not started."""


class OneThread:
    """Runs one piece of work at a time. Belongs to one event loop.

    A library that hangs keeps its thread, and nothing else: callers get an error in time.
    """

    def __init__(self, name: str) -> None:
        """Start nothing yet. Args: ``name``: of the thread."""
        self._name = name
        self._busy = False

    async def run(self, work: Callable[[], T], within_s: float) -> T:
        """Run the work, and return its result.

        Args:
            work: blocks.
            within_s: seconds after which the caller goes on. The work does not end by that.

        Raises:
            TimeoutError: it has not ended in time.
            StillBusy: the work before has not ended yet.
            Exception: the work's own error.
        """
        if self._busy:
            raise StillBusy
        self._busy = True
        results: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def in_thread() -> None:
            try:
                results.put((work(), None))
            except BaseException as error:  # noqa: BLE001 - raised again by the caller
                results.put((None, error))
            self._busy = False
            try:
                loop.call_soon_threadsafe(done.set)
            except RuntimeError:
                return  # the loop has ended before

        threading.Thread(target=in_thread, name=self._name, daemon=True).start()
        async with asyncio.timeout(within_s):
            await done.wait()
        result, error = results.get_nowait()
        if error is not None:
            raise error
        return result  # type: ignore[return-value]
