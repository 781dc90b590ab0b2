"""Content-encodings are undone within limits, or refused by name."""

import gzip
import sys
import tracemalloc
import zlib

import brotli
import pytest

from extproc.codecs.content_encoding import decode
from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b'{"a": "some text that repeats, some text that repeats"}'


def undo(body, coding, limit=1_000, ratio=20):
    return decode(body, coding, limit=limit, ratio=ratio)


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_identity_is_left_alone(coding):
    assert undo(TEXT, coding) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", " gzip\t"])
def test_gzip(coding):
    assert undo(gzip.compress(TEXT), coding) == TEXT


def test_deflate_is_zlib():
    assert undo(zlib.compress(TEXT), "deflate") == TEXT


@pytest.mark.parametrize(
    ("coding", "pack"), [("br", brotli.compress), ("BR", brotli.compress), ("zstd", zstd.compress)]
)
def test_brotli_and_zstd(coding, pack):
    assert undo(pack(TEXT), coding) == TEXT
    assert undo(pack(b""), coding) == b""
    assert undo(b"", coding) == b""
    long = bytes(range(256)) * 4_000
    assert undo(pack(long), coding, limit=len(long), ratio=10_000) == long


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = gzip.compress(TEXT)
BROTLI, ZSTD = brotli.compress(TEXT), zstd.compress(TEXT)
FAR = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
REFUSED = [
    (BROTLI + b"x", "br", Uninspectable.CONTENT_ENCODING),
    (BROTLI[:-1], "br", Uninspectable.TRUNCATED),
    (brotli.compress(b"x" * 1_001), "br", Uninspectable.TOO_LARGE),
    (ZSTD + b"x", "zstd", Uninspectable.CONTENT_ENCODING),
    (ZSTD + ZSTD, "zstd", Uninspectable.CONTENT_ENCODING),
    (ZSTD[:-1], "zstd", Uninspectable.TRUNCATED),
    (zstd.compress(b"x" * 1_001), "zstd", Uninspectable.TOO_LARGE),
    (BROTLI, "gzip, br", Uninspectable.CONTENT_ENCODING),
    (TEXT, "br", Uninspectable.CONTENT_ENCODING),
    (TEXT, "zstd", Uninspectable.CONTENT_ENCODING),
    (TEXT, "compress", Uninspectable.CONTENT_ENCODING),
    (TEXT, "nonsense", Uninspectable.CONTENT_ENCODING),
    (gzip.compress(PACKED), "gzip, gzip", Uninspectable.CONTENT_ENCODING),
    (PACKED, "identity, gzip", Uninspectable.CONTENT_ENCODING),
    (PACKED, "gzip,", Uninspectable.CONTENT_ENCODING),
    (TEXT, "gzip", Uninspectable.CONTENT_ENCODING),
    (PACKED, "deflate", Uninspectable.CONTENT_ENCODING),
    (raw_deflate(TEXT), "deflate", Uninspectable.CONTENT_ENCODING),
    (PACKED + b"x", "gzip", Uninspectable.CONTENT_ENCODING),
    (PACKED + PACKED, "gzip", Uninspectable.CONTENT_ENCODING),
    (PACKED[:-9] + bytes([PACKED[-9] ^ 1]) + PACKED[-8:], "gzip", Uninspectable.CONTENT_ENCODING),
    (PACKED[:-5] + bytes([PACKED[-5] ^ 1]) + PACKED[-4:], "gzip", Uninspectable.CONTENT_ENCODING),
    (PACKED[:-1], "gzip", Uninspectable.TRUNCATED),
    (PACKED[:5], "gzip", Uninspectable.TRUNCATED),
    (b"x" * 1_001, "", Uninspectable.TOO_LARGE),
    (gzip.compress(b"x" * 1_001), "gzip", Uninspectable.TOO_LARGE),
]


@pytest.mark.parametrize(("body", "coding", "kind"), REFUSED)
def test_refuses_by_name(body, coding, kind):
    with pytest.raises(Unreadable) as caught:
        undo(body, coding)
    assert caught.value.kind is kind


def test_limits_hold_to_the_byte():
    packed = gzip.compress(b"x" * 1_000)
    assert len(undo(packed, "gzip", limit=1_000, ratio=1_000)) == 1_000
    with pytest.raises(Unreadable):
        undo(packed, "gzip", limit=999, ratio=1_000)
    assert len(undo(b"x" * 1_000, "")) == 1_000


def test_a_window_that_wants_more_memory_than_is_allowed_is_refused():
    far = zstd.ZstdCompressor(options=FAR)
    packed = far.compress(TEXT) + far.flush()
    with pytest.raises(Unreadable) as caught:
        undo(packed, "zstd")
    assert caught.value.kind is Uninspectable.CONTENT_ENCODING


@pytest.mark.slow
@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstd.compress)]
)
def test_a_bomb_never_unfolds(coding, pack):
    packed = pack(bytes(50_000_000))
    tracemalloc.start()
    with pytest.raises(Unreadable) as caught:
        undo(packed, coding, limit=1_000_000, ratio=1_000_000)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert caught.value.kind is Uninspectable.TOO_LARGE


def test_a_bomb_is_stopped_by_its_ratio():
    packed = gzip.compress(bytes(100_000))
    with pytest.raises(Unreadable) as caught:
        undo(packed, "gzip", limit=1_000_000, ratio=20)
    assert caught.value.kind is Uninspectable.TOO_LARGE
