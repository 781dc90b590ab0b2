"""Ways to write a name and its value in text, and the parts of a text in which they are looked for."""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Naming(NamedTuple):
    """A way to write a name and its value."""

    whole: re.Pattern[str]
    behind: re.Pattern[str]
    """Matches where the last character of a word is, or the one behind it, if the word is in such a name."""
    needs: str = ""
    """Is in each text with a match."""
    follows: str = ""
    """The characters of which one stands behind the name's letters, digits and ``./$-``; empty: any."""


class Near(Protocol):
    """The parts of a text that are near a word."""

    text: str

    def matches(self, pattern: Naming) -> Iterator[re.Match[str]]:
        """Yield the matches of ``whole`` with a name in which a word ends that ``behind`` matches behind."""
        ...
