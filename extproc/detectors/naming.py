"""Ways to write a name and its value in text, and the parts of a text in which they are looked for."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, TypeVar

ANY_LAST = r"[\s\S]?\Z"
"""Ends patterns of ``Naming.front``: a word may be found with the character behind it."""
ANYTHING = re.compile("")


class Naming(NamedTuple):
    """A way to write a name and its value."""

    whole: re.Pattern[str]
    behind: re.Pattern[str]
    """Matches where the last character of a word is, or the one behind it, if the word is in such a name."""
    needs: str = ""
    """Is in each text with a match."""
    follows: str = ""
    """The characters of which one stands behind the name's letters, digits and ``./$-``; empty: any."""
    front: re.Pattern[str] = ANYTHING
    """Matches up to where the last character of a word is, or the one behind it, if the word is in such a name."""
    opens: str = ""
    """The character with which ``front`` begins, the last one before the word; empty: any."""

    def begins(self, text: str, end: int, reach: int) -> bool:
        """Return whether ``front`` matches.

        Args:
            text: the text.
            end: behind the last character of the word, or behind the next one.
            reach: most characters before it with which a name begins.
        """
        first = max(0, end - reach)
        if self.opens:
            first = text.rfind(self.opens, first, end)
        return first >= 0 and self.front.search(text, first, end) is not None


Read = TypeVar("Read")


class Near(Protocol):
    """The parts of a text that are near a word."""

    text: str

    def matches(self, pattern: Naming) -> Iterable[re.Match[str]]:
        """Return the matches of ``whole`` with a name in which a word ends that ``behind`` matches behind."""
        ...

    def once(self, read: Callable[[re.Match[str]], Read], match: re.Match[str]) -> Read:
        """Return what a function makes of one of the matches, and remember it."""
        ...
