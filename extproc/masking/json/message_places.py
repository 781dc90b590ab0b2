"""The places of one message: which of its values the protocol's shape sets apart."""

import re
from collections.abc import Iterator
from functools import cached_property

from extproc.codecs.strict_json import parse_checked
from extproc.detectors.analyzer import Candidate
from extproc.detectors.detector_set import ALL
from extproc.masking.plan.json_path import Location
from extproc.model.call import Json
from extproc.model.message_shape import NOWHERE, Holds, MessageShape, Place

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?")
_WORDS = "blob", "data", "DATA"
"""The keys of blobs; and the scheme of ``data:`` URIs, which has no letter case."""
_BEFORE_VALUE = re.compile(r'"[ \t\n\r]*:[ \t\n\r]*"|:[^",\n]{0,200},')
"""Stands between a key and a string, or between the scheme and the data."""
_ESCAPE = "\\u00"
_SPELLED = re.compile(
    r'"(?:b|\\u0062)(?:l|\\u006[cC])(?:o|\\u006[fF])(?:b|\\u0062)"'
    r'|"?(?:[dD]|\\u00[46]4)(?:[aA]|\\u00[46]1)(?:[tT]|\\u00[57]4)(?:[aA]|\\u00[46]1)(?:"|:|\\u003[aA])'
)
"""Keys of blobs, and ``data:``, with or without escapes."""
_PASSES_AS_TEXT = frozenset({Holds.TOKEN, Holds.OPAQUE, Holds.VERBATIM})


def may_hold_encoded(text: str) -> bool:
    """Return whether a document, or a text, may have a blob or a ``data:`` URI.

    Never wrongly false, but for a scheme in an odd mixture of capitals: its data is a text like any other.
    """
    return next(_encoded(text), None) is not None


def encoded_values(text: str) -> list[Candidate]:
    """Return candidates for all detectors near each blob and ``data:`` URI."""
    return [(at, ALL) for at in _encoded(text)]


def _encoded(text: str) -> Iterator[int]:
    """Yield an offset within the quotes of each value that may be a blob or have a ``data:`` URI."""
    for word in _WORDS:
        at = text.find(word)
        while at >= 0:
            at += len(word)
            if found := _BEFORE_VALUE.match(text, at):
                yield found.end() - (found[0][-1] == ",")
            at = text.find(word, at)
    for match in _SPELLED.finditer(text) if _ESCAPE in text else ():
        value = _BEFORE_VALUE.match(text, match.end() - 1)
        yield value.end() if value and value[0][-1] == '"' else match.end() - 1


class MessagePlaces:
    """The places of one document. It is read when a place is asked for first: most documents need none."""

    def __init__(self, shape: MessageShape, text: str) -> None:
        """Take a document that ``check_text`` accepts, or a list of them: a batch."""
        self.shape = shape
        self._text = text

    @cached_property
    def _document(self) -> Json:
        return parse_checked(self._text)

    @cached_property
    def _root(self) -> str:
        return self.shape.root(self._document)

    def at(self, location: Location) -> Place:
        """Return the place of a value, or of an object."""
        if location and isinstance(location[0], int):
            document, first = self._document, location[0]
            name = self.shape.root(document[first]) if isinstance(document, list) else ""
            location = location[1:]
        else:
            name = self._root if self.shape.may_lead(location) else ""
        for component in location:
            if not name:
                return NOWHERE
            name = self.shape.place(name).step(component)
        return self.shape.place(name)

    def keeps_keys(self, location: Location) -> bool:
        """Return whether the keys of an object stay as they are because of its place."""
        return not self.shape.is_recorded and self.at(location).keeps_keys

    def passes_string(self, place: Place, value: str) -> bool:
        """Return whether a string stays as it is because of its place."""
        if self.shape.is_recorded or place.holds not in _PASSES_AS_TEXT:
            return False
        return place.pattern is None or place.pattern.fullmatch(value) is not None

    def passes_number(self, place: Place, word: str) -> bool:
        """Return whether a number stays as it is because of its place."""
        if self.shape.is_recorded:
            return False
        match place.holds:
            case Holds.VERBATIM:
                return True
            case Holds.TOKEN:
                return _INTEGER.fullmatch(word) is not None
            case Holds.NUMBER:
                return _NUMBER.fullmatch(word) is not None
            case _:
                return False

    def mime_type(self, location: Location) -> str:
        """Return the member ``mimeType`` beside a value; empty if there is none."""
        holder = self._document
        for component in location[:-1]:
            holder = holder[component]  # type: ignore[index]
        found = holder.get("mimeType") if isinstance(holder, dict) else None
        return found if isinstance(found, str) else ""
