"""Read a message's content-type strictly: a value that two readers could understand differently is refused."""

import re
from enum import Enum
from functools import lru_cache

from extproc.codecs.content_type import EVENT_STREAM, LINES, charsets, essence
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Headers
from extproc.model.reasons import Uninspectable

TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - RFC 9110 section 5.6.2
MEDIA_TYPE = re.compile(rf"({TOKEN}/{TOKEN})((?:[ \t]*;[ \t]*{TOKEN}=(?:{TOKEN}|\"[^\"\\]*\"))*)[ \t]*")
"""RFC 9110 section 8.3.1, without quoted pairs and empty parameters."""
MAX_LENGTH = 256
"""Most bytes of a content-type field. Longer ones count as malformed, so they never fill the cache."""
LENGTH_DIGITS = 20
"""Digits of a content-length that are read. No body has a longer one."""
UTF8 = frozenset({"utf-8"})
"""The only charset that is read."""


class Media(Enum):
    """The kinds of body."""

    NONE = "none"
    JSON = "json"
    OTHER = "other"


def media_type(headers: Headers) -> Media:
    """Return the kind of body that the header fields announce.

    Raises:
        Unreadable: ``headers`` for several or malformed content-type fields.
    """
    value = headers.raw("content-type")
    if not value:
        return Media.NONE
    repeated = b"," in value and sum(name == "content-type" for name, _ in headers) > 1
    kind = None if repeated or len(value) > MAX_LENGTH else _kind(value)
    if kind is None:
        raise Unreadable(Uninspectable.HEADERS)
    return kind


@lru_cache(maxsize=256)
def _kind(value: bytes) -> Media | None:
    """Return None for a malformed value. JSON with another charset than UTF-8 is OTHER (RFC 8259 section 8.1)."""
    parsed = MEDIA_TYPE.fullmatch(value.decode("latin-1"))
    if not parsed:
        return None
    named, kind = charsets(parsed[2]), parsed[1].lower()
    if len(named) > 1:
        return None
    framed = kind.startswith("application/grpc")  # application/grpc+json is messages with a prefix each
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    return Media.JSON if is_json and not framed and set(named) <= UTF8 else Media.OTHER


def streamed(headers: Headers) -> bool:
    """True if a response comes piece by piece: server-sent events, or a document on each line."""
    return essence(headers.get("content-type")) in {EVENT_STREAM, *LINES}


def streamed_text(headers: Headers, whole: int) -> bool:
    """True if a response is text of unknown length, or longer than ``whole`` bytes.

    A short one is better masked whole: if it cannot be masked, the caller gets an error, not a broken response.
    """
    content_type, length = headers.get("content-type"), headers.get("content-length")
    kind = essence(content_type)
    if not kind.startswith("text/") or kind == "text/json" or kind.endswith("+json"):
        return False
    plain = headers.get("content-encoding").lower() in ("", "identity") and set(charsets(content_type)) <= UTF8
    return plain and not (length.isascii() and length.isdigit() and int(length[:LENGTH_DIGITS]) <= whole)


def is_event_stream(headers: Headers) -> bool:
    """True if a response is a stream of server-sent events."""
    return essence(headers.get("content-type")) == EVENT_STREAM
