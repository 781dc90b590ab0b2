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
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, partial
from operator import is_, itemgetter
from typing import NamedTuple

import hyperscan

from extproc.detectors.databases import Expression, compile_database
from extproc.detectors.decoders import Decoder
from extproc.detectors.detector import CRLF, SEPARATOR, Detector
from extproc.detectors.detector_set import DetectorSet
from extproc.model.errors import MaskingError

BACKSLASH, CR = b"\\", b"\r"
"""Text without them has no marks of decoders, and no line that ends in CRLF."""
BEFORE = b"\n\n"
"""Stands before each text, for patterns that ask for a character that is not in front of a match."""
BEHIND = b"\n"
"""Stands behind each text, for patterns that ask for a character that is not behind a match."""
MATCHES_FREE = 10_000
MATCHES_PER_BYTE = 0.125
"""A text in which patterns match more often is searched as a whole: that is faster."""
HINTS_CACHED = 256
"""Sets of hints for which it is remembered which detectors have which patterns."""
REMEMBERED_FROM = 256
"""Fewest bytes of a text whose answer is remembered."""
ONCE = hyperscan.HS_FLAG_SINGLEMATCH
OnMatch = Callable[[int, int, int, int, object], bool | None]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One expression and the meaning of its matches."""

    expression: bytes
    is_hint: bool = False
    """The expression is a hint of its owners."""
    shortest: int = 0
    """Fewest bytes of a match."""
    exact: bool = False
    """See ``Detector.exact``."""
    needs_hint: bool = False
    """The owners have a hint."""
    is_common: bool = False
    """See ``Detector.common``."""
    is_rare: bool = False
    """Searched for in a separate database: one database for all patterns takes longer than two."""
    is_decoders: bool = False
    """The owner is a decoder. Each decoder has a database of its own, of which few texts need any."""

    @property
    def crosses_crlf(self) -> bool:
        """True if it matches only in text with a carriage return, or with its escape."""
        return CRLF in self.expression and not self.is_decoders

    @property
    def is_plain(self) -> bool:
        """True if it is searched for in all texts, together with others."""
        return not (self.is_hint or self.needs_hint or self.is_rare or self.crosses_crlf or self.is_decoders)


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
        self._last: tuple[bytes, Matched] = b"", NO_MATCH
        """The last long text of ``which``, and its answer: streamed text is asked for twice."""
        owners: dict[Pattern, list[int]] = {}
        for pattern, number in _patterns_of(detectors, decoders):
            owners.setdefault(pattern, []).append(number)
        self._patterns = tuple(owners)
        self._owners = tuple(frozenset(each) for each in owners.values())
        self._sets = tuple(map(DetectorSet.of, self._owners))
        self.hinted = frozenset(number for number, each in enumerate(detectors) if each.hints)
        """Detectors that have a hint."""
        self.marks = tuple(
            (number, mark) for number, each in enumerate(decoders, len(detectors)) for mark in each.marks
        )
        """Marks of decoders, each with the decoder's number."""
        self._first = self._database(lambda each: each.is_plain or each.is_hint)
        self._which = (
            self._first,  # compiling most patterns a second time, to report each once, takes seconds
            self._database(lambda each: each.is_rare and not each.crosses_crlf, flags=ONCE),
            self._database(lambda each: each.needs_hint, flags=ONCE),
        )
        self._decoders = tuple(
            _DecoderDatabases(
                each.gates,
                each.prefilter_shortest,
                self._database(partial(self._is_of, number)),
                self._database(partial(self._is_of, number), flags=ONCE),
            )
            for number, each in enumerate(decoders, len(detectors))
            if each.prefilter
        )
        self._crlf = self._database(lambda each: each.crosses_crlf)
        self._rare = self._database(lambda each: each.is_rare)
        hinted = [(at, each) for at, each in enumerate(self._patterns) if each.needs_hint]
        self._of_hinted = {at: self._database(partial(is_, each)) for at, each in hinted if not each.is_common}
        self._of_common = {at: re.compile(each.expression) for at, each in hinted if each.is_common}
        self._of_hints: dict[frozenset[int], tuple[DetectorSet, ...]] = {}
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
        last, found = self._last
        if last is data or (len(last) == len(data) and last == data):
            return found
        found = self._which_of(data)
        if len(data) >= REMEMBERED_FROM:
            self._last = data, found
        return found

    def _which_of(self, data: bytes) -> Matched:
        numbers: set[int] = set()

        def on_match(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            numbers.add(number)

        for database in self._which:
            self._run(database, BEFORE + data + BEHIND, on_match)
        self._search_decoders(data, on_match, once=True)
        marks = self._escaped(data, on_match)
        if not numbers and not marks:
            return NO_MATCH
        owners = {mark.owner for mark in marks}
        hinted: set[int] = set()
        for number in numbers:
            (hinted if self._patterns[number].is_hint else owners).update(self._owners[number])
        return Matched(owners, hinted)

    @cached_property
    def has_decoders(self) -> re.Pattern[str]:
        """Matches in every text in which a decoder may have something to decode."""
        gates = "".join(sorted({chr(gate) for each in self._decoders for gate in each.gates} | {"\\"}))
        lengths = [each.shortest for each in self._decoders if not each.gates]
        return re.compile("|".join([f"[{re.escape(gates)}]", *(f".{{{least}}}" for least in lengths)]), re.DOTALL)

    def spelled(self, data: bytes) -> set[int]:
        """Return the decoders that may have something to decode in a text, and no detectors. See ``which``."""
        numbers: set[int] = set()

        def on_match(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            numbers.add(number)

        self._search_decoders(data, on_match, once=True)
        owners = {owner for number in numbers for owner in self._owners[number]}
        return owners | ({mark.owner for mark in self.marked(data)} if BACKSLASH in data else set())

    def where(self, data: bytes, hinted: Iterable[int]) -> list[tuple[int, DetectorSet]] | None:
        """Return where patterns match in a document.

        Patterns of detectors with a hint are tried only if the hint is found at all. One of several matches that
        share a character is enough: no match of a detector reaches across the end of a string or number.

        Args:
            data: folded text in UTF-8.
            hinted: detectors whose hint is already found, around the document or in another spelling.

        Returns:
            In ascending order, the end of a match in ``data`` and its detectors. None if there are too many to be
            of use.

        Raises:
            MaskingError: Hyperscan failed.
        """
        data = BEFORE + data + BEHIND
        patterns, sets, seen_hints = self._patterns, self._sets, set(hinted)
        found: list[tuple[int, DetectorSet]] = []
        next_end: dict[int, int] = {}
        left = MATCHES_FREE + int(len(data) * MATCHES_PER_BYTE)

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            nonlocal left
            pattern = patterns[number]
            if pattern.is_hint:
                seen_hints.update(self._owners[number])
                return None
            left -= 1
            if pattern.exact and data[end : end + 1].isdigit():
                return None
            if end >= next_end.get(number, 0):
                next_end[number] = end + pattern.shortest
                found.append((end, sets[number]))
            return True if left <= 0 else None

        self._run(self._first, data, on_match)
        self._run(self._rare, data, on_match)
        self._search_decoders(data, on_match)
        found += [(mark.end, DetectorSet.of([mark.owner])) for mark in self._escaped(data, on_match)]
        if seen_hints:
            sets = self._sets_of(seen_hints)
            for number in self._of_hinted:
                if sets[number]:
                    self._run(self._of_hinted[number], data, on_match)
            found += self._common(sets, data)
        if left <= 0:
            return None
        found.sort(key=itemgetter(0))
        last = len(data) - len(BEHIND)
        return [(min(end, last) - len(BEFORE), each) for end, each in found]

    def _search_decoders(self, data: bytes, on_match: OnMatch, *, once: bool = False) -> None:
        for each in self._decoders:
            if each.may_match(data):
                self._run(each.which if once else each.where, data, on_match)

    def _is_of(self, owner: int, pattern: Pattern) -> bool:
        return pattern.is_decoders and owner in self._owners[self._patterns.index(pattern)]

    def _common(self, sets: Sequence[DetectorSet], data: bytes) -> Iterator[tuple[int, DetectorSet]]:
        """Yield matches of the patterns that match nearly everywhere, for the detectors that have a hint."""
        for number, pattern in self._of_common.items():
            if sets[number]:
                yield from ((match.end(), sets[number]) for match in pattern.finditer(data))

    def _sets_of(self, hinted: AbstractSet[int]) -> tuple[DetectorSet, ...]:
        """Return by pattern those of its detectors that have a hint. Documents have the same few hints."""
        seen = frozenset(hinted)
        sets = self._of_hints.get(seen)
        if sets is None:
            if len(self._of_hints) >= HINTS_CACHED:
                self._of_hints.clear()
            sets = self._of_hints[seen] = tuple(DetectorSet.of(each & seen) for each in self._owners)
        return sets

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


def _patterns_of(detectors: Sequence[Detector], decoders: Sequence[Decoder]) -> Iterator[tuple[Pattern, int]]:
    """Yield each pattern with the number of its detector or decoder; many detectors may share one."""
    for number, each in enumerate(detectors):
        for expression in each.prefilter:
            pattern = Pattern(
                expression,
                shortest=each.prefilter_shortest,
                exact=each.exact,
                needs_hint=bool(each.hints),
                is_common=each.common and bool(each.hints),
                is_rare=not each.hints and (each.rare or SEPARATOR in expression),
            )
            yield pattern, number
        for hint in each.hints:
            yield Pattern(hint, is_hint=True), number
    for number, decoder in enumerate(decoders, len(detectors)):
        for expression in decoder.prefilter:
            pattern = Pattern(
                expression, shortest=decoder.prefilter_shortest, exact=decoder.exact, is_decoders=True
            )
            yield pattern, number
