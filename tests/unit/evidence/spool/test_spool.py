"""The spool: durable on return, gapless, and honest about failures."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from extproc.evidence.spool.entry_codec import decode_entry, leaf_hash
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.evidence.spool.watermark import write_mark
from extproc.model.entries import EntryKind
from extproc.model.errors import EvidenceError

QUICK = SpoolLimits(maintain_every_s=0.01)


async def eventually(condition, seconds=30.0):
    """Wait for something that a thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.005)


async def fill(spool, make, **changes):
    """Record until one is refused; returns how many were stored."""
    for number in range(1_000):
        try:
            await spool.record(make(number, **changes))
        except EvidenceError as error:
            return number, str(error)
    raise AssertionError("nothing was refused")


@pytest.fixture
def open_spool(tmp_path):
    """Opens spools and closes them at the end."""
    opened = []

    def opener(limits=QUICK, **options):
        opened.append(Spool(tmp_path, "w0", limits, **options))
        return opened[-1]

    yield opener
    for spool in opened:
        spool.close()


async def test_a_recorded_entry_can_be_read_from_outside(open_spool, tmp_path, rows, entry):
    """Sequence from 1, the document as given, the leaf's hash."""
    spool = open_spool()
    await spool.record(entry(1))
    await spool.record(entry(2))
    stored = rows(tmp_path)
    assert [seq for seq, _, _ in stored] == [1, 2]
    assert [decode_entry(document) for _, document, _ in stored] == [entry(1), entry(2)]
    assert all(leaf_hash(document) == leaf for _, document, leaf in stored)


async def test_many_waiting_entries_share_commits(open_spool, tmp_path, rows, entry):
    """Five hundred callers cost far fewer than five hundred commits, and keep their order."""
    spool = open_spool()
    await asyncio.gather(*(spool.record(entry(i)) for i in range(500)))
    assert [decode_entry(document).call_id for _, document, _ in rows(tmp_path)] == [
        f"call-{i}" for i in range(500)
    ]
    assert spool.stats.commits < 50


async def test_the_sequence_and_the_writer_go_on_after_a_restart(open_spool, tmp_path, rows, entry):
    first = open_spool()
    await first.record(entry(1))
    first.close()
    second = open_spool()
    await second.record(entry(2))
    assert second.writer == first.writer
    assert [seq for seq, _, _ in rows(tmp_path)] == [1, 2]


async def test_a_new_file_is_a_new_writer(tmp_path):
    one, two = Spool(tmp_path / "a", "w0"), Spool(tmp_path / "b", "w0")
    assert one.writer != two.writer
    assert one.writer.startswith("w0-")
    one.close()
    two.close()


async def test_a_second_process_is_refused(open_spool, tmp_path):
    """Two writers would use the same numbers twice."""
    open_spool()
    with pytest.raises(EvidenceError):
        Spool(tmp_path, "w0")


async def test_an_entry_changed_after_recording_is_stored_as_it_was(open_spool, tmp_path, rows, entry):
    spool = open_spool()
    one = entry(1)
    spool.record_relaxed(one)
    one.call_id = "changed"
    spool.close()
    assert decode_entry(rows(tmp_path)[0][1]).call_id == "call-1"


async def test_a_failed_commit_refuses_its_entries_and_uses_no_number(open_spool, tmp_path, rows, entry, faults):
    spool = open_spool(connect=faults.connect)
    await spool.record(entry(1))
    faults.commit_fails = 1
    faults.open_fails = 10_000
    with pytest.raises(EvidenceError):
        await spool.record(entry(2))
    assert not spool.healthy
    faults.open_fails = 0
    await spool.record(entry(3))
    assert spool.healthy
    assert [(seq, decode_entry(doc).call_id) for seq, doc, _ in rows(tmp_path)] == [(1, "call-1"), (2, "call-3")]


async def test_a_commit_that_failed_but_happened_keeps_its_number(open_spool, tmp_path, rows, entry, faults):
    """Its caller is refused; the entry stands in the log once, and the next takes the next number."""
    spool = open_spool(connect=faults.connect)
    faults.commit_happens_but_fails = 1
    with pytest.raises(EvidenceError):
        await spool.record(entry(1))
    await spool.record(entry(2))
    assert [(seq, decode_entry(doc).call_id) for seq, doc, _ in rows(tmp_path)] == [(1, "call-1"), (2, "call-2")]


async def test_every_entry_of_a_failed_batch_is_refused(open_spool, tmp_path, rows, entry, faults):
    spool = open_spool(connect=faults.connect)
    faults.gate.clear()
    first = asyncio.create_task(spool.record(entry(0)))
    await eventually(faults.begins.is_set)
    faults.begin_fails = 2
    others = [asyncio.create_task(spool.record(entry(i))) for i in range(1, 20)]
    await asyncio.sleep(0)  # they are queued
    faults.gate.set()
    done = await asyncio.gather(first, *others, return_exceptions=True)
    refused = [one for one in done if isinstance(one, EvidenceError)]
    assert len(refused) >= 19
    assert len(rows(tmp_path)) == 20 - len(refused)


