"""Patterns for the keys, values and brackets of a JSON document with their offsets, for edits in place."""

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
_FLAT = rf'[\[{{][^"\[\]{{}}]*+(?>(?:{_STRING}[^"\[\]{{}}]*+)*)[\]}}]'
_NESTED = rf'[\[{{][^"\[\]{{}}]*+(?>(?:(?:{_STRING}|{_FLAT})[^"\[\]{{}}]*+)*)[\]}}]'
"""Arrays and objects that are nested at most two levels deep."""
_VALUE = rf"(?:{_STRING}|{_NESTED}|{_WORD})"

UNIT = re.compile(
    rf"{_BETWEEN}(?:({_STRING})(?:{_SPACE}:{_SPACE}(?:({_STRING})|([\[{{])|({_WORD})))?"
    rf"|([\[{{])|([\]}}])|({_WORD}))"
)
"""An element of an array, a member of an object, or an opening or closing bracket: the number of the group that
matched last is its ``Unit``. A member's key is group 1; its value is the other group.

This and the other patterns are for the ``shape`` of documents that ``check_text`` accepts.
"""
RUN = re.compile(rf"(?>(?:{_BETWEEN}(?>(?:{_KEY})?){_VALUE}(?={_SPACE}[,\]}}]))*)")
"""Many elements or members at once that are complete before a given end. A deeply nested one ends the match."""
SCALAR = re.compile(rf"(?>(?:{_KEY})?)(?:({_STRING}|{_WORD})|[\[{{])")
"""A string that is no key, a number or a literal, as group 1; or an opening bracket."""
MEMBER = re.compile(rf"{_BETWEEN}({_STRING}){_SPACE}:{_SPACE}{_VALUE}")
ELEMENT = re.compile(rf"{_BETWEEN}{_VALUE}")


def shape(text: str) -> str:
    """Return the document with escaped backslashes and quotes blanked, so that every quote delimits a string.

    No other character changes, and no offset.
    """
    if "\\" not in text:
        return text
    return text.replace("\\\\", "..").replace('\\"', "..")


class Unit(IntEnum):
    """The kind of a match of ``UNIT``: the number of the group with the value."""

    STRING = 1
    """A string that is not a member's value."""
    MEMBER_STRING = 2
    MEMBER_OPEN = 3
    """A member whose value is an array or object that begins here."""
    MEMBER_WORD = 4
    OPEN = 5
    CLOSE = 6
    WORD = 7
    """A number or literal that is not a member's value."""


STRINGS = frozenset({Unit.STRING, Unit.MEMBER_STRING})
OPENS = frozenset({Unit.MEMBER_OPEN, Unit.OPEN})


def unquote(text: str, start: int, end: int) -> str:
    """Return the decoded text of the string token at ``start:end``."""
    inner = text[start + 1 : end - 1]
    return inner if "\\" not in inner else str(json.loads(text[start:end]))


def quote(text: str) -> str:
    """Return a text as a JSON string token."""
    return json.dumps(text, ensure_ascii=False)


_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")


class Offsets:
    """Maps offsets in a string token's decoded text to offsets in the document."""

    __slots__ = ("_decoded", "_source", "_start")

    def __init__(self, text: str, start: int, end: int) -> None:
        """Read the string token at ``start:end``, with its quotes."""
        self._start = start + 1
        self._decoded = [0]
        self._source = [start + 1]
        for match in _ESCAPE.finditer(text, start + 1, end - 1):
            after = self._decoded[-1] + (match.start() - self._source[-1]) + 1
            self._decoded.append(after)
            self._source.append(match.end())

    def __getitem__(self, decoded: int) -> int:
        """Return the offset in the document of the character at this offset of the decoded text."""
        last = bisect_right(self._decoded, decoded) - 1
        return self._source[last] + decoded - self._decoded[last]
