"""Strict JSON (RFC 8259), and its tokens with their places, so that a rewrite touches nothing else."""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from enum import IntEnum
from itertools import accumulate
from typing import NamedTuple

from extproc.codecs.errors import Unreadable
from extproc.model.call import Json
from extproc.model.reasons import Uninspectable

MAX_INTEGER_DIGITS = 1_000
"""Longer integers are refused: converting them takes quadratic time."""
BOM = b"\xef\xbb\xbf"

Path = tuple[str | int, ...]
"""Object keys and array indexes from the root to a value."""


def parse(body: bytes, *, max_depth: int) -> Json:
    """Read a whole document, and accept only what every reader understands the same way.

    Args:
        body: the document, UTF-8 without byte order mark.
        max_depth: how many arrays and objects may be nested.

    Returns:
        The value. Integers are exact at any size; other numbers are the nearest float.

    Raises:
        Unreadable: ``not-utf8`` (also lone surrogates, which UTF-8 cannot carry), ``not-json``,
            ``duplicate-keys`` (RFC 8259 section 4 leaves their meaning open), ``too-deep``,
            ``number-out-of-range`` (would become infinite or zero, or has over 1,000 digits).
    """
    return parse_text(read_utf8(body), max_depth=max_depth)


def read_utf8(body: bytes) -> str:
    """Decode a document's bytes.

    Raises:
        Unreadable: ``not-utf8``; a byte order mark counts as such (RFC 8259 section 8.1).
    """
    if body.startswith(BOM):
        raise Unreadable(Uninspectable.NOT_UTF8)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable(Uninspectable.NOT_UTF8) from None


def parse_text(text: str, *, max_depth: int) -> Json:
    """As ``parse``, for text that is decoded already."""
    _check_depth(text, max_depth)
    try:
        value: Json = _STRICT.decode(text)
        if "\\u" in text and _MAYBE_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Unreadable(Uninspectable.NOT_UTF8) from None
    except RecursionError:
        raise Unreadable(Uninspectable.TOO_DEEP) from None
    except ValueError:
        raise Unreadable(Uninspectable.NOT_JSON) from None
    return value


_MAYBE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
"""A string, or the rest of the text where it has no end: a pattern that could fail would be tried at each quote."""
_NOT_BRACKETS = re.compile(r"[^][{}]+")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


def _check_depth(text: str, max_depth: int) -> None:
    """Refuse deep nesting before the parser recurses. Text that is no JSON may pass: the parser refuses it."""
    if text.count("[") + text.count("{") <= max_depth:
        return
    brackets = _NOT_BRACKETS.sub("", _STRINGS.sub("", text))
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth:
        raise Unreadable(Uninspectable.TOO_DEEP)


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise Unreadable(Uninspectable.NUMBER_OUT_OF_RANGE)
    return int(digits)


_NON_ZERO = re.compile(r"^-?[0.]*[1-9]")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value) or (value == 0 and _NON_ZERO.match(digits)):
        raise Unreadable(Uninspectable.NUMBER_OUT_OF_RANGE)
    return value


def _constant(_: str) -> Json:
    raise Unreadable(Uninspectable.NOT_JSON)  # NaN, Infinity, -Infinity


def _object(members: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(members)
    if len(made) != len(members):
        raise Unreadable(Uninspectable.DUPLICATE_KEYS)
    return made


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_constant, strict=True
)


class Kind(IntEnum):
    """What a token is."""

    OPEN = 1
    """``{`` or ``[``; ends where its ``CLOSE`` ends."""
    CLOSE = 2
    KEY = 3
    STRING = 4
    NUMBER = 5
    LITERAL = 6
    """``true``, ``false`` or ``null``."""


class Token(NamedTuple):
    """One token of a document and its place."""

    kind: Kind
    start: int
    """Offset of the first character; of a string, its quote."""
    end: int
    """Offset behind the last character."""
    path: Path
    """Of the value; of a ``KEY``, the path of the value it names."""


_TOKEN = re.compile(r'[ \t\n\r,:]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([\[{])|([\]}])|([^\s,:"\[\]{}]+))', re.DOTALL)


class _Open:
    """A container that is being read."""

    __slots__ = ("index", "key", "path")

    def __init__(self, path: Path, *, is_array: bool) -> None:
        self.path = path
        self.index = 0 if is_array else -1
        self.key: str | None = None

    def next_path(self) -> Path:
        """The path of the value that begins now."""
        if self.key is not None:
            path = (*self.path, self.key)
            self.key = None
            return path
        self.index += 1
        return (*self.path, self.index - 1)


def tokens(text: str) -> Iterator[Token]:
    """Yield every key, value and bracket of a document in order.

    Args:
        text: a document that ``parse_text`` accepts. Nothing is checked again here.
    """
    stack: list[_Open] = []
    for match in _TOKEN.finditer(text):
        group = match.lastindex or 0
        start, end = match.span(group)
        if group == 3:  # noqa: PLR2004 - the third alternative: a closing bracket
            yield Token(Kind.CLOSE, start, end, stack.pop().path)
            continue
        top = stack[-1] if stack else None
        if top is not None and top.index < 0 and top.key is None:
            top.key = unquote(text, start, end)
            yield Token(Kind.KEY, start, end, (*top.path, top.key))
            continue
        path = top.next_path() if top is not None else ()
        if group == 1:
            yield Token(Kind.STRING, start, end, path)
        elif group == 2:  # noqa: PLR2004 - the second alternative: an opening bracket
            stack.append(_Open(path, is_array=text[start] == "["))
            yield Token(Kind.OPEN, start, end, path)
        else:
            yield Token(Kind.LITERAL if text[start] in "tfn" else Kind.NUMBER, start, end, path)


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
