"""Undo a body's content-encoding, within limits (RFC 9110 section 8.4)."""

import zlib

from extproc.codecs.errors import Unreadable
from extproc.model.reasons import Uninspectable

GZIP_WINDOW = 16 + zlib.MAX_WBITS
WINDOWS = {"gzip": GZIP_WINDOW, "x-gzip": GZIP_WINDOW, "deflate": zlib.MAX_WBITS}
"""zlib's window argument by coding. ``deflate`` is the zlib format (RFC 9110 section 8.4.1.2), not a raw one."""


def decode(body: bytes, encoding_header: str, *, limit: int, ratio: int) -> bytes:
    """Undo one coding.

    Args:
        body: the bytes as received, whole.
        encoding_header: the value of ``content-encoding``; empty when absent.
        limit: bytes the result may have.
        ratio: how many times as long as the body the result may be.

    Returns:
        The decoded bytes.

    Raises:
        Unreadable: ``content-encoding`` for an unknown or a second coding, damaged data or bytes behind the
            end; ``truncated``; ``too-large``.
    """
    coding = encoding_header.strip(" \t").lower()
    if coding in ("", "identity"):
        return _within(body, limit)
    window = WINDOWS.get(coding)
    if window is None:
        raise Unreadable(Uninspectable.CONTENT_ENCODING)
    return _inflate(body, window, min(limit, ratio * len(body)))


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise Unreadable(Uninspectable.TOO_LARGE)
    return body


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    """Inflate one stream, and stop one byte above the limit: a bomb never unfolds."""
    stream = zlib.decompressobj(window)
    try:
        decoded = stream.decompress(body, limit + 1)
    except zlib.error:
        raise Unreadable(Uninspectable.CONTENT_ENCODING) from None
    if len(decoded) > limit:
        raise Unreadable(Uninspectable.TOO_LARGE)
    if not stream.eof:
        raise Unreadable(Uninspectable.TRUNCATED)
    if stream.unused_data:
        raise Unreadable(Uninspectable.CONTENT_ENCODING)
    return decoded
