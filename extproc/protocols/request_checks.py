"""Checks of requests that all protocols share. Without them a backend could read another request than we do."""

import re

from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Headers
from extproc.model.reasons import Uninspectable

OVERRIDES = (
    *("x-http-method-override", "x-method-override", "x-http-method", "x-original-method"),
    *("x-original-url", "x-original-uri", "x-rewrite-url", "x-override-url", "x-http-path-override"),
)
"""Header fields that make some frameworks take another method or path than the request line's."""
SESSION = re.compile(r"[\x21-\x7e]{1,1024}")
"""Visible ASCII, as MCP asks of its session ids."""
MAX_DIGITS = 16
"""Digits of a content-length; a longer one is malformed here."""


def check_readable(headers: Headers, body: bytes, unreadable: Uninspectable | None) -> None:
    """Refuse a body that was not decoded, and header fields that could make a backend read another request.

    Raises:
        Unreadable: as ``unreadable`` says, a method or path override, or a length that is not the body's.
    """
    if unreadable is not None:
        raise Unreadable(unreadable)
    if any(name in headers for name in OVERRIDES):
        raise Unreadable(Uninspectable.HEADER_BODY_MISMATCH)
    length = headers.get("content-length")
    if not length:
        return
    if not (length.isascii() and length.isdigit() and len(length) < MAX_DIGITS):
        raise Unreadable(Uninspectable.HEADERS)
    encoded = headers.get("content-encoding").strip().lower() not in {"", "identity"}
    if not encoded and int(length) != len(body):
        raise Unreadable(Uninspectable.TRUNCATED)


def read_session(headers: Headers, name: str) -> str:
    """Return the session's id from its header field; empty when absent.

    Raises:
        Unreadable: given twice, too long, or not visible ASCII.
    """
    value = headers.get(name)
    if not value:
        return ""
    if not SESSION.fullmatch(value) or sum(field == name for field, _ in headers) > 1:
        raise Unreadable(Uninspectable.HEADERS)
    return value
