"""Limits of requests in a span of time, for each address or session. Kept in memory, and bounded."""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND

MOST_KEYS = 10_000
"""Addresses and sessions that are remembered; the one that was silent longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests at once, and so many in each minute."""

    of: str
    """The kind of requests."""
    per_minute: int


SIGN_INS = Rate("sign-ins", 60)
"""Beginnings and ends of sign-ins, and uses of links, for each address. A proxy's users may share one address."""
ACTIONS = Rate("actions", 60)
"""Forms sent, for each session."""
LOGOUTS = Rate("logouts", 600)
"""Words of a provider that sessions have ended."""
PAGES = Rate("pages", 1_200)
"""All requests for pages, for each address."""


class RateLimits:
    """Token buckets. Safe to use from any thread."""

    def __init__(self, clock: Clock, *, most_keys: int = MOST_KEYS) -> None:
        """Make empty buckets.

        Args:
            clock: nanoseconds of a clock that people do not set (``time.monotonic_ns``).
            most_keys: buckets that are kept.
        """
        self._clock = clock
        self._most_keys = most_keys
        self._lock = threading.Lock()
        self._buckets: OrderedDict[tuple[Rate, str], tuple[float, int]] = OrderedDict()

    def wait_s(self, rate: Rate, key: str) -> int:
        """Count one request.

        Args:
            rate: the limit.
            key: the address or the session.

        Returns:
            0 if the request may pass; else the seconds to wait. A request that may not pass is not counted.
        """
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop((rate, key), (float(rate.per_minute), now))
            per_ns = rate.per_minute / (60 * NANOSECONDS_PER_SECOND)
            # A clock that was set back gives nothing.
            left = min(float(rate.per_minute), left + max(now - at, 0) * per_ns)
            passes = left >= 1
            self._buckets[rate, key] = (left - 1 if passes else left, now)
            while len(self._buckets) > self._most_keys:
                self._buckets.popitem(last=False)
        return 0 if passes else max(1, math.ceil((1 - left) / per_ns / NANOSECONDS_PER_SECOND))
