"""Fold Unicode's other ways to write digits, letters, dashes and spaces to ASCII, for detectors."""

import re
import unicodedata
from functools import cache
from itertools import chain
from typing import NamedTuple

MARKS = {"Zs": " ", "Zl": "\n", "Zp": "\n", "Pd": "-"}
"""Spaces, line ends and dashes by category."""
OTHERS = {0x85: "\n", 0x2212: "-", 0x2800: " ", 0x130: "I", 0x131: "i"}
r"""Others that show as these do: the next line, the minus sign, and the Braille pattern without dots; and what
programs make of i and I by Turkish rules: ``\u0130`` and ``\u0131``."""
INVISIBLE = frozenset({"Cf", "Mn", "Me"})
"""Categories that are dropped: zero-width and direction marks, soft hyphens, combining marks."""
IGNORABLE = frozenset(
    chain(
        *(range(0x115F, 0x1161), range(0x17B4, 0x17B6), range(0x180B, 0x1810), range(0x2060, 0x2070)),
        *(range(0x3164, 0x3165), range(0xFE00, 0xFE10), range(0xFFA0, 0xFFA1), range(0xFFF0, 0xFFF9)),
        range(0xE0000, 0xE1000),
    )
)
"""Code points that show nothing, of any category: ``Default_Ignorable_Code_Point`` (Unicode's
``DerivedCoreProperties``), without those of the categories above. Some have no character yet."""
POINTS = (
    range(0x80, 0x3400),
    range(0xA000, 0xAC00),
    range(0xD7B0, 0xD800),
    range(0xF900, 0x20000),
    range(0xE0000, 0xE1000),
)
"""Code points that folding may change. Han, Hangul, surrogates and private use never change; leaving them out
makes start-up faster."""
ASCII_ENDS = 0x7F
BLANK_PATTERN, DROPPED = "\u2800", "\u200b"
"""The Braille pattern without dots, and a character that is dropped."""
ADDRESS_NEAR = 128
"""Characters on each side of an at sign that may belong to an address."""
_OF_ADDRESS = re.compile(r"[\w.%+\u2800-]*")


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
    if BLANK_PATTERN in text and "@" in text:
        text = _with_addresses_closed(text)
    folded = text.translate(_table())
    if len(folded) == len(text):
        return Folded(folded, None)
    offsets, at = list[int](), 0
    for match in _dropped().finditer(text):
        offsets += range(at, match.start())
        at = match.end()
    return Folded(folded, [*offsets, *range(at, len(text))])


def _with_addresses_closed(text: str) -> str:
    """Return a text in which Braille blanks inside of addresses are dropped: elsewhere they part words."""
    pieces: list[str] = []
    read, at = 0, text.find("@")
    while at >= 0:
        before = _OF_ADDRESS.match(text[max(read, at - ADDRESS_NEAR) : at][::-1])
        behind = _OF_ADDRESS.match(text, at + 1, at + ADDRESS_NEAR)
        start, end = at - (before.end() if before else 0), behind.end() if behind else at + 1
        inner = text[start:end].strip(BLANK_PATTERN)
        first = text.index(inner, start)
        pieces += (text[read:first], inner.replace(BLANK_PATTERN, DROPPED))
        read = first + len(inner)
        at = text.find("@", max(read, at + 1))
    return "".join([*pieces, text[read:]])


@cache
def _foldable() -> frozenset[str]:
    return frozenset(map(chr, _table()))


@cache
def _dropped() -> re.Pattern[str]:
    points = {point for point, folded in _table().items() if folded is None}
    firsts = sorted(point for point in points if point - 1 not in points)
    lasts = sorted(point for point in points if point + 1 not in points)
    ranges = (f"\\U{first:08x}-\\U{last:08x}" for first, last in zip(firsts, lasts, strict=True))
    return re.compile(f"[{''.join(ranges)}]+")


@cache
def _table() -> dict[int, str | None]:
    return {point: folded for point in chain(*POINTS) if (folded := _folded(chr(point))) != chr(point)}


def _folded(char: str) -> str | None:
    category = unicodedata.category(char)
    if category in INVISIBLE or ord(char) in IGNORABLE:
        return None
    if category == "Nd":
        return str(unicodedata.decimal(char))
    mark = MARKS.get(category) or OTHERS.get(ord(char))
    if mark or category == "Cn":
        return mark or char
    compatible = unicodedata.normalize("NFKC", char)
    return compatible if len(compatible) == 1 and " " < compatible < chr(ASCII_ENDS) else char
