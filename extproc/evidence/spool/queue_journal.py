"""A write-ahead journal of the entries that are queued and not stored yet, so that a killed worker loses none.

Ends of calls share a commit (``docs/adr/0007``), and a worker may be killed before it: by the memory killer, or
because of an evaluation that never ends, which holds up the writer thread as well. The next worker stores the
entries.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from extproc.evidence.recorder import Recorder
from extproc.evidence.spool.entry_codec import decode_entry, encode_entry, leaf_hash
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
from extproc.model.errors import EvidenceError

SUFFIX = ".pending"
SLOTS, SLOT_SIZE = 64, 64 << 10
"""Number of slots, and bytes of each, header included. An entry that does not fit is not journalled."""
SEARCHED_ROWS = 20_000
"""Newest rows of each spool in which a journalled entry is looked for. It was queued shortly before the kill."""


class QueueJournal:
    """This process's journal. One thread adds entries, another removes them."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Create and allocate the file.

        Raises:
            EvidenceError: the disk is full, or the folder is not writable.
        """
        self._file = MappedFile(folder, worker, SUFFIX, SLOTS * SLOT_SIZE)
        self._free = list(range(SLOTS))  # a stack: the slot freed last is used next, so that few pages are touched

    def add(self, document: bytes) -> int | None:
        """Write an entry's document. Costs about a microsecond per kilobyte.

        Returns:
            Its slot; None if no slot is free, or the document is too long for one.
        """
        if len(document) > SLOT_SIZE - HEADER_SIZE or not self._free:
            return None
        slot = self._free.pop()
        write_record(self._file.memory, slot * SLOT_SIZE, document)
        return slot

    def remove(self, slot: int) -> None:
        """Free a slot: its entry is in the spool, or was never queued."""
        self._file.memory[slot * SLOT_SIZE] = 0
        self._free.append(slot)

    def close(self) -> None:
        """Delete the file, unless it holds an entry that could not be stored: the next worker tries again."""
        self._file.close(keep=len(self._free) < SLOTS)


@dataclass(frozen=True, slots=True)
class RecoveredJournal:
    """The outcome of one journal's recovery."""

    worker: str
    stored: int
    """Entries that were not in a spool, and are now."""
    unreadable: int
    """Slots that cannot be read."""


async def recover_queue_journals(folder: Path, recorder: Recorder) -> list[RecoveredJournal]:
    """Store the journalled entries of processes that are gone. Call it before this worker serves. Never raises.

    Each entry is stored once: an entry that any spool already has is skipped.

    Args:
        folder: the spools' folder; the journals are in it, too.
        recorder: takes the entries.
    """
    recovered = []
    for orphan in orphan_files(folder, SUFFIX):
        entries, unreadable = _read(orphan)
        try:
            stored = await _store(entries, folder, recorder)
        except EvidenceError:  # the spool says why, and refuses calls; the next worker that starts tries again
            orphan.release()
            continue
        orphan.discard()
        if stored or unreadable:
            recovered.append(RecoveredJournal(orphan.worker, stored, unreadable))
    return recovered


async def _store(entries: list[tuple[bytes, Entry]], folder: Path, recorder: Recorder) -> int:
    known = _newest_hashes(folder) if entries else frozenset()
    # A recovery that was cut off has stored some entries, encoded by its own version and not by the journal's.
    missing = [entry for leaf, entry in entries if known.isdisjoint((leaf, leaf_hash(encode_entry(entry))))]
    for entry in sorted(missing, key=lambda entry: entry.time_ns):
        await recorder.record(entry)
    return len(missing)


def _read(orphan: OrphanFile) -> tuple[list[tuple[bytes, Entry]], int]:
    """Return the entries with their leaf hashes, and the number of slots that cannot be read."""
    entries, unreadable = [], 0
    for document in _documents(orphan.raw):
        try:
            entries.append((leaf_hash(document), decode_entry(document)))
        except ValueError:
            unreadable += 1
    return entries, unreadable


def _documents(raw: bytes) -> Iterator[bytes]:
    """Yield the documents in the used slots; an empty one for a torn slot."""
    for at in range(0, len(raw), SLOT_SIZE):
        slot = raw[at : at + SLOT_SIZE]
        if slot[0]:
            yield read_record(slot) or b""


def _newest_hashes(folder: Path) -> frozenset[bytes]:
    """Return the leaf hashes of the newest rows of all spools. A spool that cannot be read counts as empty."""
    found: set[bytes] = set()
    for path in folder.glob(f"*{SPOOL_SUFFIX}"):
        with suppress(sqlite3.Error), closing(SpoolReader(path)) as reader:
            found.update(reader.newest_hashes(SEARCHED_ROWS))
    return frozenset(found)
