"""An index of the words of many kinds: it tells in one pass where a text may have them."""

from collections.abc import Mapping

import hyperscan

from extproc.detectors.databases import Expression
from extproc.detectors.ends import Ends, EndsOf
from extproc.detectors.vocabulary.words import Words


class WordIndex:
    """Knows the words of some kinds. Names perhaps too many kinds, never too few: ``Words`` knows."""

    def __init__(self, kinds: Mapping[str, Words]) -> None:
        """Index the words of each kind. The number of a kind is its place."""
        self.numbers = {kind: number for number, kind in enumerate(kinds)}
        self._ends = Ends(
            [
                Expression(number, hint, hyperscan.HS_FLAG_CASELESS)
                for number, words in enumerate(kinds.values())
                for hint in words.hints
            ]
        )

    def kinds(self, text: str) -> frozenset[int]:
        """Return the numbers of the kinds of which the text may have a word."""
        return frozenset(end.number for end in self._ends(text) or ())

    def ends(self, text: str) -> EndsOf:
        """Return where in a text a word of each kind may end: at such an offset, or one character before it."""
        return EndsOf(self._ends(text) or [])
