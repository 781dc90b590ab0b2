"""Choose how to mask a body by its content-type (RFC 9110 section 8.3, RFC 6839)."""

import re
from enum import Enum
from functools import lru_cache

from extproc.codecs.content_type import EVENT_STREAM, LINES, charsets
from extproc.model.errors import Undecodable
from extproc.model.reasons import Uninspectable

TYPES_CACHED = 256
"""Values of ``content-type`` that are remembered."""
_TYPE = re.compile(r"([a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+)[ \t]*(;.*)?")
_UTF8 = frozenset({"utf-8", "utf8"})
_LIKE_ASCII = frozenset({"us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"})
"""Charsets that read bytes as UTF-8 does if all of them are ASCII."""


class Media(Enum):
    """The kinds of body that can be masked."""

    JSON = "json"
    EVENTS = "events"
    LINES = "lines"
    TEXT = "text"
    FORM = "form"
    MULTIPART = "multipart"


FORMS = {"application/x-www-form-urlencoded": Media.FORM, "multipart/form-data": Media.MULTIPART}


@lru_cache(maxsize=TYPES_CACHED)
def media_of(content_type: str, *, ascii_only: bool = False) -> Media:
    """Return the kind of body.

    Args:
        content_type: the header field's value.
        ascii_only: all bytes of the body are ASCII.

    Raises:
        Undecodable: the type is missing, malformed or unknown, or the charset is not UTF-8.
    """
    match = _TYPE.fullmatch(content_type.strip(" \t").lower())
    if match is None:
        raise Undecodable("content-type is missing or malformed")
    if not all(_readable(name.strip("'"), ascii_only=ascii_only) for name in charsets(match[2] or "")):
        raise Undecodable("charset is not UTF-8")
    media = _by_name(match[1])
    if media is None:
        raise Undecodable("content-type cannot be masked")
    return media


def is_one(content_type: str) -> bool:
    """Return whether a body of this type is one document or text, and not several."""
    return media_of(content_type, ascii_only=True) in (Media.JSON, Media.TEXT)


def _readable(charset: str, *, ascii_only: bool) -> bool:
    return charset in _UTF8 or (ascii_only and charset in _LIKE_ASCII)


def _by_name(name: str) -> Media | None:
    if name in FORMS:
        return FORMS[name]
    if name == EVENT_STREAM:
        return Media.EVENTS
    if name in LINES:
        return Media.LINES
    if name in ("application/json", "text/json") or name.endswith("+json"):
        return Media.JSON
    return Media.TEXT if name.startswith("text/") else None


def refuse_nul(body: bytes) -> None:
    """Refuse binary data, and text in an encoding with several bytes for each character.

    Raises:
        Undecodable: it contains a NUL.
    """
    if b"\0" in body:
        raise Undecodable("body contains NUL: it is binary, or text in another encoding", Uninspectable.NOT_UTF8)


def decode_text(body: bytes) -> str:
    """Decode text as UTF-8. A NUL is refused: it means another encoding, in which readers see other characters.

    Raises:
        Undecodable: it is not text.
    """
    refuse_nul(body)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Undecodable("body is not-utf8", Uninspectable.NOT_UTF8) from None
