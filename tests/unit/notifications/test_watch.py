"""Events follow from the state of approvals: none is lost while nobody looks, and none is told twice."""

import pytest

from extproc.model.errors import ApprovalError
from tests.unit.notifications.told import Clock, Desk, target


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_held_call_is_announced_once(desk):
    desk.hold()
    for _ in range(3):
        desk.watch.look()
    assert desk.states() == [("created", "queued")]


def test_a_decision_is_announced(desk):
    made = desk.hold()
    desk.watch.look()
    desk.decide(made, approve=False)
    desk.watch.look()
    assert desk.states() == [("created", "queued"), ("decided", "queued")]


def test_a_call_that_nobody_decides_is_announced_again_and_then_expires(desk):
    made = desk.hold(lasts_s=900)
    desk.watch.look()
    desk.clock.forward(779)
    desk.watch.look()
    assert desk.states() == [("created", "queued")]
    desk.clock.forward(2)
    desk.watch.look()
    desk.watch.look()
    assert ("expiring", "queued") in desk.states()
    desk.clock.forward(200)
    desk.store.expire(made.approval_id, desk.clock())
    desk.watch.look()
    assert desk.states() == [("created", "queued"), ("expired", "queued"), ("expiring", "queued")]


def test_an_approval_that_is_short_is_not_announced_twice_at_once(desk):
    desk.hold(lasts_s=60)
    desk.watch.look()
    desk.watch.look()
    assert desk.states() == [("created", "queued")]


def test_what_happened_while_no_control_process_ran_is_found(desk):
    waiting, decided = desk.hold(), desk.hold()
    desk.watch.look()
    desk.decide(decided)
    new = desk.hold()
    short_lived = desk.hold()
    desk.decide(short_lived)
    desk.start()
    desk.watch.look()
    events = {}
    for each in desk.outbox.listed():
        events.setdefault(each.approval_id, set()).add(each.event.value)
    assert events == {
        waiting.approval_id: {"created"},
        decided.approval_id: {"created", "decided"},
        new.approval_id: {"created"},
        short_lived.approval_id: {"decided"},
    }


def test_an_old_store_does_not_flood_at_the_first_start(tmp_path):
    clock = Clock()
    before = Desk(tmp_path / "a", clock=clock)
    for _ in range(20):
        before.decide(before.hold())
    pending = before.hold()
    clock.forward(60)
    first = Desk(tmp_path / "b", clock=clock)
    first.store = before.store
    first.start()
    first.watch.look()
    assert [each.approval_id for each in first.outbox.listed()] == [pending.approval_id]


def test_what_expired_long_ago_is_not_announced_after_a_long_stop(tmp_path):
    desk = Desk(tmp_path)
    desk.watch.look()
    made = desk.hold()
    desk.decide(made)
    desk.clock.forward(7_200)
    desk.start()
    desk.watch.look()
    assert desk.states() == []


def test_break_glass_is_announced_to_every_target_whatever_its_filters(tmp_path):
    targets = {
        "mail": target(events=["expired"], functions=["docs.search"], groups=["nobody"]),
        "hook": target(apprise=None, webhook={"url": "https://h.test", "secret_file": "/s"}),
    }
    desk = Desk(tmp_path, targets)
    made = desk.hold(break_glass=("glass",))
    desk.watch.look()
    desk.decide(made, break_glass=True)
    desk.clock.forward(7_200)
    desk.start()
    desk.watch.look()
    assert desk.states("mail") == [("break-glass", "queued")]
    assert ("break-glass", "queued") in desk.states("hook")


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({}, True),
        ({"functions": ["crm.delete_customer"]}, True),
        ({"functions": ["crm.*"]}, True),
        ({"functions": ["crm.delete"]}, False),
        ({"functions": ["cr.*"]}, False),
        ({"groups": ["sre"]}, True),
        ({"groups": ["dba"]}, False),
        ({"functions": ["crm.*"], "groups": ["dba"]}, False),
        ({"events": ["decided"]}, False),
    ],
)
def test_filters_keep_back_what_is_not_theirs(tmp_path, filters, told):
    desk = Desk(tmp_path, {"mail": target(**filters)})
    desk.hold()
    desk.watch.look()
    assert desk.states() == ([("created", "queued")] if told else [])


def test_a_crowd_is_found_whole(desk):
    for _ in range(1_300):
        desk.hold()
    desk.watch.look()
    assert len(desk.states()) == 1_300


def test_ids_that_come_late_from_a_slow_clock_are_found(desk):
    for _ in range(100):
        desk.clock.forward(0.01)
        desk.hold()
    desk.watch.look()
    desk.clock.forward(-300)
    late = desk.hold()
    desk.clock.forward(311)
    desk.watch.look()
    assert late.approval_id in {each.approval_id for each in desk.outbox.listed(limit=1_000)}


def test_a_store_that_fails_loses_nothing(desk, monkeypatch):
    made = desk.hold()

    def fails(*_):
        raise ApprovalError("down")

    with monkeypatch.context() as patched:
        patched.setattr(desk.store, "search", fails)
        with pytest.raises(ApprovalError):
            desk.watch.look()
    desk.watch.look()
    assert [each.approval_id for each in desk.outbox.listed()] == [made.approval_id]


def test_a_clock_that_is_set_back_does_not_stop_the_watch(desk):
    desk.watch.look()
    desk.clock.forward(-7_200)
    desk.hold()
    desk.watch.look()
    assert desk.states() == [("created", "queued")]


def test_two_targets_have_their_own_time_before_expiry(tmp_path):
    desk = Desk(tmp_path, {"early": target(expiring_before=600.0), "late": target(expiring_before=30.0)})
    desk.hold(lasts_s=900)
    desk.watch.look()
    desk.clock.forward(301)
    desk.watch.look()
    assert ("expiring", "queued") in desk.states("early")
    assert ("expiring", "queued") not in desk.states("late")
    desk.clock.forward(570)
    desk.watch.look()
    assert ("expiring", "queued") in desk.states("late")
