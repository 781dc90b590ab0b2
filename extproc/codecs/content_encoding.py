"""Undo a body's content-encoding, within limits (RFC 9110 section 8.4)."""

import sys
import zlib
from collections.abc import Callable

import brotli

from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP_WINDOW = 16 + zlib.MAX_WBITS
ZSTD_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MB: more is not to be accepted (RFC 9659 section 3)."""


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
    undo = CODINGS.get(coding)
    if undo is None:
        raise Unreadable(Uninspectable.CONTENT_ENCODING)
    limit = min(limit, ratio * len(body))
    try:
        decoded, ended, behind = undo(body, limit + 1)
    except (zlib.error, brotli.error, zstd.ZstdError):
        raise Unreadable(Uninspectable.CONTENT_ENCODING) from None
    if len(decoded) > limit:
        raise Unreadable(Uninspectable.TOO_LARGE)
    if not ended:
        raise Unreadable(Uninspectable.TRUNCATED)
    if behind:
        raise Unreadable(Uninspectable.CONTENT_ENCODING)
    return decoded


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise Unreadable(Uninspectable.TOO_LARGE)
    return body


Undone = tuple[bytes, bool, bytes]
"""What was decoded, whether it ended there, and what follows the end. A bomb never unfolds: little more is decoded
than asked for."""


def _gzip(body: bytes, limit: int) -> Undone:
    return _inflate(body, limit, GZIP_WINDOW)


def _deflate(body: bytes, limit: int) -> Undone:
    """The zlib format (RFC 9110 section 8.4.1.2), not a raw one."""
    return _inflate(body, limit, zlib.MAX_WBITS)


def _inflate(body: bytes, limit: int, window: int) -> Undone:
    stream = zlib.decompressobj(window)
    return stream.decompress(body, limit), stream.eof, stream.unused_data


def _brotli(body: bytes, limit: int) -> Undone:
    """RFC 7932. Its decoder fails where something follows the end, and its smallest buffer is 32 kB."""
    stream = brotli.Decompressor()
    decoded = stream.process(body, output_buffer_limit=limit) if body else b""
    while len(decoded) < limit and not stream.can_accept_more_data():
        decoded += stream.process(b"", output_buffer_limit=limit - len(decoded))
    return decoded, stream.is_finished(), b""


def _zstd(body: bytes, limit: int) -> Undone:
    """RFC 8878, one frame, without a dictionary."""
    stream = zstd.ZstdDecompressor(options=ZSTD_WINDOW)
    return stream.decompress(body, limit), stream.eof, stream.unused_data


CODINGS: dict[str, Callable[[bytes, int], Undone]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
