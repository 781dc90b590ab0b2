"""The approvals store, alone and in a crowd."""

import json
import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from extproc.approvals.approval import State
from extproc.approvals.sqlite import SqliteApprovals
from extproc.model.errors import ApprovalError, VoteRefused, WhyRefused
from extproc.model.masking import Side
from extproc.model.withdrawal import WithdrawnBy
from tests.unit.approvals.samples import (
    REQUEST,
    request,
    vote,
)

SRE = ("sre",)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "approvals.db"


@pytest.fixture
def store(path):
    made = SqliteApprovals(path)
    yield made
    made.close()


class Faults:
    """Switches of the connections that ``factory`` makes."""

    def __init__(self):
        self.commit_fails = self.commit_happens_but_fails = 0
        self.disk_is_full = self.read_only = False
        self.before_select = None
        """Called once, within the next query."""
        faults = self

        class Connection(sqlite3.Connection):
            def execute(self, sql, *args):
                faults.begin(self, sql)
                if sql == "COMMIT":
                    faults.strike("commit_fails")
                result = super().execute(sql, *args)
                if sql == "COMMIT":
                    faults.strike("commit_happens_but_fails")
                return result

            def plainly(self, sql):
                return super().execute(sql)

        self.factory = Connection

    def begin(self, db, sql):
        if sql == "BEGIN IMMEDIATE" and self.disk_is_full:
            (pages,) = db.plainly("PRAGMA page_count").fetchone()
            db.plainly(f"PRAGMA max_page_count = {pages}")
        if sql == "BEGIN IMMEDIATE" and self.read_only:
            db.plainly("PRAGMA query_only = ON")
        if "FROM approvals" in sql and self.before_select:
            call, self.before_select = self.before_select, None
            call()

    def strike(self, name):
        if getattr(self, name):
            setattr(self, name, getattr(self, name) - 1)
            raise sqlite3.OperationalError("disk I/O error")


@pytest.fixture
def faults():
    """A database that can be told to fail."""
    return Faults()


def why(call, *args):
    with pytest.raises(VoteRefused) as caught:
        call(*args)
    return caught.value.why


def test_a_request_of_an_older_version_has_findings_on_no_side(store, path):
    store.open(REQUEST)
    with sqlite3.connect(path) as db:
        fields = json.loads(db.execute("SELECT request FROM approvals").fetchone()[0])
        for finding in fields["findings"]:
            del finding["side"]
        db.execute("UPDATE approvals SET request = ?", (json.dumps(fields),))
    assert {finding.side for finding in store.get(REQUEST.approval_id).request.findings} == {Side.UNRECORDED}


def test_a_store_that_is_busy_can_be_opened(store, path):
    """Nothing is written at the start, so nobody else's transaction is waited for."""
    store.open(REQUEST)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert SqliteApprovals(path, busy_s=0.05).get(REQUEST.approval_id).request == REQUEST
    blocker.execute("ROLLBACK")


def test_the_file_itself_refuses_to_reopen_a_closed_request(store, path):
    """A trigger guards what the code guards already."""
    store.open(REQUEST)
    store.abandon(REQUEST.approval_id, 1)
    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE approvals SET state = 'approved'")


# With faults


def test_a_file_deleted_under_the_store_is_an_error_not_an_empty_store(store, path):
    """Nothing is created behind the operator's back; every method says so."""
    store.open(REQUEST)
    for leftover in path.parent.iterdir():
        leftover.unlink()
    for failing in (
        lambda: store.open(request()),
        lambda: store.vote(REQUEST.approval_id, vote(), SRE),
        lambda: store.expire(REQUEST.approval_id, 1),
        lambda: store.spend(REQUEST.approval_id, REQUEST.digest, 1),
        lambda: store.get(REQUEST.approval_id),
        lambda: store.closed_among([REQUEST.approval_id]),
        lambda: store.recent(pending_only=True, limit=1),
        lambda: store.issue_ticket(REQUEST.approval_id, 1),
        lambda: store.abandon(REQUEST.approval_id, 1),
        lambda: store.withdraw_vote(REQUEST.approval_id, "i|bob", 1),
        lambda: store.cancel_own(REQUEST.approval_id, 1),
        lambda: store.reusable("key", 1),
        lambda: store.withdraw("key", WithdrawnBy.CANCELLATION, 1),
        lambda: store.sweep(1, keep_ns=1),
    ):
        with pytest.raises(ApprovalError):
            failing()
    assert not path.exists()


def test_a_replaced_file_is_opened_anew(store, path):
    """After the control process made a new file, old requests are unknown and new ones reach everybody."""
    store.open(REQUEST)
    shutil.rmtree(path.parent)
    other = SqliteApprovals(path)
    assert store.get(REQUEST.approval_id) is None
    fresh = request(minimum=1)
    store.open(fresh)
    assert other.vote(fresh.approval_id, vote(), SRE).state is State.APPROVED
    assert store.get(fresh.approval_id).state is State.APPROVED


def test_a_connection_in_use_while_the_file_is_replaced_is_not_used_again(path, faults):
    """Otherwise a later vote would go to the file that nobody else sees."""
    store = SqliteApprovals(path, factory=faults.factory)
    store.open(REQUEST)
    others = []

    def replace_the_file():
        shutil.rmtree(path.parent)
        others.append(SqliteApprovals(path))
        assert store.get(REQUEST.approval_id) is None

    faults.before_select = replace_the_file
    store.get(REQUEST.approval_id)
    for each in [request() for _ in range(2)]:
        store.open(each)
        assert others[0].get(each.approval_id) is not None


