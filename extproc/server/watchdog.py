"""Kill a worker (SIGPROF) when one message uses far more CPU than any message within the limits can.

Nothing can interrupt such a message, and all other calls of its worker wait. It has met a fault of the guard or of
a library. By then Envoy has given up the call and denied it; Envoy's access log entry is what gets recorded
(``docs/adr/0006``).
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable

from extproc.concurrency.background import background
from extproc.settings.limits import LimitSettings

KICK_EVERY_S = 10.0
"""Seconds between two kicks while no message arrives: an idle process uses a little CPU too."""
SHORTEST_INTERVAL_S = 1.0
"""Seconds between two settings of the timer, which takes a system call."""
LEAST_S = 60.0
S_PER_BYTE = 50e-6
"""Many times the cost of the slowest bytes found in tests, all work on them together."""


def too_long(limits: LimitSettings) -> float:
    """CPU seconds that no message within the limits takes."""
    return LEAST_S + S_PER_BYTE * max(limits.request_body, limits.response_body, limits.event)


class Watchdog:
    """A CPU timer that ends this process (``SIGPROF``) unless it is kicked in time."""

    def __init__(self, cpu_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Make a watchdog; it is asleep until ``watched`` or the first kick.

        Args:
            cpu_s: CPU seconds of the process, all threads together, allowed between two kicks. Time during which
                the machine runs something else does not count.
            clock_s: seconds of a monotonic clock.
        """
        self._cpu_s = cpu_s
        self._clock_s = clock_s
        self._kicked_s = float("-inf")

    def kick(self) -> None:
        """Start the timer anew: the process has come to its next message. Usually this only reads the clock."""
        now = self._clock_s()
        if now - self._kicked_s >= SHORTEST_INTERVAL_S:
            self._kicked_s = now
            signal.setitimer(signal.ITIMER_PROF, self._cpu_s)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch the process until the block ends. The event loop kicks too, so that an idle process lives on."""
        try:
            async with background(self._kick_when_idle()):
                yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    async def _kick_when_idle(self) -> None:
        while True:
            self.kick()
            await asyncio.sleep(KICK_EVERY_S)
