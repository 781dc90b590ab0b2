"""The approvals store, alone and in a crowd."""

import json
import os
import shutil
import sqlite3
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from extproc.approvals.approval import State
from extproc.approvals.rules import NOTE_MAX, state_after
from extproc.approvals.sqlite import SqliteApprovals
from extproc.model.errors import ApprovalError, VoteRefused, WhyRefused
from extproc.model.masking import Side
from extproc.model.withdrawal import WithdrawnBy
from tests.unit.approvals.samples import (
    EXPIRES_NS,
    REQUEST,
    new_id,
    request,
    vote,
    vote_for_ever,
    vote_in_another_process,
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


def test_keeps_everything_through_a_restart(store, path):
    """What was opened is there, field by field, in another store on the same file."""
    store.open(REQUEST)
    kept = SqliteApprovals(path).get(REQUEST.approval_id)
    assert kept.request == REQUEST
    assert kept.state is State.PENDING


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


def test_two_people_approve(store):
    """The first of two leaves it pending, the second approves."""
    store.open(REQUEST)
    assert store.vote(REQUEST.approval_id, vote("i|bob"), SRE).state is State.PENDING
    after = store.vote(REQUEST.approval_id, vote("i|carol", at_ns=600), ("dpo",))
    assert after.state is State.APPROVED
    assert after.closed_ns == 600
    assert [word.voter for word in after.votes] == ["i|bob", "i|carol"]


def test_one_denial_denies(store):
    """An approval before it does not help, nor one after."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob"), SRE)
    assert store.vote(REQUEST.approval_id, vote("i|carol", approve=False), SRE).state is State.DENIED
    with pytest.raises(VoteRefused) as caught:
        store.vote(REQUEST.approval_id, vote("i|dave"), SRE)
    assert (caught.value.why, caught.value.state) == (WhyRefused.NOT_PENDING, State.DENIED)
    assert len(store.get(REQUEST.approval_id).votes) == 2


@pytest.mark.parametrize(
    ("word", "groups", "expected"),
    [
        (vote(REQUEST.requester), SRE, WhyRefused.OWN_CALL),
        (vote(REQUEST.actor), SRE, WhyRefused.OWN_CALL),
        (vote(REQUEST.requester, approve=False), SRE, WhyRefused.OWN_CALL),
        (vote(""), SRE, WhyRefused.OWN_CALL),
        (vote(), (), WhyRefused.WRONG_GROUP),
        (vote(), ("sr", "sre ", "SRE"), WhyRefused.WRONG_GROUP),
        (vote(at_ns=EXPIRES_NS), SRE, WhyRefused.EXPIRED),
        (vote(at_ns=EXPIRES_NS + 1), SRE, WhyRefused.EXPIRED),
        (vote(note=""), SRE, WhyRefused.NOTE_REQUIRED),
        (vote(note="  a  "), SRE, WhyRefused.NOTE_REQUIRED),
        (vote(note="x" * (NOTE_MAX + 1)), SRE, WhyRefused.NOTE_REQUIRED),
    ],
)
def test_a_vote_that_breaks_a_rule_changes_nothing(store, word, groups, expected):
    """It is refused with its reason, and no vote is stored."""
    store.open(REQUEST)
    assert why(store.vote, REQUEST.approval_id, word, groups) is expected
    assert store.get(REQUEST.approval_id).votes == ()
    assert store.get(REQUEST.approval_id).state is State.PENDING


def test_the_boundaries_are_on_the_right_side(store):
    """A vote one nanosecond before expiry counts, as do notes of 3 and of 1,000 characters."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob", at_ns=EXPIRES_NS - 1, note="abc"), SRE)
    after = store.vote(REQUEST.approval_id, vote("i|carol", at_ns=EXPIRES_NS - 1, note="x" * NOTE_MAX), SRE)
    assert after.state is State.APPROVED