@pytest.mark.parametrize("switch", ["commit_fails", "commit_happens_but_fails", "begin_fails"])
async def test_a_relaxed_entry_outlives_a_failed_write_exactly_once(tmp_path, rows, entry, faults, switch):
    spool = Spool(tmp_path, "w0", QUICK, connect=faults.connect)
    await spool.record(entry(0))
    setattr(faults, switch, 2)
    for number in range(1, 6):
        spool.record_relaxed(entry(number))
    await eventually(lambda: spool.stats.failures > 0)
    await eventually(lambda: spool.healthy)
    spool.close()
    assert [decode_entry(doc).call_id for _, doc, _ in rows(tmp_path)] == [f"call-{i}" for i in range(6)]
    assert spool.stats.lost == 0


async def test_the_relaxed_window_is_a_limit(open_spool, tmp_path, entry, faults):
    spool = open_spool(SpoolLimits(relaxed_window=3, maintain_every_s=0.01), connect=faults.connect)
    faults.gate.clear()
    for number in range(3):
        spool.record_relaxed(entry(number))
    with pytest.raises(EvidenceError, match="window"):
        spool.record_relaxed(entry(3))
    faults.gate.set()
    await spool.record(entry(4))
    spool.record_relaxed(entry(5))


async def test_relaxed_entries_that_cannot_be_stored_at_the_end_are_counted(open_spool, entry, faults):
    spool = open_spool(connect=faults.connect)
    faults.begin_fails = faults.open_fails = 10_000
    spool.record_relaxed(entry(1))
    spool.record_relaxed(entry(2))
    spool.close()
    assert spool.stats.lost == 2
    assert not spool.healthy


async def test_closing_stores_what_is_queued_and_refuses_the_rest(open_spool, tmp_path, rows, entry):
    spool = open_spool()
    for number in range(700):
        spool.record_relaxed(entry(number))
    spool.close()
    spool.close()
    assert len(rows(tmp_path)) == 700
    with pytest.raises(EvidenceError):
        await spool.record(entry(1))
    with pytest.raises(EvidenceError):
        spool.record_relaxed(entry(1))


async def test_a_full_disk_refuses_and_heals(open_spool, tmp_path, rows, entry, faults):
    """SQLite's own page limit stands for the disk's."""
    faults.pages = 20
    spool = open_spool(connect=faults.connect)
    stored, _ = await fill(spool, entry, arguments="x" * 9_000)
    assert stored == len(rows(tmp_path)) > 0
    faults.pages = 10_000
    await spool.record(entry(stored))
    assert spool.healthy
    assert [seq for seq, _, _ in rows(tmp_path)] == list(range(1, stored + 2))


async def test_a_failed_spool_heals_without_new_entries(open_spool, entry, faults):
    """A worker that is out of rotation gets no calls, and must come back all the same."""
    spool = open_spool(connect=faults.connect)
    faults.begin_fails = 1
    with pytest.raises(EvidenceError):
        await spool.record(entry(1))
    await eventually(lambda: spool.healthy)


async def test_unshipped_bytes_are_limited_and_freed_by_the_mark(open_spool, tmp_path, entry):
    limits = SpoolLimits(max_spool=20_000, maintain_every_s=0.01)
    spool = open_spool(limits)
    _, error = await fill(spool, entry, arguments="x" * 1_000)
    assert "full" in error
    last = spool.stats.last
    await spool.record(entry(100, EntryKind.COMPLETED))  # what was admitted may end
    write_mark(tmp_path / "w0.spool", spool.writer, last)
    await eventually(lambda: spool.stats.unshipped_bytes < 2_000)
    await spool.record(entry(101, arguments="x" * 1_000))


async def test_the_reserve_for_ends_is_limited_too(open_spool, entry):
    spool = open_spool(SpoolLimits(max_spool=8_000, maintain_every_s=0.01))
    _, error = await fill(spool, entry, kind=EntryKind.COMPLETED)
    assert "full" in error
    assert spool.stats.unshipped_bytes <= 9_000


async def test_the_limit_counts_what_an_earlier_process_left(open_spool, entry):
    first = open_spool()
    await first.record(entry(1, arguments="x" * 5_000))
    first.close()
    second = open_spool(SpoolLimits(max_spool=5_000, maintain_every_s=0.01))
    assert not second.healthy
    with pytest.raises(EvidenceError, match="full"):
        await second.record(entry(2))


