"""A case: a body with marked parts. What is marked must be masked, and nothing else may be."""

from __future__ import annotations

import json
import random
import re
import string
from dataclasses import dataclass
from typing import Any

OPEN, CLOSE = "\ue000", "\ue001"
"""Marks around a part that must be masked. Characters of the private use area, which no case contains."""
MAY_OPEN, MAY_CLOSE = "\ue002", "\ue003"
"""Marks around a part that may be masked as well: the user beside a password, the rest of an encoded run."""
_MARK = re.compile("[\ue000-\ue003]")
JSON, TEXT = "application/json", "text/plain"
ALNUM = string.ascii_letters + string.digits
LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
HEX, B64, B64URL = "0123456789abcdef", ALNUM + "+/", ALNUM + "-_"
WORDS = tuple(
    "order shipped customer and paid by please call back today invoice the for with after review team was created"  # noqa: SIM905
    " by a new release of service that reads every document once while it waits until the worker is done".split()
)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """One body, and the parts of it that must be masked."""

    kind: str
    """The kind of leak or of mangling: a row of the table."""
    entity: str
    """The entity of the marked parts; empty if there are none."""
    body: str
    media: str
    must: tuple[Span, ...] = ()
    """Ranges that must be masked."""
    may: tuple[Span, ...] = ()
    """Ranges that may be masked."""


def must(value: str) -> str:
    """Mark a value that must be masked."""
    return OPEN + value + CLOSE


def may(value: str) -> str:
    """Mark a part that may be masked."""
    return MAY_OPEN + value + MAY_CLOSE


def plain(marked: str) -> str:
    """Return a text without its marks."""
    return _MARK.sub("", marked)


def text_case(kind: str, entity: str, marked: str, media: str = TEXT) -> Case:
    """Make a case of a text with marks."""
    body: list[str] = []
    length = 0
    begins: dict[str, int] = {}
    found: dict[str, list[Span]] = {OPEN: [], MAY_OPEN: []}
    at = 0
    for mark in _MARK.finditer(marked):
        piece = marked[at : mark.start()]
        body.append(piece)
        length += len(piece)
        at = mark.end()
        if mark[0] in (OPEN, MAY_OPEN):
            begins[mark[0]] = length
        else:
            opened = OPEN if mark[0] == CLOSE else MAY_OPEN
            found[opened].append((begins.pop(opened), length))
    body.append(marked[at:])
    return Case(kind, entity, "".join(body), media, tuple(found[OPEN]), tuple(found[MAY_OPEN]))


def json_case(kind: str, entity: str, value: Any, indent: int | None = None) -> Case:
    """Make a case of a document whose strings have marks."""
    return text_case(kind, entity, json.dumps(value, ensure_ascii=False, indent=indent), JSON)


class Maker:
    """Makes values at random; the same seed makes the same ones."""

    def __init__(self, seed: int | str) -> None:
        self.chance = random.Random(seed)

    def some(self, letters: str, n: int) -> str:
        return "".join(self.chance.choices(letters, k=n))

    def digits(self, n: int) -> str:
        return self.some(DIGITS, n)

    def hex(self, n: int) -> str:
        return self.some(HEX, n)

    def number(self, n: int) -> str:
        """Return digits of which the first is not 0."""
        return self.some("123456789", 1) + self.digits(n - 1)

    def pick(self, *among: str) -> str:
        return self.chance.choice(among)

    def words(self, n: int) -> str:
        return " ".join(self.chance.choices(WORDS, k=n))

    def uuid(self) -> str:
        return "-".join(
            (self.hex(8), self.hex(4), "4" + self.hex(3), self.some("89ab", 1) + self.hex(3), self.hex(12))
        )

    def time(self) -> str:
        day = f"20{self.chance.randint(18, 29)}-{self.chance.randint(1, 12):02}-{self.chance.randint(1, 28):02}"
        hour, minute, second = (self.chance.randint(0, most) for most in (23, 59, 59))
        return f"{day}T{hour:02}:{minute:02}:{second:02}Z"

    def spell(self, form: str) -> str:
        """Fill a form: ``npm_<A36>`` has 36 letters and digits.

        A: letters and digits; U: capitals and digits; l: small letters and digits; d: digits; h: small hex;
        H: capital hex; b: URL-safe Base64; B: Base64; q: Base32; x: Bech32; u: a UUID.
        """
        return _FIELD.sub(lambda field: self._field(field[1], int(field[2] or 1)), form)

    def _field(self, letter: str, n: int) -> str:
        return self.uuid() if letter == "u" else self.some(_LETTERS[letter], n)


_FIELD = re.compile(r"<([AUldhHbBqxu])(\d*)>")
_LETTERS = {
    "A": ALNUM,
    "U": UPPER + DIGITS,
    "l": LOWER + DIGITS,
    "d": DIGITS,
    "h": HEX,
    "H": HEX.upper(),
    "b": B64URL,
    "B": B64,
    "q": UPPER + "234567",
    "x": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
