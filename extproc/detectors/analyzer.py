"""All detectors at once: one Hyperscan pass says which of them to ask, a second one where."""

import re
import threading
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import hyperscan

from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.decoders import DECODERS, Decoder
from extproc.detectors.detector import CRLF, SEPARATOR, Detector, Span
from extproc.detectors.fold import Folded, fold
from extproc.detectors.labels import Labels
from extproc.model.errors import MaskingError

CONTINUATION = 0x80
"""The first two bits of all bytes of a character but its first (UTF-8, RFC 3629)."""
SIGHTINGS_FREE = 10_000
SIGHTINGS_PER_BYTE = 0.125
"""A text in which the prefilter matches more often is looked at as a whole: that is faster."""

BACKSLASH, CR = b"\\", b"\r"
"""Without them there are no marks, and no line ends in CRLF."""
BEFORE = b"\n\n"
"""Stands before each text, for prefilters that ask what is not before a match."""
OnMatch = Callable[[int, int, int, int, object], bool | None]
Context = Callable[[], str]
Sighting = tuple[int, int]
"""The offset of a character, and the number of a detector."""
DECODED_DEEPEST = 2
"""How often text in text is decoded."""
HINT_FLAGS = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_CASELESS


class Look(NamedTuple):
    """What a look at a whole document told."""

    suspects: frozenset[int]
    """Numbers of the detectors that could find something in some string, key or number; maybe too many, never
    too few."""
    sightings: list[Sighting] | None
    """In ascending order, places of which one is within each string, key or number that a detector finds
    something in, with that detector's number. None when there are too many to be of use."""


NOTHING_SEEN = Look(frozenset(), [])