def test_one_person_counts_once(store):
    """Not twice through two groups, and not with a change of mind."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob"), SRE)
    assert why(store.vote, REQUEST.approval_id, vote("i|bob"), ("dpo",)) is WhyRefused.ALREADY_VOTED
    assert why(store.vote, REQUEST.approval_id, vote("i|bob", approve=False), SRE) is WhyRefused.ALREADY_VOTED


@pytest.mark.parametrize("groups", [(), ("sre",)])
def test_nobody_decides_a_request_without_groups(store, groups):
    """No group is not every group."""
    lonely = request(groups=())
    store.open(lonely)
    assert why(store.vote, lonely.approval_id, vote(), groups) is WhyRefused.WRONG_GROUP


@pytest.mark.parametrize("minimum", [0, -3])
def test_a_minimum_below_one_needs_one(store, minimum):
    """Nothing is approved unseen."""
    odd = request(minimum=minimum)
    store.open(odd)
    assert store.get(odd.approval_id).state is State.PENDING
    assert store.vote(odd.approval_id, vote(), SRE).state is State.APPROVED


def test_no_votes_approve_nothing():
    """Whatever the minimum says."""
    assert state_after(request(minimum=0), ()) is State.PENDING


def test_a_clock_that_goes_back_is_harmless(store):
    """Votes whose times run backwards count as people, once each, and closing stays closed."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob", at_ns=900), SRE)
    assert store.vote(REQUEST.approval_id, vote("i|carol", at_ns=-5), SRE).state is State.APPROVED
    assert store.expire(REQUEST.approval_id, 0).state is State.APPROVED


def test_an_unknown_request_is_named_so(store):
    """Votes are refused; closing, which must not fail silently, raises."""
    assert why(store.vote, new_id(), vote(), SRE) is WhyRefused.UNKNOWN
    with pytest.raises(ApprovalError):
        store.expire(new_id(), 1)
    assert store.get(new_id()) is None


def test_opening_twice_is_an_error(store):
    """An id names one request: the second is refused, the first unchanged."""
    store.open(REQUEST)
    with pytest.raises(ApprovalError):
        store.open(request(approval_id=REQUEST.approval_id, minimum=1))
    assert store.get(REQUEST.approval_id).request.minimum == 2


def test_the_file_itself_refuses_to_reopen_a_closed_request(store, path):
    """A trigger guards what the code guards already."""
    store.open(REQUEST)
    store.abandon(REQUEST.approval_id, 1)
    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE approvals SET state = 'approved'")


def test_an_approval_is_spent_once(store):
    """The second use, another digest, and anything not approved get nothing."""
    one = request(minimum=1)
    store.open(one)
    assert not store.spend(one.approval_id, one.digest, 1)
    store.vote(one.approval_id, vote(), SRE)
    assert not store.spend(one.approval_id, "e" * 64, 1)
    assert store.spend(one.approval_id, one.digest, 1)
    assert not store.spend(one.approval_id, one.digest, 1)
    denied = request()
    store.open(denied)
    store.vote(denied.approval_id, vote(approve=False), SRE)
    assert not store.spend(denied.approval_id, denied.digest, 1)


def test_a_prefix_must_be_long_and_unambiguous(store):
    """Eight characters at least, one match exactly; wildcards are plain characters."""
    first = request(approval_id="01890000-0000-7000-8000-000000000001")
    second = request(approval_id="01890000-0000-7000-8000-000000000002")
    third = request(approval_id="01890001-0000-7000-8000-000000000001")
    for each in (first, second, third):
        store.open(each)
    assert store.get("01890001").request == third
    assert store.get(second.approval_id).request == second
    for nothing in ("0189000", "01890000", "", "%" * 8, "_" * 36, "01890001~", "0189000*"):
        assert store.get(nothing) is None


def test_closed_among_answers_for_the_ids_it_was_given(store):
    """Pending, unknown and other requests are not in the answer."""
    asked, open_still, other = request(), request(), request()
    for each in (asked, open_still, other):
        store.open(each)
    store.expire(asked.approval_id, 7)
    store.expire(other.approval_id, 7)
    found = store.closed_among([asked.approval_id, open_still.approval_id, new_id()])
    assert [(each.request, each.state, each.closed_ns) for each in found] == [(asked, State.EXPIRED, 7)]
    assert store.closed_among([]) == []


