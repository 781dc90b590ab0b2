"""A memory of what happened lately, so that repetitions are counted and not recorded one by one."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

MOST = 10_000
"""Keys that are remembered; the oldest are forgotten first."""


class Lately:
    """Says of each event whether it is to be recorded. Safe to use from any thread."""

    def __init__(self, within_ns: int, most: int = MOST) -> None:
        """Begin without a memory.

        Args:
            within_ns: nanoseconds in which an event with the same key is a repetition.
            most: keys that are remembered.
        """
        self._within_ns, self._most = within_ns, most
        self._seen: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def happened(self, key: Hashable, now_ns: int) -> int | None:
        """Note an event.

        Returns:
            None for a repetition, which is only counted; else the number of repetitions since the last event with
            this key that was none.
        """
        with self._lock:
            since_ns, repeated = self._seen.pop(key, (None, 0))
            if since_ns is not None and now_ns - since_ns < self._within_ns:
                self._seen[key] = since_ns, repeated + 1
                return None
            self._seen[key] = now_ns, 0
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
            return repeated
