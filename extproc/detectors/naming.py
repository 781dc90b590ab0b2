"""Ways to write a name and its value in text, and the parts of a text in which they are looked for."""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

ANY_LAST = r"[\s\S]?\Z"
"""Ends patterns of ``Naming.front``: a word may be found with the character behind it."""


class Naming(NamedTuple):
    """A way to write a name and its value."""

    whole: re.Pattern[str]
    behind: re.Pattern[str]
    """Matches where the last character of a word is, or the one behind it, if the word is in such a name."""
    needs: str = ""
    """Is in each text with a match."""
    follows: str = ""
    """The characters of which one stands behind the name's letters, digits and ``./$-``; empty: any."""
    front: re.Pattern[str] | None = None
    """Matches up to where the last character of a word is, or the one behind it, if the word is in such a name."""


class Near(Protocol):
    """The parts of a text that are near a word."""

    text: str

    def matches(self, pattern: Naming) -> Iterator[re.Match[str]]:
        """Yield the matches of ``whole`` with a name in which a word ends that ``behind`` matches behind."""
        ...