class Analyzer:
    """Finds entities in text. Built once, shared by all calls; safe to use from several threads."""

    def __init__(self, detectors: Sequence[Detector] = CATALOGUE, decoders: Sequence[Decoder] = DECODERS) -> None:
        """Compile the prefilter of these detectors, and of what reads text in text for them.

        A decoder has a number as a detector has, behind all of those.
        """
        self._detectors = tuple(detectors)
        self._decoders = tuple(decoders)
        self._lock = threading.Lock()
        self._hinted = frozenset(number for number, detector in enumerate(self._detectors) if detector.hint)
        self._heeding = frozenset(
            number for number, detector in enumerate(self._detectors) if detector.hint or detector.heeds_context
        ) | set(range(len(self._detectors), len(self._detectors) + len(self._decoders)))
        searched: tuple[Detector | Decoder, ...] = (*self._detectors, *self._decoders)
        prefilters = [
            (expression, number) for number, each in enumerate(searched) for expression in each.prefilter
        ]
        hints = [(self._detectors[number].hint, -1 - number) for number in sorted(self._hinted)]
        self._owners = tuple(number for _, number in (*prefilters, *hints))
        self._shortest = tuple(searched[number].prefilter_shortest for _, number in prefilters)
        self._exact = tuple(searched[number].exact for _, number in prefilters)
        telling = list(enumerate((each for each, _ in hints), len(prefilters)))
        plain = frozenset(range(len(self._detectors))) - self._hinted
        told = [
            (at, each)
            for at, (each, number) in enumerate(prefilters)
            if number in plain and SEPARATOR not in each and CRLF not in each
        ]
        self._over_lines = _compiled([(at, each) for at, (each, _) in enumerate(prefilters) if CRLF in each])
        # By themselves: all together they take longer than one after the other.
        self._rare = _compiled(
            [
                (at, each)
                for at, (each, number) in enumerate(prefilters)
                if number >= len(self._detectors) or (number in plain and SEPARATOR in each)
            ]
        )
        self._marks = [
            (number, mark)
            for number, each in enumerate(self._decoders, len(self._detectors))
            for mark in each.marks
        ]
        marks = [(number, re.escape(mark.encode())) for number, mark in self._marks]
        self._where_marked = _compiled(marks, [hyperscan.HS_FLAG_SINGLEMATCH] * len(marks))
        self._first = _compiled(told + telling, [0] * len(told) + [HINT_FLAGS] * len(telling))
        common = {number for number in self._hinted if self._detectors[number].common}
        self._where_hinted = {
            number: _compiled([(at, each) for at, (each, owner) in enumerate(prefilters) if owner == number])
            for number in self._hinted - common
        }
        self._where_common = {
            number: re.compile(b"|".join(self._detectors[number].prefilter)) for number in common
        }
        self._canonical = {detector.entity: detector.canonical for detector in reversed(self._detectors)}
        self._labels = Labels(self._canonical)
        which = [(at, each) for at, (each, _) in enumerate(prefilters) if CRLF not in each]
        self._which = _compiled(
            [*which, *enumerate((each for each, _ in hints), len(prefilters))],
            [hyperscan.HS_FLAG_SINGLEMATCH] * len(which) + [HINT_FLAGS] * len(hints),
        )
        self.join_words = any(detector.joins_words for detector in self._detectors)
        self.need_whole = any(detector.needs_whole for detector in self._detectors)
        """Whether one of them does."""
        self.shortest = min((detector.shortest for detector in self._detectors), default=0)
        """Characters that anything found has at least."""
        fold("\u00e9")  # builds its table now rather than in the first call

    @property
    def everybody(self) -> frozenset[int]:
        """The numbers of all detectors and decoders."""
        return frozenset(range(len(self._detectors) + len(self._decoders)))

    @property
    def entities(self) -> frozenset[str]:
        """The names of all entities that can be found."""
        return frozenset(self._canonical)

    def canonical(self, entity: str, found: str) -> str:
        """One form for all ways to write the same value, for pseudonyms."""
        return self._canonical[entity](fold(found).text)

    def look(self, document: str, told: frozenset[int] = frozenset()) -> Look:
        r"""Search a whole document once, to know what needs no search in its strings.

        Args:
            document: JSON or any text, provided that JSON has no ``\u`` and no ``\/`` escapes: what they spell
                is not seen there, and of the escapes themselves only the first.
            told: detectors whose hints are found already, around the document or in other spelling.
        """
        folded = fold(document)
        data = folded.text.encode("utf-8", "surrogatepass")
        seen = self._seen(BEFORE + data, told & self._hinted)
        if seen is None:
            return Look(self._suspects(data), None)
        if not seen:
            return NOTHING_SEEN
        suspects = frozenset(owner for _, owner in seen)
        if self._folds_to_marks(suspects, document, folded):
            return Look(suspects, None)  # who searches documents does not see these
        ends = [(end - len(BEFORE), owner) for end, owner in seen]
        if len(data) == len(document) and folded.places is None:
            return Look(suspects, [(end - 1, owner) for end, owner in ends])
        return Look(suspects, _characters(ends, data, folded))

    def suspects(self, text: str, among: str | None = None) -> frozenset[int]:
        """As ``look``, without the places.

        Args:
            text: documents or any text.
            among: what of it is no document; None for all of it. Elsewhere marks of decoders mean nothing.
        """
        folded = fold(text)
        suspects = self._suspects(folded.text.encode("utf-8", "surrogatepass"))
        if among is None or self._folds_to_marks(suspects, text, folded):
            return suspects
        marked = {number for _, number in self._marked(among.encode("utf-8", "surrogatepass"))}
        return suspects.difference([number for number, _ in self._marks if number not in marked])

    def _folds_to_marks(self, suspects: frozenset[int], text: str, folded: Folded) -> bool:
        """Whether there are marks of decoders in the folded text alone."""
        return folded.text is not text and any(
            number in suspects and folded.text.count(mark) > text.count(mark) for number, mark in self._marks
        )

    def _suspects(self, data: bytes) -> frozenset[int]:
        hits = self._hits(data)
        if not hits:
            return frozenset()
        return frozenset(hit for hit in hits if hit >= 0 and (hit not in self._hinted or -1 - hit in hits))

    def _seen(self, data: bytes, told: frozenset[int]) -> list[tuple[int, int]] | None:
        """Where prefilters match, as the end and the detector; None when that is too often to be of use.

        Prefilters of detectors with a hint are tried only where the hint is found at all. Of matches that share
        a character one is enough: no match reaches across the end of a string or number.
        """
        owners, shortest, exact = self._owners, self._shortest, self._exact
        last: dict[int, int] = {}
        ends: list[tuple[int, int]] = []
        hinted = set(told)
        allowed = SIGHTINGS_FREE + int(len(data) * SIGHTINGS_PER_BYTE)

        def on_match(hit: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            nonlocal allowed
            owner = owners[hit]
            if owner < 0:
                hinted.add(-1 - owner)
                return None
            allowed -= 1
            if exact[hit] and data[end : end + 1].isdigit():
                return None
            if end >= last.get(hit, 0):
                last[hit] = end + shortest[hit]
                ends.append((end, owner))
            return True if allowed <= 0 else None

        self._run(self._first, data, on_match)
        self._run(self._rare, data, on_match)
        ends += self._spelled(data, on_match)
        for number in hinted:
            if number in self._where_common:
                # One callback for each end would cost more.
                ends += [(match.end(), number) for match in self._where_common[number].finditer(data)]
            else:
                self._run(self._where_hinted[number], data, on_match)
        ends.sort()
        return ends if allowed > 0 else None

    def scan(self, text: str, context: Context = str) -> list[Span]:
        """Find all entities.

        Args:
            text: any text.
            context: tells the keys that the text stands under, folded, one per line.

        Returns:
            Spans by their start; they may overlap.

        Raises:
            MaskingError: a detector failed.
        """
        if len(text) < self.shortest:
            return []
        folded = fold(text)
        hits = self._hits(folded.text.encode("utf-8", "surrogatepass"))
        numbers = [hit for hit in hits if hit >= 0]
        if not self._hinted.isdisjoint(numbers) and not context():
            numbers = [hit for hit in numbers if hit not in self._hinted or -1 - hit in hits]
        return self._asked(numbers, folded, context, 0) if numbers else []

    def ask(self, numbers: Collection[int], text: str, context: Context = str) -> list[Span]:
        """As ``scan``, by these detectors alone."""
        return self._asked(numbers, fold(text), context, 0) if numbers else []

    def _asked(self, numbers: Collection[int], folded: Folded, context: Context, depth: int) -> list[Span]:
        keys = "" if self._heeding.isdisjoint(numbers) else self._labels.hidden(context())
        folded = Folded(self._labels.hidden(folded.text), folded.places)
        found: list[Span] = []
        for number in numbers:
            if number < len(self._detectors):
                found += self._ask(self._detectors[number], folded, keys)
            elif depth < DECODED_DEEPEST:
                found += self._decoded(self._decoders[number - len(self._detectors)], folded, keys, depth)
        return sorted(set(found)) if len(found) > 1 else found

    def _decoded(self, decoder: Decoder, folded: Folded, keys: str, depth: int) -> list[Span]:
        """What stands in a text's text, as ranges of the text."""
        found: list[Span] = []
        try:
            for view in decoder.views(folded.text):
                inner = fold(view.text)
                hits = self._hits(inner.text.encode("utf-8", "surrogatepass"))
                spans = self._asked([hit for hit in hits if hit >= 0], inner, lambda: keys, depth + 1)
                ranges = [(view.original(start, end), entity) for start, end, entity in spans]
                found += [Span(*folded.original(*each), entity) for each, entity in ranges]
        except MaskingError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a decoder does, the call must not pass
            raise MaskingError(f"a decoder failed: {type(error).__name__}") from None
        return found

    def _ask(self, detector: Detector, folded: Folded, context: str) -> list[Span]:
        entity = detector.entity
        try:
            ranges = list(detector.find(folded.text, context))
        except MaskingError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a detector does, the call must not pass
            raise MaskingError(f"detector {entity} failed: {type(error).__name__}") from None
        if folded.places is None:
            return [Span(start, end, entity) for start, end in ranges]
        return [Span(*folded.original(*each), entity) for each in ranges]

    def _hits(self, data: bytes) -> set[int]:
        """Numbers of the detectors whose prefilter matches; ``-1 - number`` where the hint does."""
        expressions: list[int] = []

        def on_match(hit: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            expressions.append(hit)

        self._run(self._which, BEFORE + data, on_match)
        marked = self._spelled(data, on_match)
        return {*(self._owners[hit] for hit in expressions), *(number for _, number in marked)}

    def _spelled(self, data: bytes, on_match: OnMatch) -> list[tuple[int, int]]:
        """Search for what only text with a carriage return or a backslash has: marks as ``_marked`` tells them."""
        if CR not in data and BACKSLASH not in data:
            return []
        self._run(self._over_lines, data, on_match)
        return self._marked(data)

    def _marked(self, data: bytes) -> list[tuple[int, int]]:
        """Ends of the first marks, and whose they are."""
        firsts: list[tuple[int, int]] = []
        self._run(self._where_marked, data, lambda number, _start, end, *_: firsts.append((end, number)))
        return firsts

    def _run(self, database: "hyperscan.Database | None", data: bytes, on_match: OnMatch) -> None:
        if database is None:
            return
        try:
            with self._lock:
                database.scan(data, match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            return  # asked for by the handler
        except Exception as error:  # noqa: BLE001 - whatever a detector does, the call must not pass
            raise MaskingError(f"prefilter failed: {type(error).__name__}") from None


def _compiled(expressions: list[tuple[int, bytes]], flags: list[int] | None = None) -> "hyperscan.Database | None":
    """A database of numbered expressions; None of none."""
    if not expressions:
        return None
    database = hyperscan.Database()
    database.compile(
        expressions=[each for _, each in expressions],
        ids=[number for number, _ in expressions],
        flags=flags or [0] * len(expressions),
    )
    return database


def _characters(ends: list[tuple[int, int]], data: bytes, folded: Folded) -> list[Sighting]:
    """From ends in bytes of the folded text to places in the original one."""
    sightings: list[Sighting] = []
    passed = characters = 0
    for found, owner in ends:
        end = _character_end(found, data)
        characters += len(data[passed:end].decode("utf-8", "surrogatepass"))
        passed = end
        place = characters - 1
        sightings.append((place if folded.places is None else folded.places[place], owner))
    return sightings


def _character_end(at: int, data: bytes) -> int:
    """Where the character ends of which a match may have taken the first bytes only."""
    while at < len(data) and data[at] & 0xC0 == CONTINUATION:
        at += 1
    return at
