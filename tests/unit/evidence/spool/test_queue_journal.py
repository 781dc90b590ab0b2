"""What was queued and not stored when a worker was killed is stored by the next, once."""

import os
import signal
import struct
import subprocess
import sys
import zlib

import pytest

from extproc.evidence.spool import queue_journal
from extproc.evidence.spool.entry_codec import decode_entry, encode_entry
from extproc.evidence.spool.queue_journal import SLOT_SIZE, SLOTS, QueueJournal, recover_queue_journals
from extproc.evidence.spool.spool import Spool
from extproc.model.entries import EntryKind
from extproc.model.errors import EvidenceError

pytestmark = pytest.mark.slow

KILLED = """
import asyncio, os, signal, sqlite3, sys, time
from pathlib import Path
from extproc.evidence.spool.entry_codec import decode_entry
from extproc.evidence.spool.spool import Spool
from extproc.evidence.spool.spool_file import connect

class Hangs(sqlite3.Connection):
    def execute(self, sql, *args):
        if sql == "BEGIN IMMEDIATE" and "{hangs}" == "before the commit":
            time.sleep(60)
        cursor = super().execute(sql, *args)
        if sql == "COMMIT" and "{hangs}" == "after the commit":
            time.sleep(60)
        return cursor

def hanging(path):
    connect(path).close()
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Hangs)

def stored():
    with sqlite3.connect(Path(sys.argv[1]) / "worker-0.spool") as db:
        return db.execute("SELECT count(*) FROM entries").fetchone()[0]

async def main():
    spool = Spool(Path(sys.argv[1]), "worker-0", connect=hanging, journal=True)
    for line in sys.stdin.buffer.read().splitlines():
        spool.{how}
    {after}
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
ENDS, RELAXED = "record_end(decode_entry(line), lambda: None)", "record_relaxed(decode_entry(line))"


def killed(folder, entries, *, how=ENDS, hangs="before the commit", after="pass"):
    """A worker that queues these, and is killed; by default before it commits anything."""
    code = KILLED.format(how=how, hangs=hangs, after=after)
    text = b"\n".join(map(encode_entry, entries))
    ended = subprocess.run([sys.executable, "-c", code, str(folder)], input=text, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL


@pytest.fixture
def recovered(rows):
    """The next worker starts, and ends in peace: what it recovered, and what the spools have then."""

    async def run(folder, worker="worker-0"):
        spool = Spool(folder, worker, journal=True)
        found = await recover_queue_journals(folder, spool)
        spool.close()
        stored = [decode_entry(row[1]) for name in {worker, "worker-0"} for row in rows(folder, name)]
        assert not list(folder.glob("*.pending"))
        return found, stored

    return run


@pytest.mark.parametrize("how", [ENDS, RELAXED])
@pytest.mark.parametrize("worker", ["worker-0", "worker-7"])
async def test_what_was_queued_is_stored_by_the_next(tmp_path, entry, recovered, how, worker):
    """Whichever it is: the number of workers may have been lowered."""
    made = [entry(n, EntryKind.COMPLETED) for n in range(5)]
    killed(tmp_path, made, how=how)
    [found], stored = await recovered(tmp_path, worker)
    assert (found.worker, found.stored, found.unreadable) == ("worker-0", 5, 0)
    assert stored == made
    assert (await recovered(tmp_path, worker)) == ([], made)


async def test_what_was_stored_is_not_stored_again(tmp_path, entry, recovered):
    """The kill came after the commit, before its entries left the journal."""
    made = [entry(n, EntryKind.COMPLETED) for n in range(5)]
    killed(tmp_path, made, hangs="after the commit", after="while stored() < 5: time.sleep(0.01)")
    found, stored = await recovered(tmp_path)
    assert found == []
    assert stored == made


async def test_a_recovery_that_was_cut_off_goes_on(tmp_path, entry, recovered):
    made = [entry(n, EntryKind.COMPLETED) for n in range(3)]
    killed(tmp_path, made)
    spool = Spool(tmp_path, "worker-1")
    await spool.record(made[0])
    spool.close()
    [found], stored = await recovered(tmp_path)
    assert found.stored == 2
    assert stored == made[1:]


def journalled_before(folder, entry):
    """A journal as a version without sides wrote it."""
    document = encode_entry(entry).replace(b',"side":"request"', b"")
    head = b"\x01\0\0\0" + struct.pack("<II", len(document), zlib.crc32(document))
    (folder / "worker-0.1.pending").write_bytes((head + document).ljust(SLOT_SIZE, b"\0"))


async def test_a_recovery_of_an_older_journal_that_was_cut_off_goes_on(tmp_path, entry, recovered):
    """The entry that is stored has other bytes than the journal's."""
    one = entry(1, EntryKind.COMPLETED)
    journalled_before(tmp_path, one)
    assert len((await recovered(tmp_path))[1]) == 1
    journalled_before(tmp_path, one)
    found, stored = await recovered(tmp_path)
    assert (found, len(stored)) == ([], 1)


