"""Fold Unicode's other ways to write digits, letters, dashes and spaces to ASCII, for detectors."""

import unicodedata
from functools import cache
from itertools import chain
from typing import NamedTuple

SPACES = frozenset({"Zs"})
DASHES = frozenset({"Pd"})
INVISIBLE = frozenset({"Cf", "Mn", "Me"})
"""Categories that are dropped: zero-width and direction marks, soft hyphens, combining marks."""
MINUS_SIGN = 0x2212
POINTS = (
    range(0x80, 0x3400),
    range(0xA000, 0xAC00),
    range(0xD7B0, 0xD800),
    range(0xF900, 0x20000),
    range(0xE0000, 0xE01F0),
)
"""Code points that folding may change. Han, Hangul, surrogates and private use never change; leaving them out
makes start-up faster."""
ASCII_ENDS = 0x7F


class Folded(NamedTuple):
    """A text as detectors see it."""

    text: str
    offsets: list[int] | None
    """The offset of each character in the original text; None if all offsets are the same."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Map a range of the folded text to the original text."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1


def fold(text: str) -> Folded:
    """Replace compatible characters by ASCII, one for one, and drop invisible ones."""
    if text.isascii() or _foldable().isdisjoint(set(text)):
        return Folded(text, None)
    folded = text.translate(_table())
    if len(folded) == len(text):
        return Folded(folded, None)
    table = _table()
    return Folded(folded, [at for at, char in enumerate(text) if table.get(ord(char), char) is not None])


@cache
def _foldable() -> frozenset[str]:
    return frozenset(map(chr, _table()))


@cache
def _table() -> dict[int, str | None]:
    return {point: folded for point in chain(*POINTS) if (folded := _folded(chr(point))) != chr(point)}


def _folded(char: str) -> str | None:
    category = unicodedata.category(char)
    if category in INVISIBLE:
        return None
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in DASHES or ord(char) == MINUS_SIGN:
        return "-"
    if category in SPACES:
        return " "
    if category == "Cn":
        return char
    compatible = unicodedata.normalize("NFKC", char)
    return compatible if len(compatible) == 1 and " " < compatible < chr(ASCII_ENDS) else char
