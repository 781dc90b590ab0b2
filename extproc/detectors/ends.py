"""Where in a text expressions match: a long text is searched near these places only, which is faster."""

import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import hyperscan

from extproc.detectors.databases import Expression, compile_database

BEFORE, BEHIND = "\n\n", "\n"
"""Stand around each text, for expressions that ask for a character around a match."""
SHORT = 256
"""Characters of a text that is searched as a whole: that is faster."""
MATCHES_FREE = 2_000
MATCHES_PER_CHARACTER = 0.05
"""A text in which the expressions match more often is searched as a whole, too."""
LOOK_AHEAD = 4
"""Most characters behind a match that decide on it."""
MATCH_LONG = 512
"""Characters of a match that is looked for behind an offset; a longer one is matched again."""
Part = tuple[int, int]
"""Start and end of a part of a text."""


class End(NamedTuple):
    """The end of a match."""

    at: int
    """Offset in the text."""
    number: int
    """The number of the expression."""


class Ends:
    """Searches texts for numbered expressions. Compiled in its first search; safe to use from several threads."""

    def __init__(self, expressions: Sequence[Expression]) -> None:
        """Take expressions for Hyperscan."""
        self._expressions = expressions
        self._database: hyperscan.Database | None = None
        self._lock = threading.Lock()

    def __call__(self, text: str, most: float = float("inf")) -> list[End] | None:
        """Return the ends of all matches in a text, in ascending order; None if there are more than ``most``."""
        data, found = f"{BEFORE}{text}{BEHIND}".encode("utf-8", "surrogatepass"), list[tuple[int, int]]()
        skipped, add = len(BEFORE), found.append

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            add((end, number))
            return True if len(found) > most else None

        with self._lock:
            if self._database is None:
                self._database = compile_database(self._expressions)
            if self._database is None:
                return []
            try:
                self._database.scan(data, match_event_handler=on_match)
            except hyperscan.ScanTerminated:
                return None
        ends = [End(end - skipped, number) for end, number in sorted(set(found))]
        return ends if len(data) == len(text) + skipped + len(BEHIND) else _in_characters(ends, data)


def _in_characters(ends: list[End], data: bytes) -> list[End]:
    """Map ends in bytes of a text to offsets of characters in it. An end may lie within a character."""
    characters, passed, mapped = 0, 0, list[End]()
    for end, number in ends:
        characters += len(data[len(BEFORE) + passed : len(BEFORE) + end].decode("utf-8", "ignore"))
        passed = end
        mapped.append(End(characters, number))
    return mapped


class Nearby:
    """The parts of texts in which a detector may find something: those around matches of its prefilter."""

    def __init__(self, prefilter: Iterable[bytes], reach: int) -> None:
        """Take the expressions of the prefilter.

        Args:
            prefilter: as in ``Detector.prefilter``.
            reach: most characters of a match of the detector, with those that decide on it. A longer match has
                matches of the prefilter all over it.
        """
        self._ends = Ends([Expression(0, each) for each in prefilter])
        self._reach = reach

    def parts(self, text: str) -> list[Part]:
        """Return the parts in ascending order, apart from each other. A short text is one part."""
        if len(text) <= SHORT:
            return [(0, len(text))]
        ends = self._ends(text, MATCHES_FREE + len(text) * MATCHES_PER_CHARACTER)
        if ends is None:
            return [(0, len(text))]
        return parts_around([end.at for end in ends], self._reach, self._reach + LOOK_AHEAD, len(text))


def parts_around(offsets: Iterable[int], before: int, behind: int, length: int) -> list[Part]:
    """Return the parts of a text that lie around offsets; those that touch are one.

    Args:
        offsets: in ascending order.
        before: characters before an offset.
        behind: characters behind an offset.
        length: that of the text.
    """
    parts: list[Part] = []
    for at in offsets:
        first, last = max(0, at - before), min(length, at + behind)
        if parts and first <= parts[-1][1]:
            parts[-1] = parts[-1][0], last
        else:
            parts.append((first, last))
    return parts


def matches_behind(
    offsets: Iterable[int], reach: int, pattern: re.Pattern[str], text: str
) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern in a text that begin behind one of some offsets, or one character before it.

    Args:
        offsets: in ascending order.
        reach: most characters between an offset and a match.
        pattern: does not match across an offset.
        text: the text.
    """
    for first, last in parts_around(offsets, 2, reach, len(text)):
        at, until = first, last + MATCH_LONG
        while (match := pattern.search(text, at, until)) and match.start() <= last:
            if match.end() + LOOK_AHEAD >= until:
                match = pattern.match(text, match.start())
            if match is None:
                break
            yield match
            at = match.end()


class EndsOf:
    """The ends in one text, to ask for those in a part of it."""

    def __init__(self, ends: list[End]) -> None:
        self._at = [end.at for end in ends]
        self._numbers = [end.number for end in ends]

    def within(self, first: int, last: int) -> set[int]:
        """Return the numbers of expressions that end between two offsets, both included."""
        return set(self._numbers[bisect_left(self._at, first) : bisect_right(self._at, last)])

    def parts(self, before: int, behind: int, length: int) -> list[Part]:
        """See ``parts_around``."""
        return parts_around(self._at, before, behind, length)


NO_ENDS = EndsOf([])
