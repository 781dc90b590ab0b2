"""An end to a worker that one message holds: nothing can interrupt it, and all its other calls wait.

No message within the limits takes nearly as long. One that does has met a fault of the guard or of a library.
Envoy has given its call up by then, and denied it; its account is what is recorded (``docs/adr/0006``).
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable

from extproc.concurrency.background import background
from extproc.settings.limits import LimitSettings

SIGN_EVERY_S = 10.0
"""Of a worker without messages: the process computes a little all the time."""
AT_MOST_EVERY_S = 1.0
"""A sign takes a system call."""
LEAST_S = 60.0
S_PER_BYTE = 50e-6
"""Many times what the slowest bytes take that were found, in all that is done with them together."""


def too_long(limits: LimitSettings) -> float:
    """Seconds of the processor that no message takes."""
    return LEAST_S + S_PER_BYTE * max(limits.request_body, limits.response_body, limits.event)


class Watchdog:
    """Ends this process, by the system (``SIGPROF``), when it computes too long and gives no sign of life."""

    def __init__(self, cpu_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Allow so much between two signs.

        Args:
            cpu_s: seconds that the process computes, in all threads; a machine that stalls counts for nothing.
            clock_s: seconds of any clock that goes on.
        """
        self._cpu_s = cpu_s
        self._clock_s = clock_s
        self._signed = float("-inf")

    def kick(self) -> None:
        """It lives: it has come to its next message. Most of the time this only looks at the clock."""
        now = self._clock_s()
        if now - self._signed >= AT_MOST_EVERY_S:
            self._signed = now
            signal.setitimer(signal.ITIMER_PROF, self._cpu_s)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Begin, and end with the block. Until then its loop gives a sign now and then."""
        try:
            async with background(self._signs()):
                yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    async def _signs(self) -> None:
        while True:
            self.kick()
            await asyncio.sleep(SIGN_EVERY_S)
