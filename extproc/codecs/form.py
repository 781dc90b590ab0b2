"""Reads forms and URL queries: ``application/x-www-form-urlencoded`` (WHATWG URL section 5)."""

import re
from typing import NamedTuple
from urllib.parse import quote_plus, unquote_to_bytes

from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable

RAW = re.compile(r"(?:[^\x00-\x20%;\x7f-\U0010ffff]|%[0-9A-Fa-f]{2})*")
"""Visible ASCII without ``;``, at which some servers split."""
_CHARACTER = re.compile(r"(?:%[0-7][0-9A-Fa-f]|%[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f])+|[^%])")


class Part(NamedTuple):
    """A name or value: its offsets in the form, and its decoded text."""

    start: int
    end: int
    text: str


def read_form(text: str) -> list[tuple[Part, Part]]:
    """Return names and values in order. A name without ``=`` has an empty value; empty pairs are skipped.

    Raises:
        Unreadable: ``query`` for a form that two readers could read differently: a malformed escape, a character
            that must be escaped, ``;``, bytes that are not UTF-8.
    """
    if not RAW.fullmatch(text):
        raise Unreadable(Uninspectable.QUERY)
    pairs: list[tuple[Part, Part]] = []
    at = 0
    for pair in text.split("&"):
        name, equals, _ = pair.partition("=")
        value_at = at + len(name) + len(equals)
        end = at + len(pair)
        if pair:
            pairs.append((_part(text, at, at + len(name)), _part(text, value_at, end)))
        at = end + 1
    return pairs


def _part(text: str, start: int, end: int) -> Part:
    try:
        return Part(start, end, unquote_to_bytes(text[start:end].replace("+", " ")).decode("utf-8"))
    except UnicodeDecodeError:
        raise Unreadable(Uninspectable.QUERY) from None


def offsets(raw: str) -> list[int]:
    """Return the offset of each character in the encoded name or value, and the end of the last one."""
    starts = [match.start() for match in _CHARACTER.finditer(raw)]
    return [*starts, len(raw)]


def spell(text: str) -> str:
    """Return a text in the encoding of a form."""
    return quote_plus(text)
