"""The pace of one target: how many messages it takes in a minute, and when a failed one is tried again. Pure."""

from dataclasses import dataclass

FIRST_S = 1.0
LONGEST_S = 300.0
"""Seconds until the second attempt; the time doubles until the longest."""
PER_MINUTE_S = 60.0


def retry_after_s(attempts: int, chance: float) -> float:
    """Return the seconds until the next attempt: exponential, with jitter over its upper half.

    Args:
        attempts: those that failed, at least 1.
        chance: random, from 0 to 1: targets that failed together are not tried together.
    """
    longest = min(LONGEST_S, FIRST_S * 2.0 ** min(attempts - 1, 20))
    return longest / 2 * (1 + chance)


@dataclass(slots=True)
class Pace:
    """A token bucket. Time is a monotonic clock's, an argument."""

    per_minute: int
    tokens: float = -1.0
    """Messages that may be sent now; -1 before the first use, which finds it full."""
    at_s: float = 0.0

    def left(self, now_s: float) -> int:
        """Return how many messages may be sent now."""
        if self.tokens < 0:
            self.tokens, self.at_s = float(self.per_minute), now_s
        gained = max(0.0, now_s - self.at_s) * self.per_minute / PER_MINUTE_S
        self.tokens, self.at_s = min(float(self.per_minute), self.tokens + gained), now_s
        return int(self.tokens)

    def take(self) -> None:
        """Count one message."""
        self.tokens = max(0.0, self.tokens - 1)

    def wait_s(self) -> float:
        """Return the seconds until one more message may be sent."""
        return max(0.0, 1 - self.tokens) * PER_MINUTE_S / self.per_minute
