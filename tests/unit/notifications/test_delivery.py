"""Delivery: at the target's pace, again after failures, never in the way of others."""

import asyncio

import pytest

from extproc.model.errors import NotificationError
from tests.unit.notifications.told import Desk, failure, notice, target, until


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


async def test_a_message_is_sent_and_not_sent_again(desk):
    desk.hold()
    desk.watch.look()
    await desk.deliver()
    await desk.deliver()
    assert desk.senders["mail"].events == ["created"]
    assert desk.states() == [("created", "sent")]
    assert desk.observer.counts["sent"] == 1


async def test_a_failed_message_is_sent_later_with_the_same_id(desk):
    ids = []
    sender = desk.senders["mail"]

    async def send(message):
        ids.append(message.message_id)
        if len(ids) < 3:
            raise failure()

    sender.send = send
    desk.hold()
    desk.watch.look()
    for seconds in (0, 1, 1, 2):
        desk.clock.forward(seconds)
        await desk.deliver()
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert desk.states() == [("created", "sent")]


async def test_the_receivers_wish_to_wait_is_kept(desk):
    desk.senders["mail"].fails = [failure("status 429", retry_after_s=120)]
    desk.hold()
    desk.watch.look()
    await desk.deliver()
    desk.clock.forward(119)
    await desk.deliver()
    assert desk.senders["mail"].messages == []
    desk.clock.forward(2)
    await desk.deliver()
    assert desk.senders["mail"].events == ["created"]


async def test_a_message_that_cannot_succeed_is_failed_visibly(desk):
    desk.senders["mail"].fails = [failure("status 410", permanent=True)]
    desk.hold()
    desk.watch.look()
    await desk.deliver()
    (listed,) = desk.outbox.listed()
    assert (listed.state, listed.error) == ("failed", "status 410")
    assert desk.observer.counts["failed"] == 1


async def test_a_poisonous_message_does_not_hold_up_the_others(desk):
    desk.hold()
    poisoned = desk.hold()
    desk.hold()
    desk.watch.look()
    sender, send = desk.senders["mail"], desk.senders["mail"].send

    async def poison(message):
        if message.content.approval_id == poisoned.approval_id:
            raise failure()
        await send(message)

    sender.send = poison
    await desk.deliver()
    assert desk.states() == [("created", "queued"), ("created", "sent"), ("created", "sent")]
    for _ in range(40):
        desk.clock.forward(100)
        await desk.deliver()
    assert desk.states() == [("created", "failed"), ("created", "sent"), ("created", "sent")]
    assert "status 503" in {each.error for each in desk.outbox.listed()}


async def test_people_are_not_asked_when_it_is_decided_by_then(desk):
    made = desk.hold()
    desk.watch.look()
    desk.decide(made)
    desk.watch.look()
    await desk.deliver()
    assert desk.senders["mail"].events == ["decided"]
    assert desk.states() == [("created", "superseded"), ("decided", "sent")]


async def test_a_flood_becomes_one_message(desk):
    for _ in range(1_000):
        desk.hold()
    desk.watch.look()
    await desk.deliver()
    (message,) = desk.senders["mail"].messages
    assert message.content.count == 1_000
    assert {state for _, state in desk.states()} == {"sent"}


async def test_a_minute_never_has_more_messages_than_the_pace(desk):
    for _ in range(12):
        for _ in range(50):
            desk.hold()
        desk.clock.forward(5)
        desk.watch.look()
        await desk.deliver()
    assert 5 <= len(desk.senders["mail"].messages) <= 20 + 20 + 1
    desk.clock.forward(10)
    await desk.deliver()
    assert {state for _, state in desk.states()} == {"sent"}


