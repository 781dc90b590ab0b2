"""Look for values that must not be stored, in every spelling that a store could have given them.

Not found is only worth something if the search can find: ``search`` is also asked for a value that is known to
be stored, and the unit tests plant each spelling.
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
"""How gzip members (RFC 1952), zlib streams (RFC 1950), Zstandard frames (RFC 8878) and ClickHouse's blocks
begin. The last: a byte for the method, LZ4 here, then the sizes packed (with these nine bytes) and unpacked, 32
bits each, little-endian; below 16 MiB."""
BLOCK_HEAD = 9
SQLITE = b"SQLite format 3\x00"
LARGEST = 64 << 20
"""Bytes taken from one compressed stream."""
SEPARATORS = re.compile(r"[ -]")


@dataclass(frozen=True)
class Canary:
    """A value that must be found nowhere."""

    name: str
    value: str | bytes = field(repr=False)


@dataclass(frozen=True, order=True)
class Hit:
    """A canary was found. Says where and how it was spelled, never the value."""

    canary: str
    spelling: str
    place: str


@dataclass
class Searched:
    """What a search looked at, and what it found."""

    places: int = 0
    size: int = 0
    """Bytes, unpacked ones included."""
    hits: set[Hit] = field(default_factory=set)


def spellings(value: str | bytes) -> Iterator[tuple[str, bytes]]:
    """Each way to write a value, as name and bytes.

    Numbers with separators (cards, social security numbers) count without them too.
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
    """The part of ``raw``'s base64 that is the same whatever stands around it, ``shift`` bytes into a group."""
    padded = bytes(shift) + raw
    whole = base64.b64encode(padded[: len(padded) // 3 * 3])
    return whole[4:] if shift else whole


class Search:
    """Looks for canaries in text, files and folders: for all spellings of all of them in one pass."""

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
        """Search one piece of text, and what is compressed inside it."""
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
        """Search every file below a folder; a database cell by cell too, since a page break can split a value."""
        for file in sorted(folder.rglob("*")):
            if not file.is_file():
                continue
            name = str(file.relative_to(folder.parent))
            try:
                content = file.read_bytes()
            except FileNotFoundError:  # what runs may remove its files
                continue
            self.text(content, name)
            if content.startswith(SQLITE):
                self.text(b"\n".join(_cells(file)), f"{name} (its rows)")


def _unpacked(content: bytes, place: str) -> Iterator[tuple[bytes, str]]:
    """The content, and each compressed stream inside it."""
    yield content, place
    view = memoryview(content)
    for start in COMPRESSED.finditer(content):
        inside = _inflate(view[start.start() :], str(start.lastgroup))
        if inside:
            yield inside, f"{place} (unpacked)"


def _inflate(stream: memoryview, how: str) -> bytes:
    """As much as can be unpacked; empty where it only looked compressed."""
    try:
        if how == "zlib":
            return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(stream, LARGEST)
        if how == "zstd":
            return zstd.ZstdDecompressor().decompress(stream, LARGEST)
        return _block(stream)
    except (zlib.error, zstd.ZstdError):
        return b""


def _block(stream: memoryview) -> bytes:
    """One block of ClickHouse's files; empty where nothing can unpack it."""
    try:
        import lz4.block  # noqa: PLC0415 - newer Pythons' drivers of ClickHouse do without
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
