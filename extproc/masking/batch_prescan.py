"""Prescan many strings in one pass: which of them need a full scan, and by which detectors."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType

from extproc.detectors.analyzer import NOTHING_FOUND, Analyzer, Candidate, Prescan
from extproc.detectors.detector_set import ALL, NONE, DetectorSet
from extproc.detectors.vocabulary.key_roles import NAME_LONGEST
from extproc.masking.json.json_masker import hides_text
from extproc.masking.json.layout import TELLING_MEMBERS

BETWEEN = '"\n'
"""Stands between texts. No prefilter matches across it: see ``Detector.prefilter``."""


NOBODYS: Mapping[str, Sequence[int]] = MappingProxyType({})


class BatchPrescan:
    """The prescans of many texts."""

    def __init__(
        self,
        analyzer: Analyzer,
        texts: Sequence[str],
        *,
        names: Iterable[str] = (),
        own: Mapping[str, Sequence[int]] = NOBODYS,
        also: Iterable[int] = (),
    ) -> None:
        """Prescan all texts together.

        Args:
            analyzer: finds entities.
            texts: each by itself.
            names: names of fields that contain the texts: they are context of each text.
            own: the numbers of the texts of some of these fields. Other names may be those of any text.
            also: numbers of texts that have to be looked at in any case.
        """
        head = ["", *names]
        whole = BETWEEN.join([*head, *texts, ""])
        prescan = analyzer.prescan(whole) if texts else NOTHING_FOUND
        self._named_by = analyzer.named_by
        self._texts = texts
        self._prescans: dict[int, Prescan | None] = dict.fromkeys(also, NOTHING_FOUND)
        if prescan.candidates is None:
            self._prescans |= dict.fromkeys(range(len(texts)), prescan)
        elif prescan.candidates:
            by_text = _by_text(prescan.candidates, [*head, *texts], len(head))
            self._prescans |= {number: each for number, each in by_text.items() if number >= 0}
        if hides_text(whole):
            self._prescans |= {number: None for number, text in enumerate(texts) if hides_text(text)}
        self._may_tell = [
            number for number in sorted(self._prescans) if self.detectors_for(number).meets(analyzer.naming)
        ]
        """The numbers of texts that may be names which tell."""
        if prescan.candidates:
            told = DetectorSet.union(analyzer.named_by(name) for name in head if name not in own)
            if told:  # a name tells, and any of the texts may be its value
                self._tell(dict.fromkeys(range(len(texts)), told))
            for name, numbers in own.items():
                if (of_name := analyzer.named_by(name)) is not NONE:
                    self._tell(dict.fromkeys(numbers, of_name))
        self._numbers = sorted(self._prescans)

    def _tell(self, told: Mapping[int, DetectorSet]) -> None:
        """Add the detectors for which the names of texts may tell to the prescans of these texts."""
        for number, detectors in told.items():
            prescan = self.prescan_of(number)
            if prescan is not None:
                places = prescan.candidates
                candidates = None if places is None else [(0, detectors), *places]  # None: everywhere
                self._prescans[number] = Prescan(prescan.detectors | detectors, candidates)

    def telling(self) -> Iterator[tuple[int, DetectorSet]]:
        """Yield the numbers of the texts that are names which tell, with the detectors that find their values."""
        for number in self._may_tell:
            text = self._texts[number]
            if len(text) <= NAME_LONGEST:
                told = self._named_by(text)
                if told is not NONE or text in TELLING_MEMBERS:
                    yield number, told

    def add(self, told: Mapping[int, DetectorSet]) -> None:
        """Have these texts looked at by more detectors, since names tell their values.

        Args:
            told: detectors by the number of the text.
        """
        self._tell(told)
        self._numbers = sorted(self._prescans)

    def prescan_of(self, number: int) -> Prescan | None:
        """Return what ``Analyzer.prescan`` does for this text, perhaps with more in it; None if it has escapes."""
        return self._prescans.get(number, NOTHING_FOUND)

    def detectors_for(self, number: int) -> DetectorSet:
        """Return the detectors that could find something in one text."""
        prescan = self.prescan_of(number)
        return ALL if prescan is None else prescan.detectors

    def any_in(self, first: int, end: int) -> bool:
        """Return whether one of the texts from ``first`` up to, and without, ``end`` has to be looked at."""
        at = bisect_left(self._numbers, first)
        return at < len(self._numbers) and self._numbers[at] < end


def _by_text(candidates: list[Candidate], texts: list[str], skipped: int) -> dict[int, Prescan]:
    """Return prescans by the number of the text, counted from the first text that is not skipped."""
    starts = list(accumulate((len(each) + len(BETWEEN) for each in texts), initial=0))
    found: dict[int, list[Candidate]] = {}
    for offset, detectors in candidates:
        number = bisect_right(starts, offset) - 1
        found.setdefault(number - skipped, []).append((offset - starts[number], detectors))
    return {
        number: Prescan(DetectorSet.union(detectors for _, detectors in each), each)
        for number, each in found.items()
    }
