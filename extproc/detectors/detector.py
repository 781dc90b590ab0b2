"""What one detector is, and what it finds."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple


class Span(NamedTuple):
    """An entity in a text. Says where, never what."""

    start: int
    """Offset of its first character."""
    end: int
    """Offset behind its last character."""
    entity: str


Ranges = Iterator[tuple[int, int]]


def outermost(ranges: Ranges) -> Ranges:
    """Ranges by their start, without those inside others."""
    end = 0
    for found in sorted(ranges, key=lambda each: (each[0], -each[1])):
        if found[1] > end:
            yield found
            end = found[1]


APART = rb"(?:[^0-9A-Za-z]|\\[bfnrt])"
"""For prefilters: what stands before a match that has no letter or digit before it. In a document that may be
the letter of an escape."""


SEPARATORS = (r"[._/\t\n]", r"\r\n", r"\\t", r"\\n", r"\\r\\n")
"""What stands between groups of digits to keep machines from reading them. All but the first have a carriage
return, or a backslash where JSON stands in text."""
SEPARATOR, CRLF = rb"(?:[._/\t\n]|\\+[tn])", rb"(?:\r\n|\\+r\\+n)"
"""The same for prefilters, of which each has one of them. In a document in a string of a document, escapes are
escaped again."""


def groups_apart(pattern: str) -> tuple[re.Pattern[str], ...]:
    """The pattern of groups of digits, once for each of the separators.

    Args:
        pattern: with ``SEP`` in the place of the separator.
    """
    return tuple(re.compile(pattern.replace("SEP", each)) for each in SEPARATORS)


def matches_apart(patterns: tuple[re.Pattern[str], ...], text: str) -> Iterator[re.Match[str]]:
    """Every match of such patterns, of those alone whose separators can be in the text.

    Args:
        patterns: as from ``groups_apart``.
        text: any text.
    """
    possible = patterns if "\\" in text or "\r" in text else patterns[:1]
    return chain.from_iterable(each.finditer(text) for each in possible)


def as_written(found: str) -> str:
    """The canonical form of entities that are written in one way only."""
    return found


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds one kind of entity. Sees text after ``fold``: digits, dashes and spaces of any script are ASCII."""

    entity: str
    """Presidio's name where it has one."""
    prefilter: tuple[bytes, ...]
    """Hyperscan expressions, of which one matches in every text that ``find`` finds something in.

    They may not use anchors, boundaries, quotes, backslashes or control characters: then what they miss in a
    whole document cannot be in any string of it. Two line ends stand before each text, so that they may ask for
    what is not before a match.
    """
    shortest: int
    """Characters that anything found has at least."""
    find: Callable[[str, str], Ranges]
    """From folded text and its context (the keys it stands under, one per line) to ranges. Linear in time."""
    canonical: Callable[[str], str] = as_written
    """Different ways to write one value made equal, so that their pseudonyms are equal."""
    hint: bytes = b""
    """Expression, matched in any case, without which the prefilter's matches mean nothing. It must match in the
    text or in one line of the context."""
    prefilter_shortest: int = 4
    """Bytes that each match of each prefilter expression has at least."""
    common: bool = False
    """With a hint: whether its prefilter matches nearly everywhere. It is then searched for by ``re``, in which it
    must take linear time."""
    exact: bool = False
    """Whether each prefilter match is as long as what is found at most, so that a digit right behind it makes it
    none."""
    joins_words: bool = False
    """Whether there may be a blank in what is found behind a small letter other than a to f, or one of ``,:!?``.
    Nobody else finds anything there, however the text is spelled; a text that streams is cut there."""
    needs_whole: bool = False
    """Whether what is found may depend on any part of a text: one that streams is held back to its end."""
    heeds_context: bool = False
    """Whether ``find`` looks at the context although there is no hint."""
