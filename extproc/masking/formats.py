"""Choose how to mask a body by its content-type (RFC 9110 section 8.3, RFC 6839)."""

import re
from collections.abc import Collection
from enum import Enum
from functools import lru_cache

from extproc.codecs.content_type import EVENT_STREAM, LINES, charsets
from extproc.codecs.strict_json import BOM
from extproc.model.errors import Undecodable
from extproc.model.odd_bodies import Odd
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
        raise Undecodable("body cannot be masked", odd=Odd.NO_TYPE)
    media = _by_name(match[1])
    if media is None:
        raise Undecodable("body cannot be masked", odd=_odd_type(match[1]))
    if not all(_readable(name.strip("'"), ascii_only=ascii_only) for name in charsets(match[2] or "")):
        raise Undecodable("body cannot be masked", odd=Odd.CHARSET)
    return media


def as_text(content_type: str, text_types: Collection[str]) -> str:
    """Return the content-type by which a body is masked: that of text, if an operator says that it is text.

    Args:
        content_type: the header field's value.
        text_types: media types without parameters, in lower case.
    """
    name, semicolon, parameters = content_type.partition(";")
    return f"text/plain{semicolon}{parameters}" if name.strip(" \t").lower() in text_types else content_type


_FAMILIES = (
    (re.compile(r".*[/+]xml(?:-dtd|-external-parsed-entity)?"), Odd.XML),
    (re.compile(r".*[/+](?:x-)?yaml"), Odd.YAML),
    (re.compile(r".*/(?:x-)?csv"), Odd.CSV),
    (re.compile(r".*/(?:x-)?(?:java|ecma)script"), Odd.SCRIPT),
    (re.compile(r"(?:image|audio|video|font|model|multipart)/.*"), Odd.BINARY),
    (
        re.compile(
            r"application/(?:octet-stream|pdf|zip|gzip|x-tar|wasm|grpc.*|x-protobuf|protobuf|cbor|msgpack)"
        ),
        Odd.BINARY,
    ),
)
"""Types that cannot be masked, by what they are."""


def _odd_type(name: str) -> Odd:
    return next((odd for pattern, odd in _FAMILIES if pattern.fullmatch(name)), Odd.OTHER_TYPE)


_DECLARED = re.compile(rb"\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
"""An XML declaration that names an encoding (XML 1.0, section 4.3.3)."""


def check_declared(body: bytes) -> None:
    """Refuse XML that says itself that its encoding is another one: its reader would see other characters.

    Raises:
        Undecodable: it declares an encoding in which these bytes are not what they are in UTF-8.
    """
    found = _DECLARED.match(body.removeprefix(BOM))
    if found and not _readable(found[1].decode().lower(), ascii_only=body.isascii()):
        raise Undecodable("body cannot be masked", Uninspectable.NOT_UTF8, Odd.DECLARED)


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