def test_recent_is_newest_first_and_limited(store):
    """With votes, however many, a request is one of the limit."""
    many = [request(approval_id=new_id(now_ns=number * 10**9), minimum=9) for number in range(1, 6)]
    for each in many:
        store.open(each)
    for voter in ("i|b", "i|c", "i|d"):
        store.vote(many[4].approval_id, vote(voter), SRE)
    store.abandon(many[3].approval_id, 1)
    assert [each.request for each in store.recent(pending_only=False, limit=3)] == many[4:1:-1]
    assert [each.request for each in store.recent(pending_only=True, limit=2)] == [many[4], many[2]]
    assert len(store.recent(pending_only=True, limit=1)[0].votes) == 3


def test_sweep_closes_orphans_and_forgets_the_old(store):
    """What expired unwatched is closed as expired; what closed long ago goes, with its votes."""
    orphan, alive, old = request(expires_ns=50), request(), request(minimum=1)
    for each in (orphan, alive, old):
        store.open(each)
    store.vote(old.approval_id, vote(at_ns=10), SRE)
    assert [each.request for each in store.sweep(50, keep_ns=20)] == [orphan]
    assert store.get(orphan.approval_id).state is State.EXPIRED
    assert store.get(alive.approval_id).state is State.PENDING
    assert store.get(old.approval_id) is None


# In a crowd


def test_many_threads_close_a_request_once(store):
    """Of 40 approvals and denials at once, exactly one closes it."""
    store.open(REQUEST)
    barrier = threading.Barrier(20, timeout=10)

    def one(number: int) -> bool:
        barrier.wait()
        try:
            after = store.vote(REQUEST.approval_id, vote(f"i|p{number}", approve=number % 3 > 0), SRE)
        except VoteRefused:
            return False
        return after.state is not State.PENDING

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(one, range(40))) == 1
    closed = store.get(REQUEST.approval_id)
    assert len(closed.votes) <= REQUEST.minimum
    assert (closed.state is State.DENIED) == any(not word.approve for word in closed.votes)


@pytest.mark.slow
def test_many_processes_close_a_request_once(path):
    """As with threads, with processes, one of which creates the file."""
    SqliteApprovals(path).open(REQUEST)
    jobs = [(str(path), REQUEST.approval_id, range(n * 10, n * 10 + 10), n != 2) for n in range(3)]
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        closing = list(pool.map(vote_in_another_process, *zip(*jobs, strict=True)))
    assert sum(closing) == 1
    assert SqliteApprovals(path).get(REQUEST.approval_id).state is not State.PENDING


@pytest.mark.slow
def test_kill_in_the_middle_of_votes_leaves_only_whole_votes(path, tmp_path):
    """After SIGKILL the file is sound, and no state contradicts its votes."""
    requests = [request(minimum=3) for _ in range(60)]
    store = SqliteApprovals(path)
    for each in requests:
        store.open(each)
    ready = tmp_path / "ready"
    child = get_context("spawn").Process(
        target=vote_for_ever, args=(str(path), [each.approval_id for each in requests], str(ready))
    )
    child.start()
    try:
        while not ready.exists() or not any(each.votes for each in store.recent(pending_only=False, limit=60)):
            assert child.is_alive()
    finally:
        child.kill()
        child.join()
    voted = 0
    for each in store.recent(pending_only=False, limit=60):
        people = {word.voter for word in each.votes}
        assert (each.state is State.APPROVED) == (len(people) >= 3)
        voted += len(people)
    assert voted > 0
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    waiting = store.recent(pending_only=True, limit=1)
    if waiting:  # and the store goes on working
        assert (
            store.vote(waiting[0].request.approval_id, vote("i|after", approve=False), SRE).state is State.DENIED
        )


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


def test_errors_hold_nothing_of_the_call(store, path):
    """Not in the message, not in what Python prints along with it."""
    store.open(REQUEST)
    with pytest.raises(ApprovalError) as caught:
        store.open(REQUEST)
    assert REQUEST.approval_id not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


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
