"""A thread waits for changes, and an event loop is told of them; so calls are released at once."""

import asyncio
import queue
import threading
import time

import pytest

from extproc.approvals.approval import State
from extproc.approvals.change_listener import LISTEN_S, ChangeListener
from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.sqlite import SqliteApprovals
from extproc.approvals.waiter import ApprovalWaiter
from tests.unit.approvals.samples import request, vote

SRE = ("sre",)
SECOND = 1_000_000_000
SOON_S = 30.0


class Told:
    """Changes that a test tells, with a switch: it may fail."""

    def __init__(self):
        self.said = queue.SimpleQueue()
        self.waits = 0
        self.closed = threading.Event()

    def wait(self, timeout_s):
        self.waits += 1
        try:
            said = self.said.get(timeout=min(timeout_s, 0.05))
        except queue.Empty:
            return False
        if isinstance(said, Exception):
            raise said
        return said

    def close(self):
        self.closed.set()


@pytest.fixture
async def told():
    return Told()


@pytest.fixture
async def listener(told):
    made = ChangeListener(told)
    yield made
    await made.finish()


async def test_a_change_ends_the_wait(told, listener):
    waiting = asyncio.create_task(listener.wait(SOON_S))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    told.said.put(True)
    assert await asyncio.wait_for(waiting, SOON_S)
    assert not await listener.wait(0.1), "one change, one answer"


async def test_no_change_is_no_wait_without_an_end(listener):
    assert not await listener.wait(0.05)


async def test_a_change_between_two_waits_is_not_lost(told, listener):
    told.said.put(True)
    await asyncio.sleep(0.2)
    assert await listener.wait(SOON_S)


async def test_whoever_begins_to_wait_can_wake_the_others(listener):
    waiting = asyncio.create_task(listener.wait(SOON_S))
    await asyncio.sleep(0)
    listener.tell()
    assert await asyncio.wait_for(waiting, SOON_S)


async def test_a_failure_is_told_as_a_change_and_listening_goes_on(told, listener):
    """Something may have changed unseen."""
    told.said.put(ZeroDivisionError())
    assert await listener.wait(LISTEN_S * 5)
    told.said.put(True)
    assert await listener.wait(SOON_S)


async def test_finishing_ends_the_thread(told):
    made = ChangeListener(told)
    await made.finish()
    assert told.closed.is_set()
    waits = told.waits
    await asyncio.sleep(0.2)
    assert told.waits == waits
    assert "approvals-listen" not in [each.name for each in threading.enumerate()]


class Telling(SqliteApprovals):
    """A store that tells of changes when a test says so, and counts how often it is asked."""

    def __init__(self, path):
        super().__init__(path)
        self.told, self.looks = Told(), 0

    def listen(self):
        return self.told

    def closed_among(self, approval_ids):
        self.looks += 1
        return super().closed_among(approval_ids)


def opened(store):
    made = request(quorum=request().quorum.any_of("sre"), expires_ns=time.time_ns() + 60 * SECOND)
    store.open(made)
    return made


async def test_a_store_that_tells_is_asked_when_it_does_and_now_and_then(tmp_path):
    store = Telling(tmp_path / "a.db")
    waiter = ApprovalWaiter(store, 0.01, time.time_ns)
    one = opened(store)
    task = asyncio.create_task(waiter.wait(one.approval_id, time.time_ns() + 60 * SECOND))
    await asyncio.sleep(LISTEN_S / 2)
    assert store.looks == 1, "once at first, and not again for nothing"
    store.vote(one.approval_id, vote(at_ns=time.time_ns()), SRE)
    store.told.said.put(True)
    assert (await asyncio.wait_for(task, LISTEN_S / 2)).state is State.APPROVED
    await waiter.finish()
    assert store.told.closed.is_set()


async def test_a_decision_that_nobody_tells_of_is_found_all_the_same(tmp_path):
    store = Telling(tmp_path / "a.db")
    waiter = ApprovalWaiter(store, 0.01, time.time_ns)
    one = opened(store)
    task = asyncio.create_task(waiter.wait(one.approval_id, time.time_ns() + 60 * SECOND))
    await asyncio.sleep(0.2)
    store.vote(one.approval_id, vote(at_ns=time.time_ns()), SRE)
    assert (await asyncio.wait_for(task, SOON_S)).state is State.APPROVED
    await waiter.finish()


async def test_a_call_that_begins_to_wait_is_asked_about_at_once(tmp_path):
    """It may have been decided before anybody waited for it."""
    store = Telling(tmp_path / "a.db")
    waiter = ApprovalWaiter(store, 0.01, time.time_ns)
    first, second = opened(store), opened(store)
    until = time.time_ns() + 60 * SECOND
    waiting = asyncio.create_task(waiter.wait(first.approval_id, until))
    await asyncio.sleep(0.2)
    store.vote(second.approval_id, vote(at_ns=time.time_ns()), SRE)
    assert (await asyncio.wait_for(waiter.wait(second.approval_id, until), LISTEN_S / 2)).state is State.APPROVED
    waiting.cancel()
    await waiter.finish()


async def test_many_changes_cost_few_queries(tmp_path):
    """The interval holds however much is told."""
    store = Telling(tmp_path / "a.db")
    waiter = ApprovalWaiter(store, 0.2, time.time_ns)
    one = opened(store)
    task = asyncio.create_task(waiter.wait(one.approval_id, time.time_ns() + 60 * SECOND))
    began = time.monotonic()
    for _ in range(50):
        store.told.said.put(True)
        await asyncio.sleep(0.02)
    assert store.looks <= 2 + (time.monotonic() - began) / 0.2
    task.cancel()
    await waiter.finish()


async def test_a_vote_through_another_process_releases_at_once(postgresql):
    """By ``LISTEN``: no query would have found it for two seconds."""
    url = postgresql.url(postgresql.empty_database())
    here, there = PostgresApprovals(url), PostgresApprovals(url)
    waiter = ApprovalWaiter(here, 0.05, time.time_ns)
    one = opened(here)
    task = asyncio.create_task(waiter.wait(one.approval_id, time.time_ns() + 60 * SECOND))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(there.vote, one.approval_id, vote(at_ns=time.time_ns()), SRE)
    assert (await asyncio.wait_for(task, LISTEN_S / 2)).state is State.APPROVED
    await waiter.finish()


async def test_a_database_that_is_killed_meanwhile_releases_after_it_is_back(postgresql):
    url = postgresql.url(postgresql.empty_database())
    here, there = PostgresApprovals(url), PostgresApprovals(url)
    waiter = ApprovalWaiter(here, 0.05, time.time_ns)
    one = opened(here)
    task = asyncio.create_task(waiter.wait(one.approval_id, time.time_ns() + 120 * SECOND))
    await asyncio.sleep(0.2)
    with postgresql.mended():
        postgresql.kill()
        await asyncio.sleep(1)
        assert not task.done()
    await asyncio.to_thread(there.vote, one.approval_id, vote(at_ns=time.time_ns()), SRE)
    assert (await asyncio.wait_for(task, SOON_S)).state is State.APPROVED
    await waiter.finish()
