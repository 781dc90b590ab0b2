"""A crash record outlives its process, is recovered once, and never stops another process from working."""

import os
import signal
import subprocess
import sys

import pytest

from extproc.evidence.spool.crash_file import SIZE, CrashFile, CrashRecord, orphans, recorded_ends
from extproc.evidence.spool.entry_codec import encode_entry
from extproc.evidence.spool.spool import Spool
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import EvidenceError

RECORD = CrashRecord(Entry(EntryKind.DENIED, "call-1", 0, subject="ünï\u2028", groups=("a", "b")), 1_700)

CRASHES = """
import os, signal, sys
from pathlib import Path
from extproc.evidence.spool.crash_file import CrashFile, CrashRecord
from extproc.evidence.spool.entry_codec import decode_entry
file = CrashFile(Path(sys.argv[1]), "worker-0")
file.begin(CrashRecord(decode_entry(sys.stdin.buffer.read()), 1_700))
{then}
os.kill(os.getpid(), signal.SIGKILL)
"""


def crash(folder, *, then="pass"):
    """Another process writes ``RECORD``, and is killed."""
    code, document = CRASHES.format(then=then), encode_entry(RECORD.entry)
    ended = subprocess.run([sys.executable, "-c", code, str(folder)], input=document, check=False, timeout=20)
    assert ended.returncode == -signal.SIGKILL


def recovered(folder):
    """What the next worker reads."""
    [orphan] = orphans(folder)
    orphan.release()
    return orphan


def test_a_record_outlives_its_process_and_is_recovered_once(tmp_path):
    crash(tmp_path)
    [orphan] = orphans(tmp_path)
    assert (orphan.began, orphan.record, orphan.worker) == (True, RECORD, "worker-0")
    assert list(orphans(tmp_path)) == []  # locked: no other process recovers it besides
    orphan.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_was_released_is_there_for_the_next(tmp_path):
    crash(tmp_path)
    assert recovered(tmp_path).record == RECORD
    assert recovered(tmp_path).record == RECORD


def test_a_record_that_was_cleared_is_not_recovered(tmp_path):
    crash(tmp_path, then="file.clear()")
    assert not recovered(tmp_path).began


def test_a_process_that_lives_is_left_alone_and_leaves_nothing(tmp_path):
    file = CrashFile(tmp_path, "worker-1")
    file.begin(RECORD)
    assert list(orphans(tmp_path)) == []
    file.clear()
    file.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:40],
        lambda raw: raw[:14] + b"X" + raw[15:],
        lambda raw: raw[:4] + b"\xff\xff\xff\xff" + raw[8:],
        lambda raw: b"\x07" + raw[1:],
        lambda _: b"\x01",
        lambda _: os.urandom(SIZE),
    ],
    ids=["cut", "changed", "length", "flag", "one byte", "noise"],
)
def test_a_torn_file_is_known_as_one(tmp_path, change):
    crash(tmp_path)
    [file] = tmp_path.iterdir()
    raw = change(file.read_bytes())
    file.write_bytes(raw if raw[0] else b"\x01" + raw[1:])
    orphan = recovered(tmp_path)
    assert (orphan.began, orphan.record) == (True, None)


@pytest.mark.parametrize("text", ["\udc80" * 5000, "x" * 20_000, "\x01" * 20_000, "é" * 9000])
def test_a_record_that_is_too_long_is_cut_and_still_recovered(tmp_path, text):
    texts = dict.fromkeys(("function", "method", "session", "issuer", "subject", "actor", "source"), text)
    texts |= dict.fromkeys(("connection", "protocol", "policy_revision", "request_id", "worker"), text)
    entry = Entry(EntryKind.FAILED, "call-1", 0, groups=("sales", *[text] * 200), **texts)
    file = CrashFile(tmp_path, "w")
    file.begin(CrashRecord(entry, 1_700))
    [path] = tmp_path.iterdir()
    raw = path.read_bytes()
    file.close()
    path.write_bytes(raw)
    orphan = recovered(tmp_path)
    assert (orphan.record.entry.kind, orphan.record.entry.call_id) == (EntryKind.FAILED, "call-1")
    assert orphan.record.started_ns == 1_700
    assert orphan.record.entry.groups[0] == "sales"
    assert orphan.record.entry.subject[:2] in (text[:2], "\\u")


def test_a_full_disk_is_found_at_the_start_and_not_by_a_write(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EvidenceError, match="No space left"):
        CrashFile(tmp_path, "w")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_allocated_and_its_owners_alone(tmp_path):
    own = CrashFile(tmp_path, "w")
    [file] = tmp_path.iterdir()
    status = file.stat()
    assert status.st_size == SIZE
    assert status.st_blocks * 512 >= SIZE
    assert status.st_mode & 0o777 == 0o600
    own.close()


@pytest.mark.parametrize(
    ("kind", "changes", "found"),
    [
        (EntryKind.DENIED, {}, True),
        (EntryKind.COMPLETED, {"request_id": 'odd"id'}, True),
        (EntryKind.DECIDED, {}, False),
        (EntryKind.REPORTED, {}, False),
        (EntryKind.DENIED, {"time_ns": 5}, False),
        (EntryKind.DENIED, {"request_id": "another"}, False),
    ],
)
async def test_an_end_is_looked_for_in_every_spool(tmp_path, entry, kind, changes, found):
    (tmp_path / "junk.spool").write_bytes(b"no database")
    spool = Spool(tmp_path, "w1")
    made = entry(1, kind, **{"request_id": "rid", **changes})
    await spool.record(made)
    wanted = 'odd"id' if "odd" in made.request_id else "rid"
    ends = recorded_ends(tmp_path, call_id="call-1", request_id=wanted, since_ns=10)
    assert ends == ((made,) if found else ())
    spool.close()
