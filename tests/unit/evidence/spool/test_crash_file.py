"""Last words outlive their process, are told once, and never stop another from working."""

import os
import signal
import subprocess
import sys

import pytest

from extproc.evidence.spool import crash_file
from extproc.evidence.spool.crash_file import SIZE, LastWords, ends_recorded, words_left
from extproc.evidence.spool.spool import Spool
from extproc.model.entries import EntryKind
from extproc.model.errors import EvidenceError

SAYS = ("call-1", "1700", "ünï\u2028", "")


def the_process_ends(folder, *said, unsaid=False):
    """Another process says this, and is killed."""
    lines = [
        "import os, signal, sys",
        "from pathlib import Path",
        "from extproc.evidence.spool.crash_file import LastWords",
    ]
    lines += ["own = LastWords(Path(sys.argv[1]), 'worker-0')", f"own.say({said!r})"]
    lines += ["own.unsay()"] if unsaid else []
    lines += ["os.kill(os.getpid(), signal.SIGKILL)"]
    ended = subprocess.run([sys.executable, "-c", "\n".join(lines), str(folder)], check=False, timeout=20)
    assert ended.returncode == -signal.SIGKILL


def test_words_outlive_their_process_and_are_told_once(tmp_path):
    the_process_ends(tmp_path, *SAYS)
    [left] = words_left(tmp_path)
    assert (left.said, left.words, left.worker) == (True, SAYS, "worker-0")
    assert list(words_left(tmp_path)) == []  # locked: nobody tells it besides
    left.forget()
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_told_is_there_for_the_next(tmp_path):
    the_process_ends(tmp_path, *SAYS)
    [left] = words_left(tmp_path)
    left.leave()
    [again] = words_left(tmp_path)
    assert again.words == SAYS
    again.forget()


def test_what_was_survived_is_not_told(tmp_path):
    the_process_ends(tmp_path, *SAYS, unsaid=True)
    [left] = words_left(tmp_path)
    assert not left.said
    left.forget()


def test_a_process_that_lives_is_left_alone_and_leaves_nothing(tmp_path):
    own = LastWords(tmp_path, "worker-1")
    own.say(SAYS)
    assert list(words_left(tmp_path)) == []
    own.unsay()
    own.close()
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
def test_a_torn_file_says_that_it_is(tmp_path, change):
    the_process_ends(tmp_path, *SAYS)
    [file] = tmp_path.iterdir()
    raw = change(file.read_bytes())
    file.write_bytes(raw if raw[0] else b"\x01" + raw[1:])
    [left] = words_left(tmp_path)
    assert (left.said, left.words) == (True, None)
    left.forget()


@pytest.mark.parametrize("word", ["\udc80" * 5000, "x" * 20_000, "\x01" * 20_000, "é" * 9000])
def test_words_that_are_too_long_or_no_text_are_cut_and_still_said(tmp_path, word):
    own = LastWords(tmp_path, "w")
    own.say(("call-1", *(word for _ in range(200))))
    [file] = tmp_path.iterdir()
    found = crash_file._read(file.read_bytes())
    assert found is not None
    assert found[0] == "call-1"
    assert len(found) == crash_file.MOST_WORDS
    own.close()


def test_a_full_disk_is_found_at_the_start_and_not_by_a_write(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EvidenceError, match="No space left"):
        LastWords(tmp_path, "w")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_allocated_and_its_owners_alone(tmp_path):
    own = LastWords(tmp_path, "w")
    [file] = tmp_path.iterdir()
    status = file.stat()
    assert status.st_size == SIZE
    assert status.st_blocks * 512 >= SIZE
    assert status.st_mode & 0o777 == 0o600
    own.close()


@pytest.mark.parametrize(
    ("kind", "changes", "told"),
    [
        (EntryKind.DENIED, {}, True),
        (EntryKind.COMPLETED, {"request_id": 'odd"id'}, True),
        (EntryKind.DECIDED, {}, False),
        (EntryKind.REPORTED, {}, False),
        (EntryKind.DENIED, {"time_ns": 5}, False),
        (EntryKind.DENIED, {"request_id": "another"}, False),
    ],
)
async def test_an_end_is_looked_for_in_every_spool(tmp_path, entry, kind, changes, told):
    (tmp_path / "junk.spool").write_bytes(b"no database")
    spool = Spool(tmp_path, "w1")
    made = entry(1, kind, **{"request_id": "rid", **changes})
    await spool.record(made)
    wanted = 'odd"id' if "odd" in made.request_id else "rid"
    found = ends_recorded(tmp_path, call_id="call-1", request_id=wanted, since_ns=10)
    assert found == ((made,) if told else ())
    spool.close()
