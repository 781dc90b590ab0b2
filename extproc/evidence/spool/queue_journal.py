"""Entries that nobody waits for, from when they are queued until they are stored: kept where a kill leaves them.

The ends of calls share a commit (``docs/adr/0007``), and a worker may be ended before it: by the memory killer, or
by an evaluation that never ends, which holds the writer's thread up as well. The next worker stores what is left.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from extproc.evidence.recorder import Recorder
from extproc.evidence.spool.entry_codec import decode_entry, leaf_hash
from extproc.evidence.spool.mmap_file import START, LeftFile, SharedFile, left_behind, read_record, write_record
from extproc.evidence.spool.spool_file import SUFFIX as SPOOL_SUFFIX
from extproc.evidence.spool.spool_reader import SpoolReader
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError

SUFFIX = ".pending"
SLOTS, SLOT = 64, 64 << 10
"""Entries that may be in it at once, and bytes of each with its head. What does not fit is queued without."""
NEWEST = 20_000
"""Rows of each spool in which an entry is looked for: what was queued last cannot be far back."""


class Pending:
    """This process's entries under way. One thread keeps them, another tells when they are stored."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Make the file.

        Raises:
            EvidenceError: there is no room for it, or the folder is not writable.
        """
        self._file = SharedFile(folder, worker, SUFFIX, SLOTS * SLOT)
        self._map = self._file.memory
        self._free = list(range(SLOTS))  # the last one given back is taken first: few pages are ever touched

    def keep(self, document: bytes) -> int | None:
        """Keep an entry's document. Costs about a microsecond per kilobyte.

        Returns:
            Its slot; None where there is no room for it.
        """
        if len(document) > SLOT - START or not self._free:
            return None
        slot = self._free.pop()
        write_record(self._map, slot * SLOT, document)
        return slot

    def stored(self, slot: int) -> None:
        """It is in the spool, or was never queued."""
        self._map[slot * SLOT] = 0
        self._free.append(slot)

    def close(self) -> None:
        """Take the file away, unless something in it could not be stored: then the next worker tries."""
        self._file.close(keep=len(self._free) < SLOTS)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of the entries that one process left."""

    worker: str
    entries: int
    """That were not stored, and are now."""
    torn: int
    """That cannot be read."""


async def recover_pending(folder: Path, recorder: Recorder) -> list[Recovered]:
    """Store what processes that are gone had queued and not stored. Call it before this one serves. Never raises.

    Each entry is stored once: what a spool has already is left out, whoever stored it.

    Args:
        folder: the spools', where the files are, too.
        recorder: takes the entries.
    """
    found = []
    for left in left_behind(folder, SUFFIX):
        entries, torn = _read(left)
        try:
            stored = await _store(entries, folder, recorder)
        except EvidenceError:  # the spool says why, and refuses calls; the next that starts tries again
            left.leave()
            continue
        left.forget()
        if stored or torn:
            found.append(Recovered(left.worker, stored, torn))
    return found


async def _store(entries: list[tuple[bytes, Entry]], folder: Path, recorder: Recorder) -> int:
    known = _newest_hashes(folder) if entries else frozenset()
    missing = [entry for leaf, entry in entries if leaf not in known]
    for entry in sorted(missing, key=lambda entry: entry.time_ns):
        await recorder.record(entry)
    return len(missing)


def _read(left: LeftFile) -> tuple[list[tuple[bytes, Entry]], int]:
    """The entries with their hashes, and how many slots cannot be read."""
    entries, torn = [], 0
    for document in _documents(left.raw):
        try:
            entries.append((leaf_hash(document), decode_entry(document)))
        except ValueError:
            torn += 1
    return entries, torn


def _documents(raw: bytes) -> Iterator[bytes]:
    """What is in the slots that are taken; nothing for a slot that is torn."""
    for at in range(0, len(raw), SLOT):
        slot = raw[at : at + SLOT]
        if slot[0]:
            yield read_record(slot) or b""


def _newest_hashes(folder: Path) -> frozenset[bytes]:
    """Of the entries stored last in any spool. A spool that cannot be read has none."""
    found: set[bytes] = set()
    for path in folder.glob(f"*{SPOOL_SUFFIX}"):
        with suppress(sqlite3.Error), closing(SpoolReader(path)) as reader:
            found.update(reader.newest_hashes(NEWEST))
    return frozenset(found)
