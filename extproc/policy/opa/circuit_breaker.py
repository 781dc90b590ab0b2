"""A server that does not answer is left alone for a while: whoever asks meanwhile is told so at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from extproc.model.errors import PolicyError, PolicyUnreachable


class Breaker:
    """Counts failures in a row. Owned by one event loop.

    Closed, it lets every question through. After ``most`` failures in a row it is open: every question is refused
    at once, which denies. When the pause is over one question is let through; its answer closes the breaker, its
    failure begins another pause.
    """

    def __init__(self, *, most: int, pause_s: float, clock_s: Callable[[], float]) -> None:
        """Closed.

        Args:
            most: failures in a row that open it.
            pause_s: seconds for which nobody is let through.
            clock_s: monotonic seconds.
        """
        self._most, self._pause_s, self._clock_s = most, pause_s, clock_s
        self._failures = 0
        self._until_s = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether questions are refused."""
        return self._failures >= self._most

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask within this block. What it raises tells how it went.

        ``PolicyUnreachable`` is a failure where nobody was there. Where somebody was, the question may be why it
        has no answer, and one caller's questions must not keep others from being decided: it counts for nothing
        until whoever asked has found out, and says so with ``answered`` or ``failed``. Any other error but a
        cancellation is an answer.

        Raises:
            PolicyError: nobody may ask now.
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
        """The server answers."""
        self._failures = 0

    def failed(self, times: int = 1) -> None:
        """So many questions had no answer, and the server is why."""
        self._failures += times
        self._until_s = self._clock_s() + self._pause_s

    def _admit(self) -> bool:
        """Whether this question is the probe.

        Raises:
            PolicyError: nobody may ask now.
        """
        if not self.is_open:
            return False
        if self._probing or self._clock_s() < self._until_s:
            raise PolicyError(f"OPA is not asked: {self._failures} questions in a row had no answer")
        self._probing = True
        return True
