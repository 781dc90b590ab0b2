"""A wall clock that does not go back, so that a clock that is set back reopens no request."""

import threading

from extproc.model.ids import Clock


class ForwardClock:
    """Returns wall-clock nanoseconds, never less than an earlier value and the time that has passed since.

    A clock that is set forward, by mistake too, is followed: requests then expire early, which denies. Safe to use
    from any thread.
    """

    def __init__(self, wall: Clock, monotonic: Clock) -> None:
        """Begin with the time of the wall clock.

        Args:
            wall: wall-clock nanoseconds.
            monotonic: nanoseconds from any beginning, which nobody can set.
        """
        self._wall, self._monotonic = wall, monotonic
        self._lock = threading.Lock()
        self._at, self._ticks = wall(), monotonic()

    def __call__(self) -> int:
        """Return the time."""
        with self._lock:
            ticks = self._monotonic()
            self._at, self._ticks = max(self._wall(), self._at + ticks - self._ticks), ticks
            return self._at

    @property
    def behind_ns(self) -> int:
        """How far the wall clock is behind: it was set back, or was too far ahead before. Almost 0 normally."""
        return self() - self._wall()