async def test_a_spool_that_takes_nothing_leaves_it_for_later(tmp_path, entry, recovered):
    made = [entry(1, EntryKind.COMPLETED)]
    killed(tmp_path, made)

    class Full:
        async def record(self, _entry):
            raise EvidenceError("full")

    assert await recover_queue_journals(tmp_path, Full()) == []
    [found], stored = await recovered(tmp_path)
    assert (found.stored, stored) == (1, made)


@pytest.mark.parametrize(
    "change", [lambda raw: raw[:40], lambda raw: raw[:13] + b"?" + raw[14:], lambda _: b"\x01" * 9]
)
async def test_a_torn_entry_is_counted_and_stops_nobody(tmp_path, entry, recovered, change):
    killed(tmp_path, [entry(1, EntryKind.COMPLETED)])
    [file] = tmp_path.glob("*.pending")
    raw = file.read_bytes()
    at = next(at for at in range(0, len(raw), SLOT_SIZE) if raw[at])
    file.write_bytes(change(raw[at : at + SLOT_SIZE]))
    [found], stored = await recovered(tmp_path)
    assert (found.stored, found.unreadable, stored) == (0, 1, [])


async def test_a_spool_that_ends_in_peace_leaves_nothing(tmp_path, entry):
    spool = Spool(tmp_path, "w", journal=True)
    for n in range(3 * SLOTS):
        spool.record_end(entry(n, EntryKind.COMPLETED), lambda: None)
    await spool.record(entry(1000))
    [file] = tmp_path.glob("*.pending")
    assert sum(file.read_bytes()[::SLOT_SIZE]) <= 1
    spool.close()
    assert not list(tmp_path.glob("*.pending"))


async def test_what_a_broken_disk_did_not_take_is_stored_by_the_next(tmp_path, entry, faults, recovered):
    spool = Spool(tmp_path, "worker-0", connect=faults.connect, journal=True)
    faults.begin_fails = faults.open_fails = 10**6
    lost = []
    spool.record_end(entry(1, EntryKind.COMPLETED), lambda: lost.append(1))
    spool.close()
    [found], stored = await recovered(tmp_path)
    assert found.stored == 1
    assert stored == [entry(1, EntryKind.COMPLETED)]


def test_what_does_not_fit_is_queued_all_the_same(tmp_path):
    own = QueueJournal(tmp_path, "w")
    assert own.add(b"x" * SLOT_SIZE) is None
    kept = [own.add(b"x") for _ in range(SLOTS + 1)]
    assert kept[-1] is None
    assert len(set(kept)) == SLOTS + 1
    own.remove(kept[0])
    assert own.add(b"y") == kept[0]
    own.close()
    assert len(list(tmp_path.glob("*.pending"))) == 1


def test_a_full_disk_refuses_the_start(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    for _ in range(2):  # the spool's own lock is let go
        with pytest.raises(EvidenceError, match="no room for pending: No space left"):
            Spool(tmp_path, "w", journal=True)
    assert not list(tmp_path.glob("*.making"))
    assert queue_journal.SUFFIX == ".pending"
