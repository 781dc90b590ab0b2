"""Rows of the tables of token formats, and the detectors that are made of them."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.randomness import LEAST_ENTROPY, entropy

UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
UUID_EXAMPLE = "12ab34cd-0000-4000-8000-12ab34cd56ef"
_LETTER_OR_DIGIT = re.compile(r"[A-Za-z0-9]")
_OF_A_NAME = re.compile(r"[A-Za-z0-9_]")
_ESCAPE = re.compile(r"\\[bfnrt]")
_ESCAPE_LENGTH = 2
_LETTERS = "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ"
_SHORTEST_START = 3
_SHORTEST = 4


def has_digit(text: str) -> bool:
    """Return whether there is a digit: words joined by dashes have none."""
    return any(map(str.isdigit, text))


def is_mixed(text: str) -> bool:
    """Return whether letters and digits are mixed as in random text."""
    return has_digit(text) and entropy(text) >= LEAST_ENTROPY


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a token: how it begins and how it goes on. Both are expressions with ASCII's classes.

    If there is a group, the group is the token, and what stands before it is its name.
    """

    start: str
    """Begins with three literal characters or more. Hyperscan searches for it, so it has no look-around."""
    rest: str = ""
    """The remainder."""
    before: int = 0
    """Characters of the token in front of ``start``; ``rest`` begins with a look-behind that checks them."""
    apart: bool = True
    """No letter or digit may stand right before or behind, and no underscore before."""
    check: Callable[[str], bool] | None = None
    """Takes the token, and says whether it is one."""


@dataclass(frozen=True, slots=True)
class Token:
    """One kind of token."""

    entity: str
    """Vendor and kind."""
    meaning: str
    """Says what it is, in one phrase."""
    example: str
    """An invented one, or a text with one."""
    source: str
    """The vendor's page that describes it, without its scheme."""
    forms: tuple[Form, ...]
    """All forms that it has."""


def filler(length: int, letters: str = _LETTERS) -> str:
    """Return obviously invented characters, for examples."""
    return (letters * (length // len(letters) + 1))[:length]


def detectors_of(tokens: Iterable[Token]) -> Iterator[Detector]:
    """Make one detector for each kind of token."""
    for token in tokens:
        yield Detector(
            token.entity,
            tuple(form.start.encode() for form in token.forms),
            _SHORTEST,
            _finder(token.forms),
            prefilter_shortest=_SHORTEST_START,
            meaning=token.meaning,
            proof="prefix and length",
            example=token.example,
            source=token.source,
        )


def _finder(forms: tuple[Form, ...]) -> Callable[[str, str], Ranges]:
    @cache
    def compiled() -> list[tuple[Form, re.Pattern[str]]]:
        return [(form, re.compile(form.start + form.rest, re.ASCII)) for form in forms]

    def find(text: str, _: str) -> Ranges:
        for form, pattern in compiled():
            for match in pattern.finditer(text):
                start, end = match.span(pattern.groups)
                start -= form.before
                if form.apart and not (_begins(text, match.start() - form.before) and _ends(text, end)):
                    continue
                if form.check is None or form.check(text[start:end]):
                    yield start, end

    return find


def _begins(text: str, at: int) -> bool:
    """Return whether no part of a name stands before an offset. The letter of an escape is none."""
    if not at or not _OF_A_NAME.match(text, at - 1):
        return True
    return _ESCAPE.match(text, max(0, at - _ESCAPE_LENGTH)) is not None


def _ends(text: str, at: int) -> bool:
    return _LETTER_OR_DIGIT.match(text, at) is None
