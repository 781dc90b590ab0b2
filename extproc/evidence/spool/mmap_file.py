"""A file that is this process's memory, too: what is written outlives the process without a sync or a system call.

It does not outlive the machine: after that what it holds may be old, so whoever reads it must ask what happened
since. Its process holds its lock, which the kernel releases when that ends.
"""

import contextlib
import fcntl
import mmap
import os
import struct
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

from extproc.evidence.spool.spool_file import describe
from extproc.model.errors import EvidenceError

HEAD = struct.Struct("<II")
"""Length and CRC-32 of a record, behind a byte that tells whether there is one."""
START = 4 + HEAD.size
"""Bytes before a record's own."""


def write_record(memory: mmap.mmap, at: int, record: bytes) -> None:
    """Write a record with its head. Costs about a microsecond per kilobyte."""
    memory[at + START : at + START + len(record)] = record
    HEAD.pack_into(memory, at + 4, len(record), zlib.crc32(record))
    memory[at] = 1  # last: a process that ends above has written nothing


def read_record(raw: bytes) -> bytes | None:
    """The record behind a head, whatever its first byte says; None where it is torn."""
    if len(raw) < START:
        return None
    length, checksum = HEAD.unpack_from(raw, 4)
    record = raw[START : START + length]
    return record if len(record) == length and zlib.crc32(record) == checksum else None


class SharedFile:
    """This process's own: ``<worker>.<random><suffix>``. Used by whoever made it."""

    def __init__(self, folder: Path, worker: str, suffix: str, size: int) -> None:
        """Make it, all zero, and hold its lock until ``close``, or the process's end.

        All of it is allocated: a full disk must not end the process that writes to it (``SIGBUS``).

        Raises:
            EvidenceError: there is no room for it, or the folder is not writable.
        """
        self._path = folder / f"{worker}.{uuid.uuid4().hex}{suffix}"
        made = self._path.with_suffix(".making")  # under its own name only once it is locked
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _allocate(self._handle, size)
            self.memory = mmap.mmap(self._handle, size)
            made.rename(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                made.unlink()
            raise EvidenceError(f"there is no room for {suffix[1:]}: {describe(error)}") from error

    def close(self, *, keep: bool = False) -> None:
        """Let go of it; take it away, unless it is kept for the next to read."""
        if not keep:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self.memory.close()
        os.close(self._handle)


class LeftFile:
    """A file of a process that is gone. Locked: nobody else reads it. ``forget`` or ``leave`` it in the end."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path, self._handle = path, handle
        self.raw = os.pread(handle, os.fstat(handle).st_size, 0)
        self.worker = path.name.split(".")[0]

    def forget(self) -> None:
        """All of it is told: the file goes."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self.leave()

    def leave(self) -> None:
        """Somebody else may try."""
        os.close(self._handle)


def left_behind(folder: Path, suffix: str) -> Iterator[LeftFile]:
    """The files of processes that are gone, whatever is in them."""
    for path in sorted(folder.glob(f"*{suffix}")):
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
            yield LeftFile(path, handle)
        else:
            os.close(handle)


def _allocate(handle: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.pwrite(handle, bytes(size), 0)