async def test_a_group_is_repeated_as_a_whole_with_the_same_id(desk):
    desk.senders["mail"].fails = [failure()]
    for _ in range(100):
        desk.hold()
    desk.watch.look()
    await desk.deliver()
    desk.clock.forward(0.1)
    desk.hold()
    desk.watch.look()
    desk.start()
    desk.clock.forward(5)
    await desk.deliver()
    counts = sorted(getattr(each.content, "count", 1) for each in desk.senders["mail"].messages)
    assert counts == [1, 100]


async def test_break_glass_is_told_alone_in_a_flood(desk):
    made = desk.hold(break_glass=("glass",))
    desk.decide(made, break_glass=True)
    for _ in range(100):
        desk.hold()
    desk.watch.look()
    await desk.deliver()
    assert desk.senders["mail"].messages[0].content.event == "break-glass"


async def test_a_target_that_fails_again_and_again_is_left_alone_for_a_while(desk):
    desk.senders["mail"].fails = [failure()] * 50
    for _ in range(10):
        desk.hold()
    desk.watch.look()
    await desk.deliver()
    assert len(desk.senders["mail"].fails) == 47


async def test_a_target_that_hangs_does_not_hold_up_another(tmp_path):
    desk = Desk(tmp_path, {"slow": target(), "quick": target()})
    desk.senders["slow"].hangs_s = 60
    desk.hold()
    desk.watch.look()
    tasks = [asyncio.create_task(each.run()) for each in desk.deliveries.values()]
    await until(lambda: desk.senders["quick"].messages)
    for each in tasks:
        each.cancel()
    assert desk.senders["slow"].messages == []


async def test_news_wake_the_loop(desk):
    delivery = desk.deliveries["mail"]
    task = asyncio.create_task(delivery.run())
    await asyncio.sleep(0.2)
    desk.hold()
    desk.watch.look()
    delivery.wake.set()
    await until(lambda: desk.senders["mail"].messages, within_s=3)
    task.cancel()


async def test_after_a_crash_in_an_attempt_the_message_is_sent_again(desk):
    """At least once: nobody knows whether the receiver took it."""
    desk.hold()
    desk.watch.look()
    desk.senders["mail"].hangs_s = 60
    crashed = asyncio.create_task(desk.deliveries["mail"].step())
    await until(lambda: desk.outbox.listed()[0].attempts == 1)
    crashed.cancel()
    desk.senders["mail"].hangs_s = 0
    desk.start()
    await desk.deliver()
    assert desk.senders["mail"].messages == []
    desk.clock.forward(2)
    await desk.deliver()
    assert desk.senders["mail"].events == ["created"]


async def test_a_full_disk_stops_nothing_for_good(desk, monkeypatch):
    desk.hold()
    desk.watch.look()
    delivery, begin = desk.deliveries["mail"], desk.outbox.begin
    failures = [NotificationError("the outbox of notifications failed: SQLITE_FULL")]

    def full(*arguments):
        if failures:
            raise failures.pop()
        return begin(*arguments)

    monkeypatch.setattr(desk.outbox, "begin", full)
    with pytest.raises(NotificationError):
        await delivery.step()
    assert desk.senders["mail"].messages == []
    await desk.deliver()
    assert desk.senders["mail"].events == ["created"]


@pytest.mark.slow
async def test_ten_thousand_at_once_are_one_message(desk):
    told = [(notice(), ["mail"]) for _ in range(10_000)]
    for first in range(0, len(told), 500):
        desk.outbox.record(told[first : first + 500], (), desk.clock())
    await desk.deliver()
    (message,) = desk.senders["mail"].messages
    assert message.content.count == 10_000
    assert desk.outbox.backlog() == []


async def test_systems_are_told_of_every_step_in_order(tmp_path):
    hook = target(apprise=None, webhook={"url": "https://h.test", "secret_file": "/s"})
    desk = Desk(tmp_path, {"hook": hook})
    made = desk.hold()
    desk.watch.look()
    desk.decide(made)
    desk.watch.look()
    await desk.deliver()
    assert desk.senders["hook"].events == ["created", "decided"]
