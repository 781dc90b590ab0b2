"""Values that are searched because of their name: a key's value, and values that a document's layout names."""

import re
from collections.abc import Iterator
from functools import cached_property
from operator import itemgetter

from extproc.codecs.json_units import SCALAR, shape, unquote
from extproc.codecs.strict_json import parse_checked
from extproc.detectors.analyzer import Analyzer, Candidate
from extproc.detectors.detector_set import NONE
from extproc.detectors.vocabulary.key_roles import KEY_LONGEST, NAME_LONGEST
from extproc.masking.json.layout import TELLING_MEMBERS, names_by_layout
from extproc.masking.json.position import NamedPosition, Position, Value

_REST_OF_KEY = re.compile(r'"[ \t\n\r]*:[ \t\n\r]*')
"""From the end of a key to its value; only a key has a colon behind it."""


_SIGN = re.compile(
    r"[=:>'`\\\uff1a\ufe55\ufe13\uff1d\ufe66\uff1e\ufe65\uff07\uff40\uff3c\ufe68]|--?[A-Za-z]|\.\."
    r"| (?:is|was|ist|lautet|est|es|è|jest|é) "
    r"| (?=[^\s\"]{0,40}[0-9])(?=[^\s\"]{0,40}[A-Za-z])[^\s\"]{6}"
)
"""Stands between a name and its value in text, or before the name of an option; or a blank, and a word that looks
made. Dots stand for escaped quotes. The document is not folded: signs of East Asian text are here by their code
points."""
SIGN_REACH = 160
"""Characters behind a part of a name in which its sign stands."""


class Layout:
    """The names that the layout of a document gives to values. Read once, if they are needed at all."""

    def __init__(self, analyzer: Analyzer, text: str, name: str = "") -> None:
        """Take a document, and the name of the value that it is in another one; the analyzer knows names."""
        self._analyzer = analyzer
        self.text = text
        self.name = name
        self.is_wanted = False
        """Names count for all values, not only for those that usually have such a name."""

    @cached_property
    def shape(self) -> str:
        """See ``extproc.codecs.json_units.shape``."""
        return shape(self.text)

    @cached_property
    def names(self) -> dict[int, str]:
        """The names by the offsets of the values; see ``names_by_layout``."""
        named = names_by_layout(parse_checked(self.text), self.name, self._analyzer.tells)
        if not named:
            return {}
        starts = [match.start(1) for match in SCALAR.finditer(self.shape) if match.lastindex]
        return {starts[number]: name for number, name in named.items()}

    def position(self, start: int, at: Position) -> Position:
        """Return the position of the value at an offset, with the name that the layout gives to it."""
        if not self.is_wanted and not (isinstance(at, Value) and at.may_be_named_by_layout()):
            return at
        name = self.names.get(start)
        return at if name is None else NamedPosition(at, name)


def add_named(analyzer: Analyzer, layout: Layout, candidates: list[Candidate] | None) -> list[Candidate] | None:
    """Add the values that candidates name: no pattern matches in a value that only its name tells.

    Args:
        analyzer: tells which detectors find values by names.
        layout: the document. Afterwards it is wanted if its name tells, or if a candidate may name another value
            than its key does.
        candidates: as ``Analyzer.prescan`` returns them; None if every value has to be searched.

    Returns:
        All candidates, sorted.
    """
    layout.is_wanted = candidates is None or analyzer.tells(layout.name)
    if candidates is None or not (candidates or layout.is_wanted):
        return candidates
    kept: list[Candidate] = []
    more: list[Candidate] = []
    shape, read = layout.shape, 0
    for candidate in candidates:
        offset, detectors = candidate
        if detectors.meets(analyzer.naming):
            if offset >= read:  # in another string than the last candidate
                start, end = shape.rfind('"', read, offset) + 1, shape.find('"', offset)
                more += _named_by_string(analyzer, layout, start, end)
                read = end + 1
            if not _may_name_in_text(shape, offset):
                detectors = detectors & analyzer.finding
                candidate = offset, detectors  # noqa: PLW2901
        if detectors:
            kept.append(candidate)
    if layout.is_wanted:
        named = ((start, analyzer.named_by(name)) for start, name in layout.names.items())
        more += [each for each in named if each[1] is not NONE]
    return sorted([*kept, *more], key=itemgetter(0)) if more else kept


def _may_name_in_text(shape: str, offset: int) -> bool:
    """Return whether the string around an offset may have a value behind the name there: ``password=…``."""
    first = max(0, offset - NAME_LONGEST)
    first = max(first, shape.rfind('"', first, offset) + 1)
    end = shape.find('"', offset, offset + SIGN_REACH)
    return _SIGN.search(shape, first, end if end >= 0 else offset + SIGN_REACH) is not None


def _named_by_string(analyzer: Analyzer, layout: Layout, start: int, end: int) -> Iterator[Candidate]:
    """Yield the value of a key, if the key tells. Others may want the layout.

    Args:
        analyzer: tells which detectors find values by names.
        layout: the document.
        start: the offset of the key, or of any string, behind its quotation mark.
        end: the offset of the quotation mark behind it.
    """
    rest = _REST_OF_KEY.match(layout.shape, end)
    if rest is None and end - start > NAME_LONGEST:
        return  # only keys may be longer
    name = unquote(layout.text, start - 1, end + 1)
    told = analyzer.named_by(name[-KEY_LONGEST:])
    if rest is not None and (below := analyzer.named_below(name[-KEY_LONGEST:])) is not NONE:
        yield rest.end(), below
    is_telling = name.partition("/")[0] in TELLING_MEMBERS
    if told is NONE and not is_telling:
        return
    if rest is None or is_telling or layout.shape[rest.end()] in "[{":
        layout.is_wanted = True
    else:
        yield rest.end(), told
