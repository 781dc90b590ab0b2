"""The search for canaries finds every planted spelling."""

import base64
import gzip
import json
import sqlite3
import struct
import urllib.parse
import zlib

import lz4.block
import pytest

from extproc.demo.canaries import Canary, Search, zstd

SECRET = 'k"ey/+ value_0123456789'
CARD = "4111 1111 1111 1111"


def lz4_block(content):
    """A block as in ClickHouse's files, behind its checksum."""
    packed = lz4.block.compress(content, store_size=False)
    return b"\x82" + struct.pack("<II", len(packed) + 9, len(content)) + packed


PLANTED = {
    "raw": SECRET.encode(),
    "json": json.dumps({"a": json.dumps({"b": SECRET})}).encode(),
    "hex": SECRET.encode().hex().encode(),
    "HEX": SECRET.encode().hex().upper().encode(),
    "url": urllib.parse.quote(SECRET, safe="").encode(),
    "form": urllib.parse.urlencode({"a": SECRET}).encode(),
    "utf-16": SECRET.encode("utf-16"),
    "reversed": SECRET[::-1].encode(),
    "gzip": b"head" + gzip.compress(SECRET.encode() * 20) + b"tail",
    "zlib": b"head" + zlib.compress(SECRET.encode()) + b"tail",
    "utf-16-be": SECRET.encode("utf-16-be"),
    "all percent": "".join(f"%{byte:02x}" for byte in SECRET.encode()).encode(),
    "all escaped": "".join(f"\\u{ord(char):04x}" for char in SECRET).encode(),
    "all references": "".join(f"&#{ord(char)};" for char in SECRET).encode(),
    "zstd": b"head" + zstd.compress(SECRET.encode() * 20) + b"tail",
    "ClickHouse's LZ4": b"checksum" * 2 + lz4_block(SECRET.encode() * 20) + b"tail",
    "base64+0": base64.b64encode(b"xyz" + SECRET.encode() + b"tail"),
    "base64+1": base64.b64encode(b"x" + SECRET.encode() + b"tail"),
    "base64+2": base64.b64encode(b"xy" + SECRET.encode() + b"tail"),
    "base64url": base64.urlsafe_b64encode(b"\xff\xfe" + SECRET.encode()),
}


@pytest.mark.parametrize("how", PLANTED)
def test_a_planted_canary_is_found_however_it_is_spelled(tmp_path, how):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/store.bin").write_bytes(b"\x00before" + PLANTED[how] + b"after\x00")
    search = Search([Canary("key", SECRET)])
    search.folder(tmp_path)
    assert {hit.canary for hit in search.done.hits} == {"key"}


def test_a_canary_of_bytes_is_found_raw_and_as_text():
    key = bytes(range(200, 232))
    for planted in (key, key.hex().encode(), base64.b64encode(b"x" + key)):
        search = Search([Canary("key", key)])
        search.text(b"before" + planted + b"after", "file")
        assert search.done.hits


@pytest.mark.parametrize("spelled", [CARD, "4111111111111111", "4111-1111-1111-1111".replace("-", "")])
def test_a_card_is_found_with_and_without_spaces(spelled):
    search = Search([Canary("card", CARD)])
    search.text(f"paid with {spelled}.".encode(), "log")
    assert search.done.hits


def test_a_value_split_over_database_pages_is_found(tmp_path):
    with sqlite3.connect(tmp_path / "spool.db") as database:
        database.execute("CREATE TABLE entries (body TEXT)")
        for before in range(3_900, 4_110):
            database.execute("INSERT INTO entries VALUES (?)", ("." * before + SECRET + "." * 5_000,))
    database.close()
    search = Search([Canary("key", SECRET)])
    search.folder(tmp_path)
    assert any("its rows" in hit.place for hit in search.done.hits)


def test_hits_never_show_the_value():
    search = Search([Canary("key", SECRET)])
    search.text(SECRET.encode(), "log")
    assert SECRET not in repr(search.done)
    assert SECRET not in repr(Canary("key", SECRET))


def test_what_is_not_there_is_not_found(tmp_path):
    (tmp_path / "log").write_bytes(b"nothing of note \x78\x9c \x1f\x8b\x08 here")
    search = Search([Canary("key", SECRET), Canary("card", CARD)])
    search.folder(tmp_path)
    assert not search.done.hits
    assert search.done.places == 1
