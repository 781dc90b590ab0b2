"""The prefilter: one Hyperscan pass over a text tells which detectors may find something in it, and where.

Each detector and decoder has patterns of bytes. At least one of them matches in every text in which the detector
finds something; most matches of patterns are not entities. A detector with a hint (``Detector.hints``) counts only
if the hint matches, too.

Two searches use the patterns. ``which`` answers for one text: a pattern is reported once. ``where`` answers for a
whole document: it reports the ends of matches, so that only a few strings of the document have to be searched. It
runs several databases, since some patterns match only in rare texts, and some so often that they are searched for
only once their hint was found.
"""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import hyperscan

from extproc.detectors.databases import Expression, compile_database
from extproc.detectors.decoders import Decoder
from extproc.detectors.detector import CRLF, SEPARATOR, Detector
from extproc.model.errors import MaskingError

BACKSLASH, CR = b"\\", b"\r"
"""Text without them has no marks of decoders, and no line that ends in CRLF."""
BEFORE = b"\n\n"
"""Stands before each text, for patterns that ask for a character that is not in front of a match."""
MATCHES_FREE = 10_000
MATCHES_PER_BYTE = 0.125
"""A text in which patterns match more often is searched as a whole: that is faster."""
ONCE = hyperscan.HS_FLAG_SINGLEMATCH
OnMatch = Callable[[int, int, int, int, object], bool | None]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One expression and the meaning of its matches."""

    expression: bytes
    owner: int
    """The number of the detector or decoder."""
    is_hint: bool = False
    """The expression is the owner's hint."""
    shortest: int = 0
    """Fewest bytes of a match."""
    exact: bool = False
    """See ``Detector.exact``."""
    needs_hint: bool = False
    """The owner has a hint."""
    is_rare: bool = False
    """Searched for in a separate database: one database for all patterns takes longer than two."""
    is_decoders: bool = False
    """The owner is a decoder. Each decoder has a database of its own, of which few texts need any."""

    @property
    def crosses_crlf(self) -> bool:
        """True if it matches only in text with a carriage return, or with its escape."""
        return CRLF in self.expression and not self.is_decoders


class Matched(NamedTuple):
    """The patterns that match in one text."""

    owners: AbstractSet[int]
    """Detectors and decoders of which a pattern matches, whether their hint does or not."""
    hinted: AbstractSet[int]
    """Detectors whose hint matches."""


NO_MATCH = Matched(frozenset(), frozenset())


class MarkEnd(NamedTuple):
    """The first match of a decoder's mark."""

    end: int
    owner: int


class _DecoderDatabases(NamedTuple):
    """The compiled patterns of one decoder."""

    gates: bytes
    """See ``Decoder``."""
    shortest: int
    """Fewest bytes of a match."""
    where: "hyperscan.Database | None"
    which: "hyperscan.Database | None"

    def may_match(self, data: bytes) -> bool:
        """Return whether to search a text."""
        return len(data) >= self.shortest and (not self.gates or any(gate in data for gate in self.gates))


