"""A JSON document's keys, values and brackets with their places, so that a rewrite touches nothing else."""

import json
import re
from bisect import bisect_right
from enum import IntEnum

Path = tuple[str | int, ...]
"""Object keys and array indexes from the root to a value."""

_STRING = r'"[^"]*+"'
_WORD = r'[^\s,:"\[\]{}]++'
_SPACE = r"[ \t\n\r]*+"
_BETWEEN = r"[ \t\n\r,]*+"
_KEY = rf"{_STRING}{_SPACE}:{_SPACE}"
_FLAT = rf'[\[{{][^"\[\]{{}}]*+(?:{_STRING}[^"\[\]{{}}]*+)*+[\]}}]'
_NESTED = rf'[\[{{][^"\[\]{{}}]*+(?:(?:{_STRING}|{_FLAT})[^"\[\]{{}}]*+)*+[\]}}]'
"""Arrays and objects, of those whose parts are nested no deeper than this."""
_VALUE = rf"(?:{_STRING}|{_NESTED}|{_WORD})"

UNIT = re.compile(
    rf"{_BETWEEN}(?:({_STRING})(?:{_SPACE}:{_SPACE}(?:({_STRING})|([\[{{])|({_WORD})))?"
    rf"|([\[{{])|([\]}}])|({_WORD}))"
)
"""One element of an array, one member of an object, an opening or a closing bracket: the group that matched last
is its ``Unit``. A member's key is group 1, its value the other one.

This and the other patterns are for the ``shape`` of documents that ``check_text`` accepts.
"""
RUN = re.compile(rf"(?:{_BETWEEN}(?:{_KEY})?+{_VALUE}(?={_SPACE}[,\]}}]))*+")
"""Elements or members that are whole before a given end, many at once. Deeply nested ones end it."""
MEMBER = re.compile(rf"{_BETWEEN}({_STRING}){_SPACE}:{_SPACE}{_VALUE}")
ELEMENT = re.compile(rf"{_BETWEEN}{_VALUE}")


def shape(text: str) -> str:
    """The document with what its strings spell in escapes blanked, so that each quote is the end of a string.

    All else stays where it is.
    """
    if "\\" not in text:
        return text
    return text.replace("\\\\", "..").replace('\\"', "..")


class Unit(IntEnum):
    """What a match of ``UNIT`` is; the number of the group that has the value."""

    STRING = 1
    """A string that is no member."""
    MEMBER_STRING = 2
    MEMBER_OPEN = 3
    """A member whose array or object begins."""
    MEMBER_WORD = 4
    OPEN = 5
    CLOSE = 6
    WORD = 7
    """A number or literal that is no member."""


STRINGS = frozenset({Unit.STRING, Unit.MEMBER_STRING})
OPENS = frozenset({Unit.MEMBER_OPEN, Unit.OPEN})


def unquote(text: str, start: int, end: int) -> str:
    """The decoded text of the string token at ``start:end``."""
    inner = text[start + 1 : end - 1]
    return inner if "\\" not in inner else str(json.loads(text[start:end]))


def quote(text: str) -> str:
    """A JSON string token for a text."""
    return json.dumps(text, ensure_ascii=False)


_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")


class Offsets:
    """From offsets in a string token's decoded text to offsets in the document."""

    __slots__ = ("_decoded", "_source", "_start")

    def __init__(self, text: str, start: int, end: int) -> None:
        """Map the string token at ``start:end``, quotes included."""
        self._start = start + 1
        self._decoded = [0]
        self._source = [start + 1]
        for match in _ESCAPE.finditer(text, start + 1, end - 1):
            behind = self._decoded[-1] + (match.start() - self._source[-1]) + 1
            self._decoded.append(behind)
            self._source.append(match.end())

    def __getitem__(self, decoded: int) -> int:
        """Where the decoded text's character at this offset begins in the document."""
        last = bisect_right(self._decoded, decoded) - 1
        return self._source[last] + decoded - self._decoded[last]
