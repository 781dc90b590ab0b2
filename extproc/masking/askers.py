"""Look at many texts at once, to know which of them to look into, and for what."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from extproc.detectors.engine import Detectors, Sighting
from extproc.masking.document import NOBODY
from extproc.masking.walk import hides_text

BETWEEN = '"\n'
"""Stands between texts. No prefilter matches across it: see ``Detector.prefilter``."""


class Askers:
    """Which detectors have to look at which of many texts."""

    def __init__(
        self, detectors: Detectors, texts: Sequence[str], *, names: Iterable[str] = (), also: Iterable[int] = ()
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
        self._asked: dict[int, frozenset[int] | None] = dict.fromkeys(also, NOBODY)
        if look.sightings is None:
            self._asked |= dict.fromkeys(range(len(texts)), look.suspects)
        elif look.sightings:
            self._asked |= _by_text(look.sightings, [*head, *texts], len(head))
        if hides_text(whole):
            self._asked |= {number: None for number, text in enumerate(texts) if hides_text(text)}
        self._order = sorted(self._asked)

    def of(self, number: int) -> frozenset[int] | None:
        """Those that have to look at one text; None for all of them."""
        return self._asked.get(number, NOBODY)

    def any_of(self, first: int, end: int) -> bool:
        """Whether anyone has to look at one of the texts from the first up to, and without, the end."""
        at = bisect_left(self._order, first)
        return at < len(self._order) and self._order[at] < end


def _by_text(sightings: list[Sighting], texts: list[str], skipped: int) -> dict[int, frozenset[int]]:
    """Detectors by the number of the text, from the first one on that is not skipped."""
    starts = list(accumulate((len(each) + len(BETWEEN) for each in texts), initial=0))
    asked: dict[int, set[int]] = {}
    for place, owner in sightings:
        asked.setdefault(bisect_right(starts, place) - 1 - skipped, set()).add(owner)
    return {number: frozenset(found) for number, found in asked.items() if number >= 0}
