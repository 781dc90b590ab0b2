"""The description of a detector, and the match it reports."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple


class Match(NamedTuple):
    """An entity in a text. Says where it is, never what it is."""

    start: int
    """Offset of its first character."""
    end: int
    """Offset behind its last character."""
    entity: str


Ranges = Iterator[tuple[int, int]]
Find = Callable[[str, str], Ranges]
"""Takes folded text and its context (the keys above it, one per line), returns ranges. Linear in time."""
Together = Callable[[Sequence[Find], str, str], Iterator[tuple[int, int, int]]]
"""Takes some of the finds that search together, and what each of them takes. Returns ranges, each behind the
number of its find."""


def outermost(ranges: Ranges) -> Ranges:
    """Yield ranges by their start, without those that lie inside others."""
    end = 0
    for found in sorted(ranges, key=lambda each: (each[0], -each[1])):
        if found[1] > end:
            yield found
            end = found[1]


APART = rb"(?:[^0-9A-Za-z]|\\[bfnrt])"
"""For prefilters: the character before a match that has no letter or digit before it. In a document that character
may be the letter of an escape."""


SEPARATORS = (r"[._/\t\n]", r"\r\n", r"\\t", r"\\n", r"\\r\\n")
"""Separators that people put between groups of digits to keep machines from reading a number. All but the first
contain a carriage return, or a backslash where JSON stands in text."""
SEPARATOR, CRLF = rb"(?:[._/\t\n]|\\+[tn])", rb"(?:\r\n|\\+r\\+n)"
"""The same separators for prefilters. A document in a string of a document has its escapes escaped again."""


def groups_apart(pattern: str) -> tuple[re.Pattern[str], ...]:
    """Compile a pattern of digit groups once for each of the separators.

    Args:
        pattern: has ``SEP`` in the place of the separator.
    """
    return tuple(re.compile(pattern.replace("SEP", each)) for each in SEPARATORS)


def matches_apart(
    patterns: tuple[re.Pattern[str], ...], text: str, start: int = 0, end: int = sys.maxsize
) -> Iterator[re.Match[str]]:
    """Yield all matches of the patterns whose separators can be in the text.

    Args:
        patterns: as ``groups_apart`` returns them.
        text: any text.
        start: where to begin in it.
        end: where to end in it.
    """
    possible = patterns if "\\" in text or "\r" in text else patterns[:1]
    return chain.from_iterable(each.finditer(text, start, end) for each in possible)


def as_written(found: str) -> str:
    """Return the text itself: the canonical form of entities that can be written in one way only."""
    return found


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds one kind of entity. Sees text after ``fold``: digits, dashes and spaces of any script are ASCII."""

    entity: str
    """Presidio's name where Presidio has one."""
    prefilter: tuple[bytes, ...]
    """Hyperscan expressions. At least one of them matches in every text in which ``find`` finds something.

    They may not use anchors, boundaries, quotes, backslashes or control characters: then a match in a string of a
    document is a match in the whole document too. Two line ends stand before each text, so that an expression may
    ask for a character that is not in front of a match.
    """
    shortest: int
    """Fewest characters of a text in which something is found."""
    find: Find
    canonical: Callable[[str], str] = as_written
    """Makes different spellings of one value equal, so that their pseudonyms are equal."""
    hints: tuple[bytes, ...] = ()
    """Expressions, matched in any case. Matches of the prefilter mean nothing unless one of them matches, too, in
    the text or in one line of the context."""
    prefilter_shortest: int = 4
    """Fewest bytes of a match of any prefilter expression."""
    common: bool = False
    """With a hint: the prefilter matches nearly everywhere. ``re`` then searches for it, and must take linear time
    for it."""
    rare: bool = False
    """The prefilter matches in few texts. It is searched for apart from others: that is faster."""
    exact: bool = False
    """A match of the prefilter is at least as long as any match of ``find``, so that a digit right behind it rules
    it out."""
    joins_words: bool = False
    """A match may contain a blank behind one of ``,:!?`` or behind a small letter other than a to f. No built-in
    detector reports such a match, however the text is spelled; streamed text is cut at these blanks."""
    needs_whole: bool = False
    """A match may depend on any part of the text: streamed text is held back to its end."""
    unbroken: Callable[[str], Iterator[tuple[int, int]]] | None = None
    """Yields ranges of a text in which one part tells about another that is far behind it. Streamed text is cut
    nowhere in them, and not at their end if that is the end of the text. The prefilter matches in each of them."""
    uses_context: bool = False
    """``find`` uses the context although there are no hints."""
    names: Callable[[str], bool] | None = None
    """Returns whether a name tells that its value is this entity. The prefilter matches in every such name. In a
    document, the values that the name names are searched, too."""
    names_below: Callable[[str], bool] | None = None
    """Returns whether a name may tell the same together with the key above it: ``{"account": {"number": …}}``. The
    prefilter matches in every such name, in the characters around it."""
    is_generic: bool = False
    """Where another entity has the same range, that entity's name is the better one."""
    gives_way: bool = False
    """An exemption for another entity of the same range holds for this one, too."""
    together: Together | None = None
    """Searches in one pass for all detectors that have the same one here, and finds what their ``find`` finds."""
    meaning: str = ""
    """Says in one phrase what the entity is, and its form, for the page of entities: ``a token of GitHub``."""
    proof: str = ""
    """Says what tells the entity from other text, but for its context: ``check digit``, ``prefix``."""
    example: str = ""
    """A value that is masked as this entity, for the page of entities; a test masks it. It is obviously invented,
    and built of parts where a secret scanner would take it for a secret."""
    example_key: str = ""
    """The key under which the example is masked; empty: any."""
    source: str = ""
    """The standard or the issuer's document that describes the form."""