class Prefilter:
    """The compiled patterns of some detectors and decoders. Safe to use from several threads."""

    def __init__(self, detectors: Sequence[Detector], decoders: Sequence[Decoder]) -> None:
        """Compile the patterns. Decoders have the numbers behind those of all detectors."""
        self._lock = threading.Lock()
        self._patterns = tuple(_patterns_of(detectors, decoders))
        self.hinted = frozenset(number for number, each in enumerate(detectors) if each.hints)
        """Detectors that have a hint."""
        self.marks = tuple(
            (number, mark) for number, each in enumerate(decoders, len(detectors)) for mark in each.marks
        )
        """Marks of decoders, each with the decoder's number."""
        common = {number for number in self.hinted if detectors[number].common}
        self._which = self._database(lambda each: not (each.crosses_crlf or each.is_decoders), flags=ONCE)
        self._decoders = tuple(
            _DecoderDatabases(
                each.gates,
                each.prefilter_shortest,
                self._database(partial(_is_of, number)),
                self._database(partial(_is_of, number), flags=ONCE),
            )
            for number, each in enumerate(decoders, len(detectors))
            if each.prefilter
        )
        self._crlf = self._database(lambda each: each.crosses_crlf)
        self._rare = self._database(lambda each: each.is_rare)
        self._first = self._database(
            lambda each: (
                each.is_hint or not (each.needs_hint or each.is_rare or each.crosses_crlf or each.is_decoders)
            )
        )
        self._of_hinted = {number: self._database(partial(_is_of, number)) for number in self.hinted - common}
        self._of_common = {number: re.compile(b"|".join(detectors[number].prefilter)) for number in common}
        self._marked = compile_database(
            [Expression(number, re.escape(mark.encode()), ONCE) for number, mark in self.marks]
        )

    def which(self, data: bytes) -> Matched:
        """Return the detectors of which a pattern, or the hint, matches in a text.

        Args:
            data: folded text in UTF-8.

        Raises:
            MaskingError: Hyperscan failed.
        """
        numbers: list[int] = []

        def on_match(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            numbers.append(number)

        self._run(self._which, BEFORE + data, on_match)
        for each in self._decoders:
            if each.may_match(data):
                self._run(each.which, data, on_match)
        marks = self._escaped(data, on_match)
        if not numbers and not marks:
            return NO_MATCH
        owners = {mark.owner for mark in marks}
        hinted: set[int] = set()
        for number in numbers:
            pattern = self._patterns[number]
            (hinted if pattern.is_hint else owners).add(pattern.owner)
        return Matched(owners, hinted)

    def where(self, data: bytes, hinted: Iterable[int]) -> list[tuple[int, int]] | None:
        """Return where patterns match in a document.

        Patterns of detectors with a hint are tried only if the hint is found at all. One of several matches that
        share a character is enough: no match of a detector reaches across the end of a string or number.

        Args:
            data: folded text in UTF-8.
            hinted: detectors whose hint is already found, around the document or in another spelling.

        Returns:
            In ascending order, the end of a match in ``data`` and the number of its detector. None if there are
            too many to be of use.

        Raises:
            MaskingError: Hyperscan failed.
        """
        data = BEFORE + data
        patterns, found, seen_hints = self._patterns, [], set(hinted)
        next_end: dict[int, int] = {}
        left = MATCHES_FREE + int(len(data) * MATCHES_PER_BYTE)

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            nonlocal left
            pattern = patterns[number]
            if pattern.is_hint:
                seen_hints.add(pattern.owner)
                return None
            left -= 1
            if pattern.exact and data[end : end + 1].isdigit():
                return None
            if end >= next_end.get(number, 0):
                next_end[number] = end + pattern.shortest
                found.append((end, pattern.owner))
            return True if left <= 0 else None

        self._run(self._first, data, on_match)
        self._run(self._rare, data, on_match)
        for each in self._decoders:
            if each.may_match(data):
                self._run(each.where, data, on_match)
        found += self._escaped(data, on_match)
        for owner in seen_hints:
            common = self._of_common.get(owner)
            if common is None:
                self._run(self._of_hinted[owner], data, on_match)
            else:
                found += [(match.end(), owner) for match in common.finditer(data)]
        if left <= 0:
            return None
        found.sort()
        return [(end - len(BEFORE), owner) for end, owner in found]

    def marked(self, data: bytes) -> list[MarkEnd]:
        """Return the first match of each mark of the decoders."""
        ends: list[MarkEnd] = []

        def on_match(owner: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends.append(MarkEnd(end, owner))

        self._run(self._marked, data, on_match)
        return ends

    def _escaped(self, data: bytes, on_match: OnMatch) -> list[MarkEnd]:
        """Search for patterns and marks that only text with a carriage return or a backslash can have."""
        if CR not in data and BACKSLASH not in data:
            return []
        self._run(self._crlf, data, on_match)
        return self.marked(data)

    def _database(self, chosen: Callable[[Pattern], bool], flags: int = 0) -> "hyperscan.Database | None":
        """Compile the chosen patterns. A match reports the number of its pattern."""
        return compile_database(
            [
                Expression(number, each.expression, ONCE | hyperscan.HS_FLAG_CASELESS if each.is_hint else flags)
                for number, each in enumerate(self._patterns)
                if chosen(each)
            ]
        )

    def _run(self, database: "hyperscan.Database | None", data: bytes, on_match: OnMatch) -> None:
        if database is None:
            return
        try:
            with self._lock:
                database.scan(data, match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            return  # the handler asked for it
        except Exception as error:  # noqa: BLE001 - whatever the prefilter does, the call must not pass
            raise MaskingError(f"prefilter failed: {type(error).__name__}") from None


def _is_of(owner: int, pattern: Pattern) -> bool:
    return pattern.owner == owner and not pattern.is_hint


def _patterns_of(detectors: Sequence[Detector], decoders: Sequence[Decoder]) -> Iterable[Pattern]:
    for number, each in enumerate(detectors):
        for expression in each.prefilter:
            yield Pattern(
                expression,
                number,
                shortest=each.prefilter_shortest,
                exact=each.exact,
                needs_hint=bool(each.hints),
                is_rare=not each.hints and SEPARATOR in expression,
            )
    for number, decoder in enumerate(decoders, len(detectors)):
        for expression in decoder.prefilter:
            yield Pattern(
                expression, number, shortest=decoder.prefilter_shortest, exact=decoder.exact, is_decoders=True
            )
    for number, each in enumerate(detectors):
        for hint in each.hints:
            yield Pattern(hint, number, is_hint=True)
