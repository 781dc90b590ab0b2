"""Views: decoded texts that know from where in the original each character came."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Protocol


class View(Protocol):
    """A decoded text."""

    text: str
    whole: bool
    """It can be replaced only as a whole, so that its first match is enough."""
    inflated: int
    """Bytes that decompression added."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Map a range of the decoded text, which is not empty, to the original text."""
        ...


class WholeView:
    """A stretch of the original text, decoded. It can be replaced only as a whole."""

    __slots__ = ("_span", "inflated", "text")
    whole = True

    def __init__(self, text: str, start: int, end: int, inflated: int = 0) -> None:
        """Take a decoded text, and where its spelling is."""
        self.text, self._span, self.inflated = text, (start, end), inflated

    def original(self, start: int, end: int) -> tuple[int, int]:
        """See ``View``. Returns the whole stretch."""
        del start, end
        return self._span


class ReplacedView:
    """The original text, or a part of it, with its spellings replaced by what they spell."""

    __slots__ = ("_decoded", "_first", "_pattern", "_pieces", "_source", "text")
    whole = False
    inflated = 0

    def __init__(
        self, source: str, pattern: re.Pattern[str], decoded: Callable[[str], str], first: int = 0
    ) -> None:
        """Replace each match of a pattern.

        Args:
            source: the original text, or a part of it.
            pattern: matches spellings.
            decoded: returns what a spelling spells; may be called more than once for it.
            first: the offset of the part in the original text.
        """
        self._source, self._pattern, self._decoded, self._first = source, pattern, decoded, first
        self._pieces: tuple[list[int], list[int], list[int], list[int]] | None = None
        self.text = pattern.sub(lambda match: decoded(match[0]), source)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """See ``View``. A spelling is in the range as a whole, or not at all."""
        if self._pieces is None:
            self._pieces = self._placed()
        starts, ends, from_starts, from_ends = self._pieces
        first, last = start, end
        at = bisect_right(starts, start) - 1
        if at >= 0:
            first = from_starts[at] if start < ends[at] else from_ends[at] + start - ends[at]
        at = bisect_left(starts, end) - 1
        if at >= 0:
            last = from_ends[at] + max(0, end - ends[at])
        return first + self._first, last + self._first

    def _placed(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Return, for each spelling, where it starts and ends in the decoded text, and in the original."""
        starts: list[int] = []
        ends: list[int] = []
        from_starts: list[int] = []
        from_ends: list[int] = []
        shift = 0
        for match in self._pattern.finditer(self._source):
            first, last = match.span()
            new = len(self._decoded(match[0]))
            starts.append(first + shift)
            ends.append(first + shift + new)
            from_starts.append(first)
            from_ends.append(last)
            shift += new - (last - first)
        return starts, ends, from_starts, from_ends
