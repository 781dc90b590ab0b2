"""A crash record, written before an evaluation that may kill the process. The next worker turns it into an entry.

The file is memory-mapped: the kernel keeps what was written when the process is gone, without a system call for
each record. When the machine stops, the file may hold an older record: its reader must check whether that call's
end was recorded (``recorded_ends``).
"""

import contextlib
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import orjson

from extproc.evidence.spool.entry_codec import decode_entry, encode_entry
from extproc.evidence.spool.mmap_file import (
    HEADER_SIZE,
    MappedFile,
    OrphanFile,
    orphan_files,
    read_record,
    write_record,
)
from extproc.evidence.spool.spool_file import SUFFIX as SPOOL_SUFFIX
from extproc.evidence.spool.spool_reader import SpoolReader
from extproc.model.entries import Entry

SUFFIX = ".words"
"""Suffix of a crash file, beside the spools."""
SIZE = 16 << 10
"""Bytes of the file."""
MAX_TEXT, MAX_GROUPS = 80, 9
"""A record that is too long for the file is cut: characters of each text, and number of groups.

At most 7 bytes of JSON stand for one character, so that a cut record always fits.
"""
STARTED = struct.Struct("<Q")
"""When the call began, before the encoded entry."""


@dataclass(frozen=True, slots=True)
class CrashRecord:
    """The entry of a call that is being evaluated, in case that the evaluation kills the process."""

    entry: Entry
    """The entry that ends the call; its time and duration are set by the worker that recovers it."""
    started_ns: int
    """When the call began: wall-clock nanoseconds since the Unix epoch."""


class CrashFile:
    """This process's crash file. Used by one thread."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Create and allocate the file.

        Raises:
            EvidenceError: the disk is full, or the folder is not writable.
        """
        self._file = MappedFile(folder, worker, SUFFIX, SIZE)

    def begin(self, record: CrashRecord) -> None:
        """Write the record that stays in the file if the process ends before ``clear``."""
        encoded = _encode(record)
        if len(encoded) > SIZE - HEADER_SIZE:
            encoded = _encode(replace(record, entry=_cut(record.entry)))
        write_record(self._file.memory, 0, encoded)

    def clear(self) -> None:
        """Withdraw the record: the process survived the evaluation."""
        self._file.memory[0] = 0

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


class Orphan:
    """The crash file of a process that is gone. Call ``discard`` or ``release`` in the end."""

    def __init__(self, file: OrphanFile) -> None:
        self.began = bool(file.raw) and file.raw[0] != 0
        """True if the process ended between ``begin`` and ``clear``."""
        self.record = _read(file.raw)
        """The record; None if there is none, or it cannot be read (a torn file, or another version's format)."""
        self.worker, self.discard, self.release = file.worker, file.discard, file.release


def orphans(folder: Path) -> Iterator[Orphan]:
    """Crash files of processes that are gone, whatever they hold."""
    return map(Orphan, orphan_files(folder, SUFFIX))


def recorded_ends(folder: Path, *, call_id: str, request_id: str, since_ns: int) -> tuple[Entry, ...]:
    """Return the terminal entries in the spools that bear one of two ids.

    They are of this call, or of another call with its request id.

    A spool that cannot be read counts as empty: a call that ends twice is better than a call without an end.

    Args:
        folder: the spools' folder.
        call_id: the guard's id.
        request_id: Envoy's, or the caller's; entries may bear it in place of the guard's.
        since_ns: when the call began; earlier entries belong to other calls.
    """
    text = orjson.dumps(request_id or call_id)[1:-1].decode()
    return tuple(
        entry
        for entry in _mentions(folder, text, since_ns)
        if entry.kind.terminal and entry.call_id in (call_id, request_id)
    )


def _mentions(folder: Path, text: str, since_ns: int) -> Iterator[Entry]:
    for path in sorted(folder.glob(f"*{SPOOL_SUFFIX}")):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(SpoolReader(path)) as reader:
            for document in reader.mentioning(text, since_ns):
                with contextlib.suppress(ValueError):
                    yield decode_entry(document)


def _encode(record: CrashRecord) -> bytes:
    return STARTED.pack(record.started_ns) + encode_entry(record.entry)


def _cut(entry: Entry) -> Entry:
    texts = {one.name: getattr(entry, one.name) for one in fields(entry) if one.type is str}
    groups = tuple(group[:MAX_TEXT] for group in entry.groups[:MAX_GROUPS])
    return replace(entry, groups=groups, **{name: text[:MAX_TEXT] for name, text in texts.items()})


def _read(raw: bytes) -> CrashRecord | None:
    record = read_record(raw)
    if record is None or raw[0] != 1 or len(record) < STARTED.size:
        return None
    try:
        return CrashRecord(decode_entry(record[STARTED.size :]), STARTED.unpack_from(record)[0])
    except ValueError:
        return None
