"""A limit on held calls, and on withdrawals of them: each costs memory or a thread for as long as it waits."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from extproc.model.errors import Refused
from extproc.model.reasons import Reason
from extproc.settings.limits import LimitSettings


class HoldLimiter:
    """Counts the calls that one worker holds, or withdraws, by caller. Lives on one event loop."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._all = 0

    @contextlib.contextmanager
    def counted(self, caller: str, limits: LimitSettings) -> Iterator[None]:
        """Count a call until the block ends. It is counted before anything is awaited.

        Raises:
            Refused: with ``overloaded``, where a limit is reached.
        """
        if self._all >= limits.held_calls:
            raise Refused(Reason.OVERLOADED, rule="limits.held_calls")
        if self._of[caller] >= limits.held_calls_per_caller:
            raise Refused(Reason.OVERLOADED, rule="limits.held_calls_per_caller")
        self._of[caller] += 1
        self._all += 1
        try:
            yield
        finally:
            self._all -= 1
            self._of[caller] -= 1
            if not self._of[caller]:
                del self._of[caller]
