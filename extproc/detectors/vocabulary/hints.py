"""The hints of all words of a vocabulary, searched for together: in one pass, by one database."""

from collections.abc import Iterable

from extproc.detectors.databases import Expression
from extproc.detectors.ends import End, Ends

NAME_USUAL = 32
"""Most characters of nearly all names. A longer text is searched by several detectors, one after the other."""


class Hints:
    """Finds where in a text hints end. The words of a vocabulary share it: they are found in the same texts."""

    def __init__(self) -> None:
        """Begin without hints."""
        self._numbers: dict[bytes, int] = {}
        self._search: Ends | None = None
        self._last: tuple[str, list[End]] = "", []
        """The last text that is no name, and what was found in it."""

    def add(self, hints: Iterable[bytes]) -> frozenset[int]:
        """Add hints; return their numbers. Equal hints have one number."""
        self._search, self._last = None, ("", [])
        return frozenset(self._numbers.setdefault(each, len(self._numbers)) for each in hints)

    def ends(self, text: str) -> list[End]:
        """Return the ends of all hints in a text, in ascending order, with the numbers of the hints."""
        last, found = self._last
        if last == text and text:
            return found
        search = self._search
        if search is None:
            search = self._search = Ends([Expression(number, hint) for hint, number in self._numbers.items()])
        ends = search(text) or []
        if len(text) > NAME_USUAL:
            self._last = text, ends
        return ends
