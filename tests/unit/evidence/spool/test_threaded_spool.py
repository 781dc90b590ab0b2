"""A spool for threads: durable on return, and honest about failures."""

import threading

import pytest

from extproc.evidence.spool.entry_codec import decode_entry
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.evidence.spool.threaded_spool import ThreadedSpool
from extproc.model.entries import EntryKind
from extproc.model.errors import EvidenceError

QUICK = SpoolLimits(maintain_every_s=0.01)


@pytest.fixture
def open_spool(tmp_path):
    opened = []

    def opener(limits=QUICK, wait_s=30.0, **options):
        made = ThreadedSpool(lambda: Spool(tmp_path, "control", limits, journal=True, **options), wait_s=wait_s)
        opened.append(made)
        return made

    yield opener
    for spool in opened:
        spool.close()


def test_entries_of_many_threads_are_durable_on_return(open_spool, tmp_path, rows, entry):
    spool = open_spool()
    seen = []

    def work(number):
        spool.record(entry(number, EntryKind.APPROVAL_VOTED))
        stored = [decode_entry(document).call_id for _, document, _ in rows(tmp_path, "control")]
        seen.append(f"call-{number}" in stored)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 20
    assert spool.healthy


def test_a_queued_entry_is_stored_by_the_end(open_spool, tmp_path, rows, entry):
    spool = open_spool()
    spool.record_soon(entry(1, EntryKind.APPROVAL_LOOKED))
    spool.close()
    assert [decode_entry(document).kind for _, document, _ in rows(tmp_path, "control")] == ["approval.looked"]


def test_a_full_disk_refuses_the_entry(open_spool, faults, entry):
    spool = open_spool(connect=faults.connect)
    spool.record(entry(1))
    faults.commit_fails = 1
    with pytest.raises(EvidenceError):
        spool.record(entry(2))
    spool.record(entry(3))


def test_a_full_spool_refuses_the_entry(open_spool, entry):
    spool = open_spool(SpoolLimits(max_spool=3_000))
    spool.record(entry(1, EntryKind.APPROVAL_VOTED, arguments="x" * 2_000))
    with pytest.raises(EvidenceError, match="full"):
        spool.record(entry(2, EntryKind.APPROVAL_VOTED))
    with pytest.raises(EvidenceError, match="full"):
        spool.record_soon(entry(11, EntryKind.APPROVAL_LOOKED))


def test_a_disk_that_does_not_answer_is_not_waited_for(open_spool, faults, entry):
    spool = open_spool(connect=faults.connect, wait_s=0.05)
    faults.gate.clear()
    with pytest.raises(EvidenceError, match="in time"):
        spool.record(entry(1))
    faults.gate.set()


def test_a_closed_spool_refuses(open_spool, entry):
    spool = open_spool()
    spool.close()
    spool.close()
    for record in (spool.record, spool.record_soon):
        with pytest.raises(EvidenceError, match="closed"):
            record(entry(1))


def test_the_file_has_one_owner(open_spool, tmp_path):
    open_spool()
    with pytest.raises(EvidenceError):
        ThreadedSpool(lambda: Spool(tmp_path, "control"))