async def test_shipped_rows_are_deleted_after_their_retention_but_the_newest(open_spool, tmp_path, rows, entry):
    now = entry(0).time_ns + 10**9
    spool = open_spool(SpoolLimits(maintain_every_s=0.01, retention_s=0.5), clock=lambda: now)
    for number in range(5):
        await spool.record(entry(number))
    await spool.record(entry(5, time_ns=now))
    write_mark(tmp_path / "w0.spool", spool.writer, 3)
    await eventually(lambda: [seq for seq, _, _ in rows(tmp_path)] == [4, 5, 6])
    write_mark(tmp_path / "w0.spool", spool.writer, 6)
    await eventually(lambda: [seq for seq, _, _ in rows(tmp_path)] == [6])
    spool.close()
    again = open_spool(SpoolLimits(maintain_every_s=0.01, retention_s=0.5), clock=lambda: now)
    await again.record(entry(6))
    assert [seq for seq, _, _ in rows(tmp_path)] == [6, 7]


async def test_another_writers_mark_deletes_nothing(open_spool, tmp_path, rows, entry):
    spool = open_spool(SpoolLimits(maintain_every_s=0.01, retention_s=0))
    await spool.record(entry(1))
    await spool.record(entry(2))
    write_mark(tmp_path / "w0.spool", "somebody-else", 2)
    await asyncio.sleep(0.1)
    assert len(rows(tmp_path)) == 2


async def test_a_cancelled_caller_leaves_the_others_alone(open_spool, tmp_path, rows, entry, faults):
    spool = open_spool(connect=faults.connect)
    faults.gate.clear()
    gone, stays = asyncio.create_task(spool.record(entry(1))), asyncio.create_task(spool.record(entry(2)))
    await asyncio.sleep(0)
    gone.cancel()
    faults.gate.set()
    await stays
    assert len(rows(tmp_path)) == 2


