"""The stop of a process: the first signal drains it, the second ends it at once. The drain tells its progress."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

LOOK_EVERY_S = 1.0
"""Seconds between two counts of the calls that are left."""
AGAIN = "press Ctrl-C again to end them"


@dataclass(frozen=True, slots=True)
class CallsLeft:
    """The calls that a drain waits for."""

    held: int
    """Calls that wait for people."""
    running: int
    """All other calls."""

    def __add__(self, other: "CallsLeft") -> "CallsLeft":
        return CallsLeft(self.held + other.held, self.running + other.running)

    def __bool__(self) -> bool:
        return bool(self.held or self.running)

    def __str__(self) -> str:
        parts = ((self.held, "held"), (self.running, "running"))
        return " and ".join(f"{count} {kind} call{'s' if count > 1 else ''}" for count, kind in parts if count)


class Signals:
    """SIGTERM, SIGINT and SIGHUP. Belongs to the running event loop, from its creation on."""

    def __init__(self, reload: Callable[[], None] = lambda: None) -> None:
        """Handle signals from now on.

        Args:
            reload: called at SIGHUP, unless the process has lost its terminal, which stops it.
        """
        self.stop, self.hurry = asyncio.Event(), asyncio.Event()
        """Set by the first signal, and by the second."""
        self._reload, self._had_terminal = reload, os.isatty(0)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _stop(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()

    def _hang_up(self) -> None:
        if self._had_terminal and not os.isatty(0):
            self._stop()
        elif not self.stop.is_set():
            self._reload()

    async def until_stopped(self) -> None:
        """Wait for the first signal."""
        await self.stop.wait()


async def tell_progress(left: Callable[[], CallsLeft], drain_s: float, tell: Callable[[str], None]) -> None:
    """Tell what a drain waits for, at once and whenever it changes, until this is cancelled.

    Args:
        left: counts the calls.
        drain_s: seconds that the drain may take from now on.
        tell: takes a line for people.
    """
    ends_s, told = time.monotonic() + drain_s, CallsLeft(0, 0)
    while True:
        now = left()
        if now and now != told:
            tell(f"waiting for {now}, at most {max(0.0, ends_s - time.monotonic()):.0f} s more; {AGAIN}")
        told = now
        await asyncio.sleep(LOOK_EVERY_S)
