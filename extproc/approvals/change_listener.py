"""Tells an event loop of changes in the approvals store, for which a thread waits."""

import asyncio
import contextlib
import threading

import structlog

from extproc.approvals.port import Changes

LISTEN_S = 2.0
"""Seconds after which whoever waits for changes asks by itself: a change may be told to nobody."""


class ChangeListener:
    """Waits for changes in a thread of its own. Make it in the event loop that it tells."""

    def __init__(self, changes: Changes) -> None:
        """Begin to listen."""
        self._changes = changes
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="approvals-listen", daemon=True)
        self._thread.start()

    async def wait(self, timeout_s: float = LISTEN_S) -> bool:
        """Wait until something changed since the last wait ended; False if nothing did in that time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    def tell(self) -> None:
        """Wake who waits, as a change does. Call it in the event loop."""
        self._changed.set()

    async def finish(self) -> None:
        """Stop listening."""
        self._ended.set()
        await asyncio.to_thread(self._changes.close)
        await asyncio.to_thread(self._thread.join)

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                told = self._changes.wait(LISTEN_S)
            except Exception as error:  # noqa: BLE001 - a listener that ended would leave its caller to ask alone
                structlog.get_logger().error("cannot listen for approvals", error=type(error).__name__)
                told = not self._ended.wait(LISTEN_S)
            if told:
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(self._changed.set)
