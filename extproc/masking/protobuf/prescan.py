"""Look at many texts at once, to know which of them to look into, and for what."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from extproc.detectors.analyzer import NOTHING_SEEN, Analyzer, Look, Sighting
from extproc.masking.json.json_masker import hides_text

BETWEEN = '"\n'
"""Stands between texts. No prefilter matches across it: see ``Detector.prefilter``."""


class Looks:
    """What a look at each of many texts tells."""

    def __init__(
        self, detectors: Analyzer, texts: Sequence[str], *, names: Iterable[str] = (), also: Iterable[int] = ()
    ) -> None:
        """Look at all texts.

        Args:
            detectors: what finds entities.
            texts: each by itself.
            names: what else may tell what a text is: keys that they stand under.
            also: numbers of texts that have to be looked into anyway.
        """
        head = list(names)
        whole = BETWEEN.join([*head, *texts])
        look = detectors.look(whole)
        self._looks: dict[int, Look | None] = dict.fromkeys(also, NOTHING_SEEN)
        if look.sightings is None:
            self._looks |= dict.fromkeys(range(len(texts)), look)
        elif look.sightings:
            self._looks |= _by_text(look.sightings, [*head, *texts], len(head))
        if hides_text(whole):
            self._looks |= {number: None for number, text in enumerate(texts) if hides_text(text)}
        self._order = sorted(self._looks)

    def of(self, number: int) -> Look | None:
        """As ``Analyzer.look``, or with more in it; None where the text may spell letters in other ways."""
        return self._looks.get(number, NOTHING_SEEN)

    def asked(self, number: int) -> frozenset[int] | None:
        """The detectors that have to look at one text; None for all of them."""
        look = self.of(number)
        return look and look.suspects

    def any_of(self, first: int, end: int) -> bool:
        """Whether there is something to look into in the texts from the first up to, and without, the end."""
        at = bisect_left(self._order, first)
        return at < len(self._order) and self._order[at] < end


def _by_text(sightings: list[Sighting], texts: list[str], skipped: int) -> dict[int, Look]:
    """Looks by the number of the text, from the first one on that is not skipped."""
    starts = list(accumulate((len(each) + len(BETWEEN) for each in texts), initial=0))
    found: dict[int, list[Sighting]] = {}
    for place, owner in sightings:
        number = bisect_right(starts, place) - 1
        found.setdefault(number - skipped, []).append((place - starts[number], owner))
    return {
        number: Look(frozenset(owner for _, owner in each), each) for number, each in found.items() if number >= 0
    }