def test_a_corrupt_file_is_an_error(path):
    """Both for who comes new and for who had it open."""
    store = SqliteApprovals(path)
    store.open(REQUEST)
    store.close()
    path.write_bytes(b"not a database" * 1_000)
    with pytest.raises(ApprovalError):
        store.get(REQUEST.approval_id)
    with pytest.raises(ApprovalError, match="SQLITE_NOTADB") as refused:
        SqliteApprovals(path)
    assert str(path) in str(refused.value)
    assert "approvals.store" in str(refused.value)


def test_another_applications_database_is_left_alone(path):
    """A wrong path in the configuration destroys nothing."""
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(ApprovalError):
        SqliteApprovals(path)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("bookmarks",)]


def test_a_newer_version_is_refused(store, path):
    """An older program does not write into a file it does not understand."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 5")
    with pytest.raises(ApprovalError):
        SqliteApprovals(path)
    with pytest.raises(ApprovalError):
        store.open(REQUEST)


def test_a_locked_file_is_an_error_after_a_bounded_wait(path):
    """Somebody else's transaction does not hang a call; afterwards all is well."""
    store = SqliteApprovals(path, busy_s=0.05)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(ApprovalError, match="BUSY"):
        store.open(REQUEST)
    assert store.get(REQUEST.approval_id) is None, "reading goes on"
    blocker.execute("ROLLBACK")
    store.open(REQUEST)


def test_a_full_disk_is_an_error_and_stores_nothing(path, faults):
    """The vote that did not fit did not happen."""
    store = SqliteApprovals(path, factory=faults.factory)
    store.open(REQUEST)
    faults.disk_is_full = True
    with pytest.raises(ApprovalError, match="FULL"):
        store.open(request(preview="x" * 200_000))
    assert len(store.recent(pending_only=False, limit=9)) == 1


def test_a_file_that_cannot_be_written_is_an_error(path, faults):
    """A read-only store takes no votes."""
    store = SqliteApprovals(path, factory=faults.factory)
    store.open(REQUEST)
    faults.read_only = True
    with pytest.raises(ApprovalError, match="READONLY"):
        store.vote(REQUEST.approval_id, vote(), SRE)
    assert store.get(REQUEST.approval_id).votes == ()


def test_a_commit_that_fails_leaves_no_vote(path, faults):
    """Failed: the vote is not there, and can be cast again."""
    store = SqliteApprovals(path, factory=faults.factory)
    store.open(REQUEST)
    faults.commit_fails = 1
    with pytest.raises(ApprovalError):
        store.vote(REQUEST.approval_id, vote(), SRE)
    assert store.get(REQUEST.approval_id).votes == ()
    assert len(store.vote(REQUEST.approval_id, vote(), SRE).votes) == 1


def test_a_commit_that_happened_but_failed_is_told_on_the_next_try(path, faults):
    """Failed but happened: the voter sees an error, the vote stands, and cannot count twice."""
    one = request(minimum=1)
    store = SqliteApprovals(path, factory=faults.factory)
    store.open(one)
    faults.commit_happens_but_fails = 1
    with pytest.raises(ApprovalError):
        store.vote(one.approval_id, vote(), SRE)
    assert why(store.vote, one.approval_id, vote(), SRE) is WhyRefused.NOT_PENDING
    assert len(store.get(one.approval_id).votes) == 1


def test_a_store_is_not_carried_into_another_process(store, monkeypatch):
    """SQLite's connections do not survive a fork; using one is an error, not corruption."""
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(ApprovalError):
        store.get(REQUEST.approval_id)


def test_the_file_is_for_its_owner_only(store, path):
    """Previews are masked, and still nobody else's business."""
    store.open(REQUEST)
    assert {oct(Path(each).stat().st_mode & 0o777) for each in path.parent.iterdir()} == {"0o600"}
    assert path.parent.stat().st_mode & 0o777 == 0o700


class Writers:
    """Counts the connections of one store that write, or wait to."""

    def __init__(self):
        self.now = self.most = 0
        self.begun, self.go_on = threading.Event(), threading.Event()
        writers, counting = self, threading.Lock()

        class Connection(sqlite3.Connection):
            def execute(self, sql, *args):
                if sql == "BEGIN IMMEDIATE":
                    with counting:
                        writers.now += 1
                        writers.most = max(writers.most, writers.now)
                    writers.begun.set()
                    writers.go_on.wait(10)
                result = super().execute(sql, *args)
                if sql == "COMMIT":
                    with counting:
                        writers.now -= 1
                return result

        self.factory = Connection


def test_the_threads_of_a_process_write_one_after_the_other(path):
    """SQLite lets writers that come later overtake those that wait: with many, one waits too long, and is denied."""
    writers = Writers()
    writers.go_on.set()
    store = SqliteApprovals(path, factory=writers.factory)
    barrier = threading.Barrier(8, timeout=10)

    def write(number):
        barrier.wait()
        for each in range(10):
            store.withdraw(f"{number} {each}", WithdrawnBy.CANCELLATION, 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert writers.most == 1


def test_a_thread_that_waits_too_long_for_the_others_gets_an_error(path):
    writers = Writers()
    store = SqliteApprovals(path, busy_s=0.01, factory=writers.factory)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(store.open, REQUEST)
        writers.begun.wait(10)
        with pytest.raises(ApprovalError, match="SQLITE_BUSY"):
            store.open(request())
        writers.go_on.set()
        first.result()
    store.open(request())