async def test_a_database_that_vanished_is_not_begun_anew(open_spool, tmp_path, entry, faults):
    """Numbers that were given away must not be given again."""
    spool = open_spool(connect=faults.connect)
    await spool.record(entry(1))
    for name in ("w0.spool", "w0.spool-wal", "w0.spool-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    faults.begin_fails = 1
    with pytest.raises(EvidenceError):
        await spool.record(entry(2))
    with pytest.raises(EvidenceError):
        await spool.record(entry(3))
    assert not spool.healthy


async def test_what_is_no_spool_is_refused(tmp_path):
    (tmp_path / "w0.spool").write_bytes(b"not a database at all, but long enough to look at" * 20)
    with pytest.raises(EvidenceError):
        Spool(tmp_path, "w0")


async def test_errors_hold_no_value_and_no_path(open_spool, entry, faults):
    spool = open_spool(connect=faults.connect)
    faults.commit_fails = 1
    with pytest.raises(EvidenceError) as caught:
        await spool.record(entry(1, arguments="123-45-6789"))
    assert "6789" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_thread_that_dies_leaves_nobody_waiting(open_spool, entry, faults):
    """Refused at once, and for good."""
    spool = open_spool(connect=faults.connect)
    faults.begin_kills = 1
    queued = asyncio.create_task(spool.record(entry(1)))
    with pytest.raises(EvidenceError):
        await asyncio.wait_for(queued, 30)
    with pytest.raises(EvidenceError):
        await spool.record(entry(2))
    assert not spool.healthy


WRITER = """
import asyncio, sys
from pathlib import Path
from extproc.evidence.spool.spool import Spool
from extproc.model.entries import Entry, EntryKind

async def one(spool, lane):
    number = 0
    while True:
        name = f"{lane}-{number}"
        await spool.record(Entry(EntryKind.DECIDED, name, 1))
        sys.stdout.write(name + "\\n")
        number += 1

async def main():
    spool = Spool(Path(sys.argv[1]), "w0")
    sys.stdout.reconfigure(line_buffering=True)
    await asyncio.gather(*(one(spool, lane) for lane in range(20)))

asyncio.run(main())
"""


def test_every_acknowledged_entry_is_there_after_a_kill(tmp_path, rows):
    """Killed in full flight; what was acknowledged stands, without gaps, and the next process goes on."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    acknowledged = [child.stdout.readline().strip() for _ in range(400)]
    os.kill(child.pid, signal.SIGKILL)
    acknowledged += child.stdout.read().splitlines()[:-1]
    child.wait()
    spool = Spool(tmp_path, "w0")
    stored = rows(tmp_path)
    assert set(acknowledged) <= {decode_entry(document).call_id for _, document, _ in stored}
    assert [seq for seq, _, _ in stored] == list(range(1, len(stored) + 1))
    spool.close()


FULL = """
import asyncio, resource, sys
from pathlib import Path
from extproc.evidence.spool.spool import Spool
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import EvidenceError

async def main():
    spool = Spool(Path(sys.argv[1]), "w0")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    stored = 0
    try:
        while stored < 1_000:
            await spool.record(Entry(EntryKind.DECIDED, str(stored), 1, arguments="x" * 2_000))
            stored += 1
    except EvidenceError:
        print("refused", spool.healthy)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await spool.record(Entry(EntryKind.DECIDED, str(stored), 1))
    print(stored + 1, spool.healthy)
    spool.close()

asyncio.run(main())
"""


def test_a_file_that_cannot_grow_refuses_and_heals(tmp_path, rows):
    """The kernel itself refuses the write."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "refused False"
    stored = rows(tmp_path)
    assert second == f"{len(stored)} True"
    assert [seq for seq, _, _ in stored] == list(range(1, len(stored) + 1))


async def test_a_reader_in_another_connection_stops_no_write(open_spool, tmp_path, entry):
    spool = open_spool()
    await spool.record(entry(1))
    reader = sqlite3.connect(f"file:{tmp_path / 'w0.spool'}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entries").fetchone()
    for number in range(2, 50):
        await spool.record(entry(number))
    reader.close()
    assert spool.stats.last == 49


async def test_an_end_goes_with_the_next_entry_that_somebody_waits_for(open_spool, tmp_path, rows, entry):
    spool = open_spool(SpoolLimits(linger_s=60))
    spool.record_end(entry(1, kind=EntryKind.COMPLETED), never)
    await spool.record(entry(2))
    assert [decode_entry(document).call_id for _, document, _ in rows(tmp_path)] == ["call-1", "call-2"]
    assert spool.stats.commits == 1


async def test_an_end_is_stored_while_the_loop_is_held_up(open_spool, tmp_path, rows, entry):
    """By an evaluation or a masking that takes long: whatever it ends in, the ends of other calls are kept."""
    spool = open_spool()
    spool.record_end(entry(1, kind=EntryKind.COMPLETED), never)
    held_until = time.monotonic() + 30
    while not rows(tmp_path):
        assert time.monotonic() < held_until, "it was not stored"
        time.sleep(0.01)  # the loop has to stand still


async def test_an_end_without_company_goes_by_itself(open_spool, tmp_path, rows, entry):
    spool = open_spool()
    spool.record_end(entry(1, kind=EntryKind.COMPLETED), never)
    await eventually(lambda: spool.stats.last == 1)
    assert decode_entry(rows(tmp_path)[0][1]) == entry(1, kind=EntryKind.COMPLETED)


async def test_an_end_that_waits_is_stored_when_the_spool_closes(open_spool, tmp_path, rows, entry):
    spool = open_spool(SpoolLimits(linger_s=60))
    spool.record_end(entry(1, kind=EntryKind.COMPLETED), never)
    spool.close()
    assert len(rows(tmp_path)) == 1
    with pytest.raises(EvidenceError):
        spool.record_end(entry(2, kind=EntryKind.COMPLETED), never)


@pytest.mark.parametrize("switch", ["commit_fails", "commit_happens_but_fails", "begin_fails"])
async def test_an_end_outlives_a_failed_write_exactly_once(tmp_path, rows, entry, faults, switch):
    spool = Spool(tmp_path, "w0", QUICK, connect=faults.connect)
    setattr(faults, switch, 1)
    spool.record_end(entry(1, kind=EntryKind.COMPLETED), never)
    await eventually(lambda: spool.stats.failures > 0)
    await eventually(lambda: spool.healthy)
    await spool.record(entry(2))
    spool.close()
    assert [decode_entry(document).call_id for _, document, _ in rows(tmp_path)] == ["call-1", "call-2"]


async def test_ends_take_nothing_from_the_window_and_give_it_nothing(open_spool, entry, faults):
    """However many calls have ended, no more relaxed entries are in flight than were allowed."""
    spool = open_spool(SpoolLimits(relaxed_window=2, linger_s=0), connect=faults.connect)
    for number in range(5):
        spool.record_end(entry(number, kind=EntryKind.COMPLETED), never)
    await eventually(lambda: spool.stats.last == 5)
    faults.gate.clear()
    spool.record_relaxed(entry(6))
    spool.record_relaxed(entry(7))
    with pytest.raises(EvidenceError, match="window"):
        spool.record_relaxed(entry(8))
    faults.gate.set()


async def test_an_end_that_was_not_stored_before_the_spool_closed_is_told_of(open_spool, entry, faults):
    spool = open_spool(connect=faults.connect)
    lost = []
    faults.begin_fails = faults.open_fails = 10_000
    spool.record_end(entry(1, kind=EntryKind.COMPLETED), lambda: lost.append("call-1"))
    await eventually(lambda: spool.stats.failures > 0)
    spool.close()
    await eventually(lambda: lost)
    assert lost == ["call-1"]
    assert spool.stats.lost == 1


def never():
    raise AssertionError("the entry was lost")
