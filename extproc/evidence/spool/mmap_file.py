"""Memory-mapped files whose content outlives the process without a sync or a system call for each write.

The content does not outlive the machine: afterwards it may be old, so its reader must check what happened since.
The process that made a file holds its lock, which the kernel releases when the process ends.
"""

import contextlib
import mmap
import os
import struct
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

from extproc.concurrency.locked_file import open_locked
from extproc.evidence.spool.spool_file import describe
from extproc.model.errors import EvidenceError

HEADER = struct.Struct("<II")
"""Length and CRC-32 of a record. Four bytes precede them; the first of these is 1 if there is a record, else 0."""
HEADER_SIZE = 4 + HEADER.size
"""Bytes before a record's own."""


def write_record(memory: mmap.mmap, at: int, record: bytes) -> None:
    """Write a record with its header. Costs about a microsecond per kilobyte."""
    memory[at + HEADER_SIZE : at + HEADER_SIZE + len(record)] = record
    HEADER.pack_into(memory, at + 4, len(record), zlib.crc32(record))
    memory[at] = 1  # last: a process that ends before this line has written nothing


def read_record(raw: bytes) -> bytes | None:
    """Return the record behind a header, whatever the first byte is; None if it is torn."""
    if len(raw) < HEADER_SIZE:
        return None
    length, checksum = HEADER.unpack_from(raw, 4)
    record = raw[HEADER_SIZE : HEADER_SIZE + length]
    return record if len(record) == length and zlib.crc32(record) == checksum else None


class MappedFile:
    """A file of this process: ``<worker>.<random><suffix>``."""

    def __init__(self, folder: Path, worker: str, suffix: str, size: int) -> None:
        """Create the file, all zero, and hold its lock until ``close`` or the end of the process.

        All of it is allocated: otherwise a full disk would end the process at a write (``SIGBUS``).

        Raises:
            EvidenceError: the disk is full, or the folder is not writable.
        """
        self._path = folder / f"{worker}.{uuid.uuid4().hex}{suffix}"
        draft = self._path.with_suffix(".making")  # renamed once it is locked, so that no other process takes it
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = open_locked(draft, os.O_CREAT | os.O_EXCL)
            _allocate(self._descriptor, size)
            self.memory = mmap.mmap(self._descriptor, size)
            draft.rename(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise EvidenceError(f"there is no room for {suffix[1:]}: {describe(error)}") from error

    def close(self, *, keep: bool = False) -> None:
        """Close the file and release its lock.

        Args:
            keep: leave the file for the next worker; otherwise it is deleted.
        """
        if not keep:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self.memory.close()
        os.close(self._descriptor)


class OrphanFile:
    """A file of a process that is gone, locked by this one. Call ``discard`` or ``release`` in the end."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        self.raw = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        self.worker = path.name.split(".")[0]

    def discard(self) -> None:
        """Delete the file: all of it is recorded."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self.release()

    def release(self) -> None:
        """Release the lock, so that another process may read the file."""
        os.close(self._descriptor)


def orphan_files(folder: Path, suffix: str) -> Iterator[OrphanFile]:
    """Lock and read the files of processes that are gone, whatever is in them."""
    for path in sorted(folder.glob(f"*{suffix}")):
        try:
            descriptor = open_locked(path)
        except OSError:  # its process lives, or another has recorded and deleted it
            continue
        if os.fstat(descriptor).st_nlink:
            yield OrphanFile(path, descriptor)
        else:  # deleted between our open and our lock
            os.close(descriptor)


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.pwrite(descriptor, bytes(size), 0)
