"""Decodes a body's content-encoding, within limits (RFC 9110 section 8.4)."""

import sys
import zlib
from collections.abc import Callable

import brotli

from extproc.codecs.unreadable import Unreadable
from extproc.model.odd_bodies import Odd
from extproc.model.reasons import Uninspectable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP_WINDOW = 16 + zlib.MAX_WBITS
ZSTD_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MB, the largest window that may be accepted (RFC 9659 section 3)."""


def decode(body: bytes, encoding_header: str, *, limit: int, ratio: int) -> bytes:
    """Decode one coding.

    Args:
        body: the whole body as received.
        encoding_header: the value of ``content-encoding``; empty if absent.
        limit: maximum bytes of the result.
        ratio: maximum size of the result, as a multiple of the body's.

    Returns:
        The decoded bytes. An empty body is empty in every known coding.

    Raises:
        Unreadable: ``content-encoding`` for an unknown or a second coding, damaged data, or bytes after the end;
            ``truncated``; ``too-large``.
    """
    coding = encoding_header.strip(" \t").lower()
    if coding in ("", "identity"):
        return _within(body, limit)
    decoder = CODINGS.get(coding)
    if decoder is None:
        odd = Odd.SEVERAL_CODINGS if "," in coding else Odd.UNKNOWN_CODING
        raise Unreadable(Uninspectable.CONTENT_ENCODING, odd)
    if not body:
        return b""  # no coding writes nothing, but many servers name one for an empty body
    limit = min(limit, ratio * len(body))
    try:
        decoded, ended, rest = decoder(body, limit + 1)
    except (zlib.error, brotli.error, zstd.ZstdError):
        raise Unreadable(Uninspectable.CONTENT_ENCODING, Odd.DAMAGED_CODING) from None
    if len(decoded) > limit:
        raise Unreadable(Uninspectable.TOO_LARGE)
    if not ended:
        raise Unreadable(Uninspectable.TRUNCATED)
    if rest:
        raise Unreadable(Uninspectable.CONTENT_ENCODING, Odd.DAMAGED_CODING)
    return decoded


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise Unreadable(Uninspectable.TOO_LARGE)
    return body


Decoded = tuple[bytes, bool, bytes]
"""The decoded bytes, True if the data ended, and the bytes after the end. Hardly more than the limit is decoded,
so that a decompression bomb does no harm."""


def _gzip(body: bytes, limit: int) -> Decoded:
    return _inflate(body, limit, GZIP_WINDOW)


def _deflate(body: bytes, limit: int) -> Decoded:
    """The zlib format (RFC 9110 section 8.4.1.2), not a raw one."""
    return _inflate(body, limit, zlib.MAX_WBITS)


def _inflate(body: bytes, limit: int, window: int) -> Decoded:
    stream = zlib.decompressobj(window)
    return stream.decompress(body, limit), stream.eof, stream.unused_data


def _brotli(body: bytes, limit: int) -> Decoded:
    """RFC 7932. The decoder fails if anything follows the end; its smallest buffer is 32 kB."""
    stream = brotli.Decompressor()
    decoded = stream.process(body, output_buffer_limit=limit) if body else b""
    while len(decoded) < limit and not stream.can_accept_more_data():
        decoded += stream.process(b"", output_buffer_limit=limit - len(decoded))
    return decoded, stream.is_finished(), b""


def _zstd(body: bytes, limit: int) -> Decoded:
    """RFC 8878, one frame, without a dictionary."""
    stream = zstd.ZstdDecompressor(options=ZSTD_WINDOW)
    return stream.decompress(body, limit), stream.eof, stream.unused_data


CODINGS: dict[str, Callable[[bytes, int], Decoded]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
