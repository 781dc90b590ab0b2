"""The outbox: one delivery for each approval, event and target; durable; bounded."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from extproc.model.errors import NotificationError
from extproc.model.notification_events import NotificationEvent
from extproc.notifications import outbox as module
from extproc.notifications.outbox import DeliveryState, Outbox, Watched
from tests.unit.notifications.told import NOW, S, notice

CREATED, DECIDED, GLASS = NotificationEvent.CREATED, NotificationEvent.DECIDED, NotificationEvent.BREAK_GLASS
HOUR_NS = 3_600 * S


@pytest.fixture
def outbox(tmp_path):
    made = Outbox(tmp_path / "notifications.db")
    yield made
    made.close()


def queue(outbox, *notices, targets=("mail",), now_ns=NOW):
    return outbox.record([(each, targets) for each in notices], (), now_ns)


def test_a_delivery_is_queued_once_however_often_it_is_asked_for(outbox):
    told = notice()
    for _ in range(3):
        queue(outbox, told, targets=("mail", "chat"))
    assert sorted(each.target for each in outbox.listed()) == ["chat", "mail"]
    (due,) = outbox.due("mail", NOW, 10)
    outbox.sent([due], NOW)
    queue(outbox, told)
    assert outbox.due("mail", NOW, 10) == []


def test_only_its_owner_can_read_the_file(outbox, tmp_path):
    assert stat.S_IMODE((tmp_path / "notifications.db").stat().st_mode) == 0o600


def test_break_glass_comes_first(outbox):
    queue(outbox, notice(), notice())
    queue(outbox, notice(GLASS), now_ns=NOW + 5)
    assert [each.event for each in outbox.due("mail", NOW + 9, 10)] == [GLASS, CREATED, CREATED]


def test_an_attempt_is_counted_before_it_is_made(outbox):
    queue(outbox, notice())
    (due,) = outbox.due("mail", NOW, 10)
    outbox.begin([due], NOW + 5 * S)
    assert outbox.due("mail", NOW + 4 * S, 10) == []
    (again,) = outbox.due("mail", NOW + 5 * S, 10)
    assert again.attempts == 1


def test_a_clock_that_is_set_back_holds_nothing_up(outbox):
    queue(outbox, notice(), now_ns=NOW + 10 * HOUR_NS)
    (due,) = outbox.due("mail", NOW + 10 * HOUR_NS, 10)
    outbox.later([due], NOW + 10 * HOUR_NS + 5 * S, "status 503")
    assert len(outbox.due("mail", NOW, 10)) == 1
    assert outbox.settle("mail", NOW, HOUR_NS, for_people=True) == 0


def test_what_is_too_old_fails_and_says_so(outbox):
    queue(outbox, notice(), notice())
    first, _ = outbox.due("mail", NOW, 10)
    outbox.later([first], NOW + S, "status 503")
    assert outbox.settle("mail", NOW + HOUR_NS, HOUR_NS, for_people=True) == 2
    assert {each.error for each in outbox.listed(states=[DeliveryState.FAILED])} == {
        "status 503",
        "not sent in time",
    }


def test_break_glass_is_tried_for_a_day(outbox):
    queue(outbox, notice(GLASS))
    assert outbox.settle("mail", NOW + 23 * HOUR_NS, HOUR_NS, for_people=True) == 0
    assert outbox.settle("mail", NOW + 24 * HOUR_NS, HOUR_NS, for_people=True) == 1


@pytest.mark.parametrize(("for_people", "state"), [(True, "superseded"), (False, "queued")])
def test_people_are_not_asked_for_what_is_decided(outbox, for_people, state):
    told = notice()
    queue(outbox, told, notice(DECIDED))
    outbox.record((), [Watched(told.approval_id, NOW, NOW + S, open=False)], NOW)
    outbox.settle("mail", NOW, HOUR_NS, for_people=for_people)
    assert {each.event: each.state for each in outbox.listed()} == {CREATED: state, DECIDED: "queued"}


def test_too_much_is_dropped_and_counted_but_never_break_glass(outbox, monkeypatch):
    monkeypatch.setattr(module, "QUEUED_MAX", 3)
    assert queue(outbox, *(notice() for _ in range(5))) == 2
    assert queue(outbox, notice(GLASS)) == 0
    (backlog,) = outbox.backlog()
    assert (backlog.queued, backlog.dropped) == (4, 2)


def test_failed_ones_are_queued_again_on_request(outbox):
    one, other = notice(), notice()
    queue(outbox, one, other)
    outbox.failed(outbox.due("mail", NOW, 10), NOW, "status 410")
    assert outbox.retry(NOW + S, target="other") == 0
    assert outbox.retry(NOW + S, approval_id=one.approval_id) == 1
    assert outbox.retry(NOW + S, target="mail") == 1
    assert [each.attempts for each in outbox.due("mail", NOW + S, 10)] == [0, 0]
    assert outbox.notice(outbox.due("mail", NOW + S, 10)[0]) is not None


def test_an_interaction_counts_once_also_after_a_restart(outbox, tmp_path):
    assert outbox.first_time("k", NOW)
    outbox.close()
    assert not Outbox(tmp_path / "notifications.db").first_time("k", NOW)


def test_what_is_over_is_forgotten_in_the_end(outbox):
    queue(outbox, notice(), notice())
    sent, failed = outbox.due("mail", NOW, 10)
    outbox.sent([sent], NOW)
    outbox.failed([failed], NOW, "status 410")
    outbox.sweep(NOW + module.KEEP_TEXT_NS + S)
    assert outbox.notice(sent) is None
    assert outbox.notice(failed) is not None
    assert len(outbox.listed()) == 2
    outbox.sweep(NOW + module.KEEP_NS + S)
    assert outbox.listed() == []


class FullDisk(sqlite3.Connection):
    """Fails at each write, once it is told so."""

    full = False

    def execute(self, sql, *arguments):
        if FullDisk.full and sql.startswith("BEGIN IMMEDIATE"):
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *arguments)


def test_a_full_disk_is_an_error_that_loses_nothing(tmp_path):
    outbox = Outbox(tmp_path / "notifications.db", factory=FullDisk)
    queue(outbox, notice())
    FullDisk.full = True
    try:
        with pytest.raises(NotificationError, match="the outbox of notifications failed"):
            queue(outbox, notice())
        assert len(outbox.due("mail", NOW, 10)) == 1
    finally:
        FullDisk.full = False
    assert queue(outbox, notice()) == 0
    assert len(outbox.due("mail", NOW, 10)) == 2


def test_another_programs_file_is_refused(tmp_path):
    file = tmp_path / "notifications.db"
    sqlite3.connect(file).execute("CREATE TABLE mine (x)").connection.close()
    with pytest.raises(NotificationError, match="not a store of this version"):
        Outbox(file)


@pytest.mark.slow
def test_a_kill_at_any_point_leaves_each_delivery_queued_or_done(tmp_path):
    """A process queues and sends until it is killed; what it said to be done is done, and nothing is there twice."""
    file, log = tmp_path / "notifications.db", tmp_path / "log"
    program = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from extproc.notifications.outbox import Outbox
        from tests.unit.notifications.told import NOW, notice
        outbox, log = Outbox(Path({str(file)!r})), open({str(log)!r}, "a", buffering=1)
        while True:
            told = notice()
            outbox.record([(told, ("mail",))], (), NOW)
            log.write(f"queued {{told.approval_id}}\\n")
            for each in outbox.due("mail", NOW, 1):
                outbox.begin([each], NOW)
                outbox.sent([each], NOW)
                log.write(f"sent {{each.approval_id}}\\n")
    """)
    for _ in range(5):
        lines = len(log.read_text().splitlines()) if log.exists() else 0
        child = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[3], env=os.environ)
        while not log.exists() or len(log.read_text().splitlines()) < lines + 20:
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
    states = {each.approval_id: each.state for each in Outbox(file).listed(limit=100_000)}
    said = [line.split() for line in log.read_text().splitlines()]
    assert {approval_id for _, approval_id in said} <= states.keys()
    assert {states[approval_id] for word, approval_id in said if word == "sent"} == {DeliveryState.SENT}
