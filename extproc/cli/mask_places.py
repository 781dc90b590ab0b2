"""Say where a body cannot be read, for ``extproc mask``: line and column, and the key that an object has twice.

The guard itself names no place: its errors are recorded. A person who tries a file of their own has to find it.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, NoReturn

from extproc.codecs.json_keys import fold
from extproc.codecs.strict_json import CONSTANTS, check_text, read_utf8
from extproc.codecs.unreadable import Unreadable
from extproc.masking.formats import Media
from extproc.model.reasons import Uninspectable

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}:,]|[^\s"\[\]{}:,]+', re.DOTALL)
"""A part of a document. A string without an end reaches to the end of the text: so no quote is tried twice."""
_NUMBER = re.compile(r"-?[0-9][0-9.eE+-]*")
_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""RFC 3629, section 3."""
LF = b"\n"
LATIN = "if it is Latin-1, `iconv -f latin1 -t utf-8` makes it UTF-8"
HALF = "half of a surrogate pair, which UTF-8 does not have"


class Fault(NamedTuple):
    """Something that a strict reader refuses."""

    kind: Uninspectable
    at: int
    """Its offset."""
    key: str | None = None
    """The key that is there a second time."""


def place_of_fault(body: bytes, media: Media, *, max_depth: int, show_key: Callable[[str], str]) -> str:
    """Return where a body cannot be read: ``line 2, column 7``; empty if it can be read, or that is not known.

    Args:
        body: content-encoding undone.
        media: how it is read.
        max_depth: most nested arrays and objects.
        show_key: masks a key.
    """
    if media is Media.JSON:
        return _of_document(body, 0, max_depth, show_key)
    if media is Media.LINES:
        lines = body.split(LF)
        found = (
            _of_document(line, above, max_depth, show_key) for above, line in enumerate(lines) if line.strip()
        )
        return next(filter(None, found), "")
    return _of_bytes(body, 0)


def _of_document(body: bytes, above: int, max_depth: int, show_key: Callable[[str], str]) -> str:
    """Return where a document cannot be read, below some lines; empty if it can."""
    try:
        text = read_utf8(body)
    except Unreadable:
        return _of_bytes(body, above)
    try:
        check_text(text, max_depth=max_depth)
    except Unreadable as error:
        fault = next((each for each in _faults(text, max_depth) if each.kind is error.kind), None)
        if fault is None:
            return ""
        line = above + text.count("\n", 0, fault.at) + 1
        column = fault.at - text.rfind("\n", 0, fault.at)
        key = "" if fault.key is None else f", key {json.dumps(show_key(fault.key), ensure_ascii=False)}"
        return f"line {line}, column {column}{key}"
    return ""


def _of_bytes(body: bytes, above: int) -> str:
    """Return where bytes are no text in UTF-8; empty if all are."""
    try:
        body.decode("utf-8")
        at, why = body.find(b"\0"), "a NUL"
    except UnicodeDecodeError as error:
        at = error.start
        why = HALF if _HALF.match(body, at) else LATIN
    if at < 0:
        return ""
    line = above + body.count(LF, 0, at) + 1
    return f"line {line}, byte {at - body.rfind(LF, 0, at)} ({why})"


def _faults(text: str, max_depth: int) -> Iterator[Fault]:
    """Yield what strict readers refuse in a document."""
    if (at := _where_no_json(text)) is not None:
        yield Fault(Uninspectable.NOT_JSON, at)
    open_keys: list[set[str] | None] = []
    """The keys so far of each object that is open; None for an array."""
    before = ""
    for token in _TOKEN.finditer(text):
        part, at = token[0], token.start()
        if part in ("{", "["):
            open_keys.append(set() if part == "{" else None)
            if len(open_keys) > max_depth:
                yield Fault(Uninspectable.TOO_DEEP, at)
        elif part in ("}", "]"):
            if open_keys:
                open_keys.pop()
        elif part[0] == '"':
            keys = open_keys[-1] if open_keys and before in ("{", ",") else None
            yield from _faults_of_string(part, at, keys)
        elif part.startswith((*CONSTANTS, "-Infinity")):
            yield Fault(Uninspectable.NOT_JSON, at)
        elif _NUMBER.fullmatch(part) and _is_out_of_range(part):
            yield Fault(Uninspectable.NUMBER_OUT_OF_RANGE, at)
        before = part


def _faults_of_string(part: str, at: int, keys: set[str] | None) -> Iterator[Fault]:
    """Yield what is wrong with a string. A key is added to the keys of its object."""
    try:
        value = json.loads(part)
    except ValueError:
        return
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        yield Fault(Uninspectable.NOT_UTF8, at)
    if keys is not None:
        if not keys.isdisjoint(same := {value, fold(value) if "\0" in value else value}):
            yield Fault(Uninspectable.DUPLICATE_KEYS, at, value)
        keys |= same


def _where_no_json(text: str) -> int | None:
    try:
        json.loads(text, parse_constant=_refuse, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        return error.pos
    except (ValueError, RecursionError):
        return None
    return None


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _is_out_of_range(number: str) -> bool:
    try:
        check_text(number, max_depth=1)
    except Unreadable as error:
        return error.kind is Uninspectable.NUMBER_OUT_OF_RANGE
    return False
