"""An index of the words of many kinds: it tells in one pass where a text may have them."""

from collections.abc import Iterator, Mapping

from extproc.detectors.ends import End, EndsOf
from extproc.detectors.vocabulary.hints import Hints
from extproc.detectors.vocabulary.words import Words


class WordIndex:
    """Knows the words of some kinds. Names perhaps too many kinds, never too few: ``Words`` knows."""

    def __init__(self, kinds: Mapping[str, Words], searched: Hints) -> None:
        """Index the words of each kind. The number of a kind is its place.

        Args:
            kinds: the words by kind.
            searched: has the hints of all of them.
        """
        self.numbers = {kind: number for number, kind in enumerate(kinds)}
        self._searched = searched
        self._of_hint: dict[int, list[int]] = {}
        for number, words in enumerate(kinds.values()):
            for hint in words.numbers:
                self._of_hint.setdefault(hint, []).append(number)

    def kinds(self, text: str) -> frozenset[int]:
        """Return the numbers of the kinds of which the text may have a word."""
        return frozenset(end.number for end in self._ends(text))

    def ends(self, text: str) -> EndsOf:
        """Return where in a text a word of each kind may end: at such an offset, or one character before it."""
        return EndsOf(list(self._ends(text)))

    def _ends(self, text: str) -> Iterator[End]:
        for end in self._searched.ends(text):
            for kind in self._of_hint.get(end.number, ()):
                yield End(end.at, kind)
