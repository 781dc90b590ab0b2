"""All detectors at once: one Hyperscan pass says which of them to ask."""

import threading
from collections.abc import Sequence

import hyperscan

from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.detector import Detector, Span
from extproc.detectors.fold import Folded, fold
from extproc.model.errors import MaskingError

CONTEXT_KEYS = 2
"""How many of the keys above a value tell detectors what it is."""


class Detectors:
    """Finds entities in text. Built once, shared by all calls; safe to use from several threads."""

    def __init__(self, detectors: Sequence[Detector] = CATALOGUE) -> None:
        """Compile the prefilter of these detectors."""
        self._detectors = tuple(detectors)
        self._lock = threading.Lock()
        self._hinted = frozenset(number for number, detector in enumerate(self._detectors) if detector.hint)
        expressions: list[bytes] = []
        owners: list[int] = []
        flags: list[int] = []
        for number, detector in enumerate(self._detectors):
            for expression in detector.prefilter:
                expressions.append(expression)
                owners.append(number)
                flags.append(hyperscan.HS_FLAG_SINGLEMATCH)
            if detector.hint:
                expressions.append(detector.hint)
                owners.append(-1 - number)
                flags.append(hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_CASELESS)
        self._owners = tuple(owners)
        self._canonical = {detector.entity: detector.canonical for detector in self._detectors}
        self._database = hyperscan.Database()
        self._database.compile(expressions=expressions, ids=list(range(len(owners))), flags=flags)
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

    def suspects(self, document: str) -> bool:
        r"""Whether anything could be found in any string, key or number of a document.

        May be wrong when it says yes, never when it says no: provided that the document has no ``\u`` and no
        ``\/`` escapes.
        """
        hits = self._hits(fold(document).text)
        return any(hit >= 0 and (hit not in self._hinted or -1 - hit in hits) for hit in hits)

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
        asked = sorted(hit for hit in self._hits(folded.text) if hit >= 0)
        if not asked:
            return []
        keys = [part for part in path if isinstance(part, str)]
        context = fold("\n".join(keys[-CONTEXT_KEYS:])).text
        return sorted({span for number in asked for span in self._ask(self._detectors[number], folded, context)})

    def _ask(self, detector: Detector, folded: Folded, context: str) -> list[Span]:
        try:
            ranges = list(detector.find(folded.text, context))
        except Exception as error:  # noqa: BLE001 - whatever a detector does, the call must not pass
            raise MaskingError(f"detector {detector.entity} failed: {type(error).__name__}") from None
        return [Span(*folded.original(*each), detector.entity) for each in ranges]

    def _hits(self, text: str) -> set[int]:
        """Numbers of the detectors whose prefilter matches; ``-1 - number`` where the hint does."""
        expressions: list[int] = []
        data = text.encode("utf-8", "surrogatepass")
        try:
            with self._lock:
                self._database.scan(data, match_event_handler=lambda hit, *_: expressions.append(hit))
        except Exception as error:  # noqa: BLE001 - whatever a detector does, the call must not pass
            raise MaskingError(f"prefilter failed: {type(error).__name__}") from None
        return {self._owners[hit] for hit in expressions} if expressions else set()
