"""A search for values that must not be stored, in every spelling that a store could give them.

A result of "not found" only counts if the search can find. So the demo also searches for a value that is stored on
purpose, and the unit tests plant each spelling.
"""

import base64
import json
import re
import sqlite3
import sys
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import hyperscan

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSED = re.compile(
    rb"(?P<zlib>\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda])|(?P<zstd>\x28\xb5\x2f\xfd)|(?P<lz4>\x82(?s:.{3})\x00(?s:.{3})\x00)"
)
"""The first bytes of gzip members (RFC 1952), zlib streams (RFC 1950), Zstandard frames (RFC 8878) and blocks of
ClickHouse. A block begins with a byte for the method (LZ4 here), then its compressed size (with the head of nine
bytes) and its uncompressed size, each 32 bits, little-endian, and below 16 MiB."""
BLOCK_HEAD = 9
"""Bytes of the head of a ClickHouse block."""
SQLITE = b"SQLite format 3\x00"
LARGEST = 64 << 20
"""Bytes read from one compressed stream."""
SEPARATORS = re.compile(r"[ -]")


@dataclass(frozen=True)
class Canary:
    """A value that must not be stored anywhere."""

    name: str
    value: str | bytes = field(repr=False)


@dataclass(frozen=True, order=True)
class Hit:
    """A canary that was found: its place and spelling, never its value."""

    canary: str
    spelling: str
    place: str


@dataclass
class Searched:
    """The extent of a search, and its hits."""

    places: int = 0
    size: int = 0
    """Bytes, with those of decompressed streams."""
    hits: set[Hit] = field(default_factory=set)


def spellings(value: str | bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each spelling of a value, as a name and its bytes.

    Numbers with separators (cards, social security numbers) are also spelled without them.
    """
    if isinstance(value, bytes):
        yield from _of_bytes(value)
        return
    plain = SEPARATORS.sub("", value)
    for form in {value, plain} if plain.isdigit() else {value}:
        yield from _of_bytes(form.encode())
        yield "json", json.dumps(json.dumps(form)[1:-1])[1:-1].encode()
        yield "json", "".join(f"\\u{ord(char):04x}" for char in form).encode()
        yield "json", "".join(f"\\u{ord(char):04X}" for char in form).encode()
        yield "html", "".join(f"&#{ord(char)};" for char in form).encode()
        yield "html", "".join(f"&#x{ord(char):x};" for char in form).encode()
        yield "utf-16", form.encode("utf-16-le")
        yield "utf-16", form.encode("utf-16-be")
        yield "url", urllib.parse.quote(form, safe="").encode()
        yield "url", urllib.parse.quote_plus(form).encode()


def _of_bytes(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw", raw
    yield "reversed", raw[::-1]
    for written in (raw.hex(), raw.hex().upper()):
        yield "hex", written.encode()
        yield "url", "".join(f"%{written[at : at + 2]}" for at in range(0, len(written), 2)).encode()
    for shift in range(3):
        yield "base64", _base64_inside(raw, shift)
        yield "base64", _base64_inside(raw, shift).translate(bytes.maketrans(b"+/", b"-_"))


def _base64_inside(raw: bytes, shift: int) -> bytes:
    """Return the part of ``raw``'s base64 that does not depend on its neighbours, ``shift`` bytes into a group."""
    padded = bytes(shift) + raw
    whole = base64.b64encode(padded[: len(padded) // 3 * 3])
    return whole[4:] if shift else whole


class Search:
    """Searches text, files and folders for all spellings of all canaries in one pass."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        wanted = {spelled: (canary.name, how) for canary in canaries for how, spelled in spellings(canary.value)}
        self._named = list(wanted.values())
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[b"".join(b"\\x%02x" % byte for byte in spelled) for spelled in wanted],
            ids=list(range(len(wanted))),
            flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(wanted),
        )
        self.done = Searched()

    def text(self, content: bytes, place: str) -> None:
        """Search one piece of text, and the compressed streams inside it."""
        self.done.places += 1
        for piece, where in _unpacked(content, place):
            self.done.size += len(piece)
            self.done.hits |= {Hit(*self._named[number], where) for number in self._found(piece)}

    def _found(self, piece: bytes) -> set[int]:
        found: set[int] = set()

        def on_match(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.add(number)

        self._database.scan(piece, match_event_handler=on_match)
        return found

    def folder(self, folder: Path) -> None:
        """Search every file below a folder. Databases also by cell: a page break can split a value."""
        for file in sorted(folder.rglob("*")):
            if not file.is_file():
                continue
            name = str(file.relative_to(folder.parent))
            try:
                content = file.read_bytes()
            except FileNotFoundError:  # running processes may remove their files
                continue
            self.text(content, name)
            if content.startswith(SQLITE):
                self.text(b"\n".join(_cells(file)), f"{name} (its rows)")


def _unpacked(content: bytes, place: str) -> Iterator[tuple[bytes, str]]:
    """Yield the content, and each compressed stream inside it."""
    yield content, place
    view = memoryview(content)
    for start in COMPRESSED.finditer(content):
        inside = _inflate(view[start.start() :], str(start.lastgroup))
        if inside:
            yield inside, f"{place} (unpacked)"


def _inflate(stream: memoryview, how: str) -> bytes:
    """Decompress as much as possible; empty if it only looked compressed."""
    try:
        if how == "zlib":
            return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(stream, LARGEST)
        if how == "zstd":
            return zstd.ZstdDecompressor().decompress(stream, LARGEST)
        return _block(stream)
    except (zlib.error, zstd.ZstdError):
        return b""


def _block(stream: memoryview) -> bytes:
    """Decompress one block of a ClickHouse file; empty if that is not possible."""
    try:
        import lz4.block  # noqa: PLC0415 - the ClickHouse drivers of newer Pythons do not install it
    except ImportError:
        return b""
    packed, size = (int.from_bytes(stream[at : at + 4], "little") for at in (1, 5))
    try:
        unpacked: bytes = lz4.block.decompress(stream[BLOCK_HEAD:packed], uncompressed_size=min(size, LARGEST))
    except (lz4.block.LZ4BlockError, ValueError):
        return b""
    return unpacked


def _cells(file: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            quoted = table.replace('"', '""')
            for row in database.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - a quoted identifier
                for cell in row:
                    yield cell if isinstance(cell, bytes) else str(cell).encode()
