"""Forms as a URL's query is written: ``application/x-www-form-urlencoded`` (WHATWG URL section 5)."""

import re
from typing import NamedTuple
from urllib.parse import quote_plus, unquote_to_bytes

from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable

RAW = re.compile(r"(?:[^\x00-\x20%;\x7f-\U0010ffff]|%[0-9A-Fa-f]{2})*")
"""Visible ASCII; not ``;``, which some servers split at."""
_CHARACTER = re.compile(r"(?:%[0-7][0-9A-Fa-f]|%[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f])+|[^%])")


class Part(NamedTuple):
    """A name or value, where it stands in the form, and what it says."""

    start: int
    end: int
    text: str


def read_form(text: str) -> list[tuple[Part, Part]]:
    """Names and values in their order. A name without ``=`` has an empty value; empty pairs are left out.

    Raises:
        Unreadable: ``query`` for what two readers could take differently: a malformed escape, a character that
            is to be escaped, ``;``, bytes that are not UTF-8.
    """
    if not RAW.fullmatch(text):
        raise Unreadable(Uninspectable.QUERY)
    pairs: list[tuple[Part, Part]] = []
    at = 0
    for pair in text.split("&"):
        name, equals, _ = pair.partition("=")
        behind = at + len(name) + len(equals)
        end = at + len(pair)
        if pair:
            pairs.append((_part(text, at, at + len(name)), _part(text, behind, end)))
        at = end + 1
    return pairs


def _part(text: str, start: int, end: int) -> Part:
    try:
        return Part(start, end, unquote_to_bytes(text[start:end].replace("+", " ")).decode("utf-8"))
    except UnicodeDecodeError:
        raise Unreadable(Uninspectable.QUERY) from None


def offsets(raw: str) -> list[int]:
    """Where each character of a name or value begins in its spelling, and where the last one ends."""
    places = [match.start() for match in _CHARACTER.finditer(raw)]
    return [*places, len(raw)]


def spell(text: str) -> str:
    """A text as it is written in a form."""
    return quote_plus(text)
