"""All detectors at once: one Hyperscan pass says which of them to ask, a second one where."""

import re
import threading
from collections.abc import Callable, Collection, Sequence

import hyperscan

from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.detector import Detector, Span
from extproc.detectors.fold import Folded, fold
from extproc.model.errors import MaskingError

CONTEXT_KEYS = 2
"""How many of the keys above a value tell detectors what it is."""
SIGHTINGS_FREE = 10_000
SIGHTINGS_PER_BYTE = 0.125
"""A text in which the prefilter matches more often is looked at as a whole: that is faster."""

BEFORE = b"\n\n"
"""Stands before each text, for prefilters that ask what is not before a match."""
OnMatch = Callable[[int, int, int, int, object], bool | None]
Sighting = tuple[int, int]
"""The offset of a character, and the number of a detector."""


class Detectors:
    """Finds entities in text. Built once, shared by all calls; safe to use from several threads."""

    def __init__(self, detectors: Sequence[Detector] = CATALOGUE) -> None:
        """Compile the prefilter of these detectors."""
        self._detectors = tuple(detectors)
        self._lock = threading.Lock()
        self._hinted = frozenset(number for number, detector in enumerate(self._detectors) if detector.hint)
        prefilters = [
            (expression, number)
            for number, detector in enumerate(self._detectors)
            for expression in detector.prefilter
        ]
        hints = [(self._detectors[number].hint, -1 - number) for number in sorted(self._hinted)]
        self._owners = tuple(number for _, number in (*prefilters, *hints))
        self._shortest = tuple(self._detectors[number].prefilter_shortest for _, number in prefilters)
        self._where = _compiled(
            [(at, each) for at, (each, number) in enumerate(prefilters) if number not in self._hinted]
        )
        common = {number for number in self._hinted if self._detectors[number].common}
        self._where_hinted = {
            number: _compiled([(at, each) for at, (each, owner) in enumerate(prefilters) if owner == number])
            for number in self._hinted - common
        }
        self._where_common = {
            number: re.compile(b"|".join(self._detectors[number].prefilter)) for number in common
        }
        self._canonical = {detector.entity: detector.canonical for detector in self._detectors}
        self._which = _compiled(
            [(at, each) for at, (each, _) in enumerate((*prefilters, *hints))],
            [hyperscan.HS_FLAG_SINGLEMATCH] * len(prefilters)
            + [hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_CASELESS] * len(hints),
        )
        self.shortest = min((detector.shortest for detector in self._detectors), default=0)
        """Characters that anything found has at least."""
        fold("\u00e9")  # builds its table now rather than in the first call

    @property
    def entities(self) -> frozenset[str]:
        """The names of all entities that can be found."""
        return frozenset(self._canonical)

    def canonical(self, entity: str, found: str) -> str:
        """One form for all ways to write the same value, for pseudonyms."""
        return self._canonical[entity](fold(found).text)

    def suspects(self, document: str) -> frozenset[int]:
        r"""The detectors that could find something in some string, key or number of a document.

        May hold too many, never too few: provided that the document has no ``\u`` and no ``\/`` escapes.
        """
        hits = self._hits(fold(document).text)
        if not hits:
            return frozenset()
        return frozenset(hit for hit in hits if hit >= 0 and (hit not in self._hinted or -1 - hit in hits))

    def sight(self, document: str, suspects: Collection[int]) -> list[Sighting] | None:
        r"""Where in a document something could be found.

        Args:
            document: JSON or any text.
            suspects: the detectors to heed, as ``suspects`` told.

        Returns:
            In ascending order, places of which one is within each string, key or number without ``\u`` and
            ``\/`` escapes that a detector finds something in, with that detector's number. None when there are
            too many to be of use.
        """
        folded = fold(document)
        data = folded.text.encode("utf-8", "surrogatepass")
        ends = self._ends(BEFORE + data, frozenset(suspects))
        if ends is None:
            return None
        ends = [(end - len(BEFORE), owner) for end, owner in ends]
        if len(data) == len(document) and folded.places is None:
            return [(end - 1, owner) for end, owner in ends]
        return _characters(ends, data, folded)

    def _ends(self, data: bytes, suspects: frozenset[int]) -> list[tuple[int, int]] | None:
        """Where prefilter matches of the suspects end.

        Of matches that share a character one is enough: no match reaches across the end of a string or number.
        """
        owners, shortest = self._owners, self._shortest
        last = [-len(data) - 1_000] * len(shortest)
        ends: list[tuple[int, int]] = []
        allowed = SIGHTINGS_FREE + int(len(data) * SIGHTINGS_PER_BYTE)

        def on_match(hit: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            nonlocal allowed
            allowed -= 1
            if end - last[hit] >= shortest[hit] and owners[hit] in suspects:
                last[hit] = end
                ends.append((end, owners[hit]))
            return True if allowed <= 0 else None

        self._run(self._where, data, on_match)
        for number in suspects & self._where_hinted.keys():
            self._run(self._where_hinted[number], data, on_match)
        for number in suspects & self._where_common.keys():
            # One callback for each end would cost more.
            ends += [(match.end(), number) for match in self._where_common[number].finditer(data)]
        ends.sort()
        return ends if allowed > 0 else None

    def scan(self, text: str, path: tuple[str | int, ...] = ()) -> list[Span]:
        """Find all entities.

        Args:
            text: any text.
            path: where it stands in its document; the last two keys are its context.

        Returns:
            Spans by their start; they may overlap.

        Raises:
            MaskingError: a detector failed.
        """
        if len(text) < self.shortest:
            return []
        folded = fold(text)
        hits = self._hits(folded.text)
        return self._asked([hit for hit in hits if hit >= 0], folded, path) if hits else []

    def ask(self, numbers: Collection[int], text: str, path: tuple[str | int, ...] = ()) -> list[Span]:
        """As ``scan``, by these detectors alone."""
        return self._asked(numbers, fold(text), path) if numbers else []

    def _asked(self, numbers: Collection[int], folded: Folded, path: tuple[str | int, ...]) -> list[Span]:
        if not numbers:
            return []
        keys = [part for part in path if isinstance(part, str)]
        context = fold("\n".join(keys[-CONTEXT_KEYS:])).text
        spans = {span for number in numbers for span in self._ask(self._detectors[number], folded, context)}
        return sorted(spans) if len(spans) > 1 else list(spans)

    def _ask(self, detector: Detector, folded: Folded, context: str) -> list[Span]:
        entity = detector.entity
        try:
            ranges = list(detector.find(folded.text, context))
        except Exception as error:  # noqa: BLE001 - whatever a detector does, the call must not pass
            raise MaskingError(f"detector {entity} failed: {type(error).__name__}") from None
        if folded.places is None:
            return [Span(start, end, entity) for start, end in ranges]
        return [Span(*folded.original(*each), entity) for each in ranges]

    def _hits(self, text: str) -> set[int]:
        """Numbers of the detectors whose prefilter matches; ``-1 - number`` where the hint does."""
        expressions: list[int] = []

        def on_match(hit: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            expressions.append(hit)

        self._run(self._which, BEFORE + text.encode("utf-8", "surrogatepass"), on_match)
        return {self._owners[hit] for hit in expressions} if expressions else set()

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
    for end, owner in ends:
        characters += len(data[passed:end].decode("utf-8", "surrogatepass"))
        passed = end
        place = characters - 1
        sightings.append((place if folded.places is None else folded.places[place], owner))
    return sightings
