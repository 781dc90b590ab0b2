"""Makes the detectors of the table of national numbers.

Each row has a detector. The rows that need words are many, and most texts with one of the words have one only:
they search together. One pass finds the numbers, an index tells which kinds of words stand beside each of them,
and only the rows of these kinds look at it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from extproc.detectors.context import NAME_REACH, NO_NAME, REACH, name_before
from extproc.detectors.detector import APART, Detector, Find, Ranges
from extproc.detectors.ends import NO_ENDS, EndsOf, Nearby
from extproc.detectors.entities.national.alone import ALONE
from extproc.detectors.entities.national.beside import BESIDE
from extproc.detectors.entities.national.row import Row
from extproc.detectors.entities.national.whole import WHOLE
from extproc.detectors.vocabulary.index import WordIndex
from extproc.detectors.vocabulary.names import LETTER
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words, behind_other_names

NUMBER = re.compile(
    r"(?<![0-9A-Za-z_])(?:[A-Za-z]{1,6}[ -]?)?([0-9])[0-9A-Za-z]*"
    r"(?>(?:[ ./+-]{1,2}[0-9][0-9A-Za-z]*|[ -][A-Za-z]{1,3}(?![A-Za-z]))*)"
)
"""Letters and digits in groups, as many as there are, from a few letters before the first digit.
The letters may be a word: ``ssn 219099999``."""

GROUPED = re.compile(r"[ /+]")
"""A number may begin behind it. None begins behind a dot or dash of another number."""
JOINS = re.compile("[g-z] ")
"""Streamed text is cut here (``Detector.joins_words``): groups behind small letters are not found in any text."""
WORD_NEAR = NAME_REACH + 8
"""Characters before a number in which a word ends that may tell it."""
LONGEST_WORD = 18
"""Most letters and digits of a number of any row that stands beside words."""
LONGEST = 64
"""Most characters of a number of any row."""
KEYS_CACHED = 1_024
"""Keys whose kinds are remembered; most documents repeat the same few."""


@dataclass(frozen=True)
class AloneFind:
    """Finds the numbers of one row anywhere."""

    row: Row
    nearby: Nearby

    def __call__(self, text: str, _: str) -> Ranges:
        """Yield numbers that pass the check."""
        for part in self.nearby.parts(text):
            for match in self.row.pattern.finditer(text, *part):
                if self.row.accepts(match[0]):
                    yield match.span()


@dataclass(frozen=True)
class WholeFind:
    """Finds a number of one row that is all of a value, where no name says what the value is."""

    row: Row

    def __call__(self, text: str, keys: str) -> Ranges:
        """Yield the value if it passes the check.

        Text outside of a document may be a piece of streamed text, and is not all of anything.
        """
        if keys != NO_NAME or len(text) > LONGEST:
            return
        match = self.row.whole.fullmatch(text)
        if match and self.row.accepts(match[1]):
            yield match.span(1)


@dataclass(frozen=True, eq=False)
class BesideFind:
    """Finds the numbers of one row that have one of its words beside them."""

    row: Row
    words: Words
    kinds: frozenset[int] = field(default_factory=frozenset)

    def __call__(self, text: str, keys: str) -> Ranges:
        """Yield numbers that pass the check."""
        for match in NUMBER.finditer(text):
            yield from self.within(text, *match.span(), keys)

    def within(self, text: str, start: int, end: int, keys: str) -> Ranges:
        """Yield those that begin in a part of the text."""
        at = start
        while (match := self.row.pattern.search(text, at, end + LONGEST)) and match.start() < end:
            at = match.end()
            if (
                JOINS.search(match[0]) is None
                and self.words.beside(text, match.start(), keys)
                and self.row.accepts(match[0])
            ):
                yield match.span()


class BesideSearch:
    """Searches for several rows at once."""

    def __init__(self, index: WordIndex) -> None:
        """Take the index of all words of the rows."""
        self._index = index
        self._above = lru_cache(maxsize=KEYS_CACHED)(index.kinds)

    def __call__(self, finds: Sequence[Find], text: str, keys: str) -> Iterator[tuple[int, int, int]]:
        """Yield what the finds find."""
        above = self._above(keys) if keys else frozenset()
        near = _NearWords(self._index, text)
        shortest = min(find.row.shortest for find in finds if isinstance(find, BesideFind))
        for part in [(0, len(text))] if above else near.parts:
            for match in NUMBER.finditer(text, *part):
                start, end = match.span()
                if end - start < shortest or (end - start > LONGEST_WORD and match[0].isalnum()):
                    continue
                kinds = above.union(near.kinds(start, end, is_in_groups=GROUPED.search(match[0]) is not None))
                for number, find in enumerate(finds) if kinds else ():
                    if isinstance(find, BesideFind) and not find.kinds.isdisjoint(kinds):
                        for found in find.within(text, start, end, keys):
                            yield number, *found


class _NearWords:
    """The parts of one text near words. Looked for at most once, if they are needed at all."""

    def __init__(self, index: WordIndex, text: str) -> None:
        self._index = index
        self._text = text

    @cached_property
    def ends(self) -> EndsOf:
        """The places of words."""
        return NO_ENDS if LETTER.search(self._text) is None else self._index.ends(self._text)

    def kinds(self, start: int, end: int, *, is_in_groups: bool) -> set[int]:
        """Return the kinds of words that may tell a number: in its name, shortly before it, or with its digits.

        Args:
            start: where the number begins.
            end: where it ends.
            is_in_groups: a part of it may be a number, too. That part has no name.
        """
        kinds = self.ends.within(start - WORD_NEAR, end + 1)
        name = name_before(self._text, start) if kinds and not is_in_groups else ""
        if not name:
            return kinds
        at = self._text.rfind(name, 0, start)
        return self.ends.within(min(behind_other_names(self._text, max(0, start - REACH), at), at), end + 1)

    @cached_property
    def parts(self) -> list[tuple[int, int]]:
        """The parts in which a number may stand that a word tells."""
        return self.ends.parts(LONGEST, WORD_NEAR + 2 * LONGEST, len(self._text))


def national(vocabulary: Vocabulary) -> tuple[Detector, ...]:
    """Make the detectors of all rows; those that need words take them from a vocabulary."""
    kinds = dict.fromkeys(kind for row in BESIDE for kind in row.kinds)
    words = {kind: vocabulary.words(kind) for kind in kinds}
    index = WordIndex(words, vocabulary.hints)
    search = BesideSearch(index)
    return (*map(_alone, ALONE), *map(_whole, WHOLE), *(_beside(row, vocabulary, index, search) for row in BESIDE))


def _alone(row: Row) -> Detector:
    form = row.form.encode()
    prefilter = row.prefilter or form
    return Detector(
        row.entity,
        (prefilter,),
        row.shortest,
        AloneFind(row, Nearby([prefilter], LONGEST)),
        row.canonical,
        rare=True,
        exact=row.exact or prefilter.endswith(form),
        meaning=row.meaning,
        proof=row.proof,
        example=row.example,
        source=row.source,
    )


def _whole(row: Row) -> Detector:
    return Detector(
        row.entity,
        (APART + (row.prefilter or b"(?i:%s)[^0-9A-Za-z]" % row.form.encode()),),
        row.shortest,
        WholeFind(row),
        row.canonical,
        rare=True,
        uses_context=True,
        meaning=row.meaning,
        proof=row.proof,
        example=row.example,
        example_key=row.key,
        source=row.source,
    )


def _beside(row: Row, vocabulary: Vocabulary, index: WordIndex, search: BesideSearch) -> Detector:
    hints = dict.fromkeys(hint for kind in row.kinds for hint in vocabulary.words(kind).hints)
    return Detector(
        row.entity,
        (_prefilter(row),),
        row.shortest,
        BesideFind(row, vocabulary.words(*row.kinds), frozenset(map(index.numbers.__getitem__, row.kinds))),
        row.canonical,
        hints=tuple(hints),
        exact=bool(row.digits),
        prefilter_shortest=5,
        together=search,
        meaning=row.meaning,
        proof=row.proof,
        example=row.example,
        example_key=row.key,
        source=row.source,
    )


def _prefilter(row: Row) -> bytes:
    """Return an expression that as many rows as possible share."""
    if row.digits:
        return APART + b"[0-9](?:[ ./+-]?[0-9]){%d}" % (row.digits - 1)
    return row.prefilter or APART + b"(?i:%s)" % row.form.encode()
