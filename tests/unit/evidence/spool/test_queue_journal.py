"""What was queued and not stored when a worker was killed is stored by the next, once."""

import os
import signal
import subprocess
import sys

import pytest

from extproc.evidence.spool import queue_journal
from extproc.evidence.spool.entry_codec import decode_entry, encode_entry
from extproc.evidence.spool.queue_journal import SLOT, SLOTS, Pending, recover_pending
from extproc.evidence.spool.spool import Spool
from extproc.model.entries import EntryKind
from extproc.model.errors import EvidenceError

KILLED = """
import asyncio, os, signal, sys, threading
from pathlib import Path
from extproc.evidence.spool.entry_codec import decode_entry
from extproc.evidence.spool.spool import Spool

async def main():
    spool = Spool(Path(sys.argv[1]), "worker-0", survives=True)
    {before}
    for line in sys.stdin.buffer.read().splitlines():
        spool.{how}
    {after}
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
ENDS, RELAXED = "record_end(decode_entry(line), lambda: None)", "record_relaxed(decode_entry(line))"
NEVER_COMMITS = "import time; spool._ledger.append = lambda lines: time.sleep(60)"


def killed(folder, entries, *, how=ENDS, before=NEVER_COMMITS, after="pass"):
    """A worker that queues these, and is killed; by default before it commits anything."""
    code = KILLED.format(how=how, before=before, after=after)
    text = b"\n".join(map(encode_entry, entries))
    ended = subprocess.run([sys.executable, "-c", code, str(folder)], input=text, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL


@pytest.fixture
def recovered(rows):
    """The next worker starts, and ends in peace: what it recovered, and what the spools have then."""

    async def run(folder, worker="worker-0"):
        spool = Spool(folder, worker, survives=True)
        found = await recover_pending(folder, spool)
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
    assert (found.worker, found.entries, found.torn) == ("worker-0", 5, 0)
    assert stored == made
    assert (await recovered(tmp_path, worker)) == ([], made)


async def test_what_was_stored_is_not_stored_again(tmp_path, entry, recovered):
    """The kill came between the commit and its settling."""
    made = [entry(n, EntryKind.COMPLETED) for n in range(5)]
    before = "spool._pending.stored = lambda slot: None"
    killed(tmp_path, made, before=before, after="while spool.stats.last < 5: await asyncio.sleep(0.01)")
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
    assert found.entries == 2
    assert stored == made[1:]


async def test_a_spool_that_takes_nothing_leaves_it_for_later(tmp_path, entry, recovered):
    made = [entry(1, EntryKind.COMPLETED)]
    killed(tmp_path, made)

    class Full:
        async def record(self, _entry):
            raise EvidenceError("full")

    assert await recover_pending(tmp_path, Full()) == []
    [found], stored = await recovered(tmp_path)
    assert (found.entries, stored) == (1, made)


@pytest.mark.parametrize(
    "change", [lambda raw: raw[:40], lambda raw: raw[:13] + b"?" + raw[14:], lambda _: b"\x01" * 9]
)
async def test_a_torn_entry_is_counted_and_stops_nobody(tmp_path, entry, recovered, change):
    killed(tmp_path, [entry(1, EntryKind.COMPLETED)])
    [file] = tmp_path.glob("*.pending")
    raw = file.read_bytes()
    at = next(at for at in range(0, len(raw), SLOT) if raw[at])
    file.write_bytes(change(raw[at : at + SLOT]))
    [found], stored = await recovered(tmp_path)
    assert (found.entries, found.torn, stored) == (0, 1, [])


async def test_a_spool_that_ends_in_peace_leaves_nothing(tmp_path, entry):
    spool = Spool(tmp_path, "w", survives=True)
    for n in range(3 * SLOTS):
        spool.record_end(entry(n, EntryKind.COMPLETED), lambda: None)
    await spool.record(entry(1000))
    assert len(spool._pending._free) >= SLOTS - 1
    spool.close()
    assert not list(tmp_path.glob("*.pending"))


async def test_what_a_broken_disk_did_not_take_is_stored_by_the_next(tmp_path, entry, faults, recovered):
    spool = Spool(tmp_path, "worker-0", connect=faults.connect, survives=True)
    faults.begin_fails = faults.open_fails = 10**6
    lost = []
    spool.record_end(entry(1, EntryKind.COMPLETED), lambda: lost.append(1))
    spool.close()
    [found], stored = await recovered(tmp_path)
    assert found.entries == 1
    assert stored == [entry(1, EntryKind.COMPLETED)]


def test_what_does_not_fit_is_queued_all_the_same(tmp_path):
    own = Pending(tmp_path, "w")
    assert own.keep(b"x" * SLOT) is None
    kept = [own.keep(b"x") for _ in range(SLOTS + 1)]
    assert kept[-1] is None
    assert len(set(kept)) == SLOTS + 1
    own.stored(kept[0])
    assert own.keep(b"y") == kept[0]
    own.close()
    assert len(list(tmp_path.glob("*.pending"))) == 1


def test_a_full_disk_refuses_the_start(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    for _ in range(2):  # the spool's own lock is let go
        with pytest.raises(EvidenceError, match="no room for pending: No space left"):
            Spool(tmp_path, "w", survives=True)
    assert not list(tmp_path.glob("*.making"))
    assert queue_journal.SUFFIX == ".pending"
