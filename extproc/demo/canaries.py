"""Look for values that must not be stored, in every spelling that a store could have given them.

Not found is only worth something if the search can find: ``search`` is also asked for a value that is known to
be stored, and the unit tests plant each spelling.
"""

import base64
import gzip
import json
import re
import sqlite3
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
"""How gzip members (RFC 1952) and zlib streams (RFC 1950) begin."""
SQLITE = b"SQLite format 3\x00"
LARGEST = 64 << 20
"""Bytes taken from one compressed stream."""
SEPARATORS = re.compile(r"[ -]")


@dataclass(frozen=True)
class Canary:
    """A value that must be found nowhere."""

    name: str
    value: str = field(repr=False)


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


def spellings(value: str) -> Iterator[tuple[str, bytes]]:
    """Each way to write a value, as name and bytes.

    Numbers with separators (cards, social security numbers) count without them too.
    """
    plain = SEPARATORS.sub("", value)
    for form in {value, plain} if plain.isdigit() else {value}:
        raw = form.encode()
        yield "raw", raw
        yield "json", json.dumps(json.dumps(form)[1:-1])[1:-1].encode()
        yield "utf-16", form.encode("utf-16-le")
        yield "hex", raw.hex().encode()
        yield "hex", raw.hex().upper().encode()
        yield "url", urllib.parse.quote(form, safe="").encode()
        yield "url", urllib.parse.quote_plus(form).encode()
        yield "reversed", raw[::-1]
        for shift in range(3):
            yield "base64", _base64_inside(raw, shift)
            yield "base64", _base64_inside(raw, shift).translate(bytes.maketrans(b"+/", b"-_"))


def _base64_inside(raw: bytes, shift: int) -> bytes:
    """The part of ``raw``'s base64 that is the same whatever stands around it, ``shift`` bytes into a group."""
    padded = bytes(shift) + raw
    whole = base64.b64encode(padded[: len(padded) // 3 * 3])
    return whole[4:] if shift else whole


class Search:
    """Looks for canaries in text, files and folders."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._wanted = {
            spelled: (canary.name, how) for canary in canaries for how, spelled in spellings(canary.value)
        }
        self.done = Searched()

    def text(self, content: bytes, place: str) -> None:
        """Search one piece of text, and what is compressed inside it."""
        self.done.places += 1
        for piece, where in _unpacked(content, place):
            self.done.size += len(piece)
            self.done.hits |= {Hit(*named, where) for spelled, named in self._wanted.items() if spelled in piece}

    def folder(self, folder: Path) -> None:
        """Search every file below a folder; a database cell by cell too, since a page break can split a value."""
        for file in sorted(folder.rglob("*")):
            if not file.is_file():
                continue
            name = str(file.relative_to(folder.parent))
            content = file.read_bytes()
            self.text(content, name)
            if content.startswith(SQLITE):
                self.text(b"\n".join(_cells(file)), f"{name} (its rows)")


def _unpacked(content: bytes, place: str) -> Iterator[tuple[bytes, str]]:
    """The content, and each compressed stream inside it."""
    yield content, place
    for start in COMPRESSED.finditer(content):
        inside = _inflate(content[start.start() :])
        if inside:
            yield inside, f"{place} (unpacked)"


def _inflate(stream: bytes) -> bytes:
    """As much as can be unpacked; empty where it only looked compressed."""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(stream, LARGEST)
    except (zlib.error, gzip.BadGzipFile):
        return b""


def _cells(file: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            quoted = table.replace('"', '""')
            for row in database.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - a quoted identifier
                for cell in row:
                    yield cell if isinstance(cell, bytes) else str(cell).encode()
