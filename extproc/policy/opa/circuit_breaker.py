"""Leave a server alone for a while if it does not answer: questions are refused at once meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from extproc.model.errors import PolicyError, PolicyUnreachable


class Breaker:
    """Counts failures in a row. Owned by one event loop.

    Closed, it lets every question through. After ``most`` failures in a row it is open: every question is refused
    at once, and a refused question denies. After the pause one question, the probe, is let through: its answer
    closes the breaker, its failure begins another pause.
    """

    def __init__(self, *, most: int, pause_s: float, clock_s: Callable[[], float]) -> None:
        """Make a closed breaker.

        Args:
            most: failures in a row that open it.
            pause_s: seconds for which every question is refused.
            clock_s: monotonic seconds.
        """
        self._most, self._pause_s, self._clock_s = most, pause_s, clock_s
        self._failures = 0
        self._until_s = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """True while questions are refused."""
        return self._failures >= self._most

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask one question within the block. The block's exception tells how it went.

        ``PolicyUnreachable`` counts as a failure if the server was absent. If the server was there, the question
        itself may be why it has no answer, and one caller's questions must not open the breaker for others: the
        question counts only after the owner has asked for the server's health, and called ``answered`` or
        ``failed``.
        Any other error is an answer, except for a cancellation.

        Raises:
            PolicyError: the question is refused.
        """
        probe = self._admit()
        try:
            yield
            self.answered()
        except PolicyUnreachable as error:
            if error.absent:
                self.failed()
            raise
        except PolicyError:
            self.answered()
            raise
        finally:
            self._probing = self._probing and not probe

    def answered(self) -> None:
        """Close the breaker: the server answers."""
        self._failures = 0

    def failed(self, times: int = 1) -> None:
        """Count questions that had no answer because of the server."""
        self._failures += times
        self._until_s = self._clock_s() + self._pause_s

    def _admit(self) -> bool:
        """Let a question through. Returns True if it is the probe.

        Raises:
            PolicyError: the question is refused.
        """
        if not self.is_open:
            return False
        if self._probing or self._clock_s() < self._until_s:
            raise PolicyError(f"OPA is not asked: {self._failures} questions in a row had no answer")
        self._probing = True
        return True
