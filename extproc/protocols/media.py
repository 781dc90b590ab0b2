"""What a message's content-type says, strictly: what two readers could understand differently is refused."""

import re
from enum import Enum
from functools import lru_cache

from extproc.codecs.errors import Unreadable
from extproc.model.call import Headers
from extproc.model.reasons import Uninspectable

TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - RFC 9110 section 5.6.2
MEDIA_TYPE = re.compile(rf"({TOKEN}/{TOKEN})((?:[ \t]*;[ \t]*{TOKEN}=(?:{TOKEN}|\"[^\"\\]*\"))*)[ \t]*")
"""RFC 9110 section 8.3.1, without quoted pairs and empty parameters."""
CHARSET = re.compile(r";[ \t]*charset=\"?([^\";\s]*)")
MAX_LENGTH = 256
"""Bytes of a content-type field; longer ones are malformed here, and so never kept in the cache."""
LENGTH_DIGITS = 20
"""Of a content-length that are read; more are of no body."""
EVENT_STREAM = "text/event-stream"
LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
"""A document on each line."""


class Media(Enum):
    """The kinds of body that are told apart."""

    NONE = "none"
    JSON = "json"
    OTHER = "other"


def media_type(headers: Headers) -> Media:
    """The kind of body that the header fields announce.

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
    """None for a malformed value. JSON is UTF-8 (RFC 8259 section 8.1); announced as anything else, it is not."""
    parsed = MEDIA_TYPE.fullmatch(value.decode("latin-1"))
    if not parsed:
        return None
    charsets = CHARSET.findall(parsed[2].lower())
    if len(charsets) > 1:
        return None
    essence = parsed[1].lower()
    is_json = essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json"))
    return Media.JSON if is_json and set(charsets) <= {"utf-8"} else Media.OTHER


def streamed(headers: Headers) -> bool:
    """Whether a response comes piece by piece: server-sent events, or a document on each line."""
    return is_event_stream(headers) or _essence(headers) in LINES


def streamed_text(headers: Headers, whole: int) -> bool:
    """Whether a response is text that comes piece by piece, or is longer than so many bytes.

    A short one is better masked whole: what cannot be masked is answered then, and not broken off.
    """
    essence, length = _essence(headers), headers.get("content-length")
    if not essence.startswith("text/") or essence == "text/json" or essence.endswith("+json"):
        return False
    charsets = CHARSET.findall(headers.get("content-type").lower())
    plain = headers.get("content-encoding").lower() in ("", "identity") and set(charsets) <= {"utf-8"}
    return plain and not (length.isascii() and length.isdigit() and int(length[:LENGTH_DIGITS]) <= whole)


def is_event_stream(headers: Headers) -> bool:
    """Whether a response is a stream of server-sent events."""
    return _essence(headers) == EVENT_STREAM


def _essence(headers: Headers) -> str:
    return headers.get("content-type").partition(";")[0].strip().lower()
