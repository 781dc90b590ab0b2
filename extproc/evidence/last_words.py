"""What a worker says before it does what it may not survive: the system keeps it when the process is gone.

A page of a shared mapping costs no system call to write, and outlives the process without a sync. When the machine
stops, what stands in it may be old: whoever tells it looks first whether the end was recorded.
"""

import contextlib
import fcntl
import mmap
import os
import sqlite3
import struct
import uuid
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from extproc.evidence.documents import decode_entry
from extproc.evidence.ledger import SUFFIX as SPOOL_SUFFIX
from extproc.evidence.ledger import describe
from extproc.evidence.rows import SpoolReader
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError

SUFFIX = ".words"
"""Of a file of last words: ``<worker>.<random><SUFFIX>``, beside the spools. Its process holds its lock."""
SIZE = 16 << 10
"""Bytes of the file, allocated when it is made: a full disk must not end the process that writes to it."""
HEAD = struct.Struct("<II")
"""Length and CRC-32 of what follows, behind a byte that tells whether anything is said."""
START = 4 + HEAD.size
MOST_WORDS, LONGEST_WORD = 24, 80
"""What is kept of words that are too long for the file: so many, and characters of each (at most 7 bytes each)."""


class LastWords:
    """This process's file of last words. Used by one thread."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Make it, and hold its lock until ``close``, or the process's end.

        Raises:
            EvidenceError: there is no room for it, or the folder is not writable.
        """
        self._path = folder / f"{worker}.{uuid.uuid4().hex}{SUFFIX}"
        made = self._path.with_suffix(".making")  # under its own name only once it is locked
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _allocate(self._handle)
            self._map = mmap.mmap(self._handle, SIZE)
            made.rename(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                made.unlink()
            raise EvidenceError(f"there is no room for last words: {describe(error)}") from error

    def say(self, words: Sequence[str]) -> None:
        """Say this, if the process ends before ``unsay``. Never raises."""
        try:
            text = orjson.dumps(words)
        except TypeError:  # a lone surrogate
            text = _shortened(words)
        if len(text) > SIZE - START:
            text = _shortened(words)
        self._map[START : START + len(text)] = text
        HEAD.pack_into(self._map, 4, len(text), zlib.crc32(text))
        self._map[0] = 1  # last: a process that ends above has said nothing

    def unsay(self) -> None:
        """It was survived."""
        self._map[0] = 0

    def close(self) -> None:
        """Take the file away: nothing was left unsaid."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._map.close()
        os.close(self._handle)


class Left:
    """Words of a process that is gone. Locked: nobody else tells them. ``forget`` or ``leave`` them in the end."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path, self._handle = path, handle
        raw = os.pread(handle, SIZE, 0)
        self.said = bool(raw) and raw[0] != 0
        self.words = _read(raw)
        """None: nothing was said, or it cannot be read."""
        self.worker = path.name.split(".")[0]

    def forget(self) -> None:
        """They are told: the file goes."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self.leave()

    def leave(self) -> None:
        """Somebody else may try."""
        os.close(self._handle)


def left_behind(folder: Path) -> Iterator[Left]:
    """The files of processes that are gone, whatever is in them."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # another has told it
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = os.fstat(handle).st_nlink > 0
        except OSError:
            gone = False
        if gone:
            yield Left(path, handle)
        else:
            os.close(handle)


def end_is_recorded(folder: Path, *, call_id: str, request_id: str, since_ns: int) -> bool:
    """Whether some spool has the entry that ends a call.

    A spool that cannot be read has none: a call that ends twice is better than one that does not.

    Args:
        folder: the spools'.
        call_id: the guard's id.
        request_id: Envoy's; entries may bear it in place of the guard's.
        since_ns: when the call began: no earlier entry is of it.
    """
    return any(
        entry.kind.terminal and entry.call_id in (call_id, request_id)
        for entry in _mentions(folder, orjson.dumps(request_id or call_id)[1:-1].decode(), since_ns)
    )


def _mentions(folder: Path, text: str, since_ns: int) -> Iterator[Entry]:
    for path in sorted(folder.glob(f"*{SPOOL_SUFFIX}")):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(SpoolReader(path)) as reader:
            for document in reader.mentioning(text, since_ns):
                with contextlib.suppress(ValueError):
                    yield decode_entry(document)


def _allocate(handle: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, SIZE)
    else:
        os.pwrite(handle, bytes(SIZE), 0)


def _shortened(words: Sequence[str]) -> bytes:
    return orjson.dumps(
        [word[:LONGEST_WORD].encode("utf-8", "backslashreplace").decode() for word in words[:MOST_WORDS]]
    )


def _read(raw: bytes) -> tuple[str, ...] | None:
    """What was said; None where it is torn or none of ours."""
    if len(raw) < START or raw[0] != 1:
        return None
    length, checksum = HEAD.unpack_from(raw, 4)
    text = raw[START : START + length]
    if len(text) != length or zlib.crc32(text) != checksum:
        return None
    try:
        words = orjson.loads(text)
    except ValueError:
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    return tuple(words)
