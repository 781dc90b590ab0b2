"""One watcher serves all pages: it asks the store as seldom with many pages as with one."""

import asyncio
import contextlib

import pytest

from extproc.approvals.approval import State
from extproc.console.pages.queue_watcher import QueueWatcher
from extproc.model.errors import ApprovalError
from tests.unit.console.pages.page_samples import approval, numbered

pytestmark = pytest.mark.asyncio
WITHIN_S = 5.0


class Store:
    """A store that can be asked only."""

    def __init__(self, *pending):
        self.pending = list(pending)
        self.closed = []
        self.asked = 0
        self.asked_for = []
        self.failure = None

    def search(self, wanted):
        assert wanted.states == (State.PENDING,)
        self.asked += 1
        if self.failure:
            raise self.failure
        return list(self.pending)

    def closed_among(self, ids):
        self.asked_for.append(ids)
        return [each for each in self.closed if each.request.approval_id in ids]

    def listen(self):
        return None


async def test_nobody_is_asked_without_a_page():
    store = Store()
    QueueWatcher(store, look_s=0.001)
    await asyncio.sleep(0.05)
    assert store.asked == 0


async def test_a_new_request_is_a_new_snapshot():
    store = Store(approval())
    watcher = QueueWatcher(store, look_s=0.01)
    async with watcher.watching():
        first = await watcher.newer(0, WITHIN_S)
        store.pending.append(approval(approval_id=numbered(5)))
        second = await watcher.newer(first.number, WITHIN_S)
        assert (len(first.pending), len(second.pending)) == (1, 2)
        assert await watcher.newer(second.number, 0.05) is None


async def test_many_pages_ask_as_often_as_one():
    store = Store(approval())
    watcher = QueueWatcher(store, look_s=0.05)
    async with contextlib.AsyncExitStack() as pages:
        for _ in range(200):
            await pages.enter_async_context(watcher.watching())
        before = store.asked
        await asyncio.sleep(0.3)
        assert store.asked - before <= 8


async def test_the_watch_ends_with_the_last_page_and_begins_again():
    store = Store()
    watcher = QueueWatcher(store, look_s=0.01)
    async with watcher.watching():
        await watcher.newer(0, WITHIN_S)
    await asyncio.sleep(0.05)
    asked = store.asked
    await asyncio.sleep(0.05)
    assert store.asked == asked
    store.pending.append(approval())
    async with watcher.watching():
        assert len((await watcher.newer(1, WITHIN_S)).pending) == 1


async def test_a_page_of_one_request_sees_how_it_was_closed():
    store = Store(approval())
    watcher = QueueWatcher(store, look_s=0.01)
    shown = approval().request.approval_id
    async with watcher.watching(shown):
        first = await watcher.newer(0, WITHIN_S)
        assert first.find(shown).state is State.PENDING
        store.pending, store.closed = [], [approval(State.DENIED)]
        assert (await watcher.newer(first.number, WITHIN_S)).find(shown).state is State.DENIED
    assert [shown] in store.asked_for


async def test_a_store_that_fails_is_asked_again(monkeypatch):
    monkeypatch.setattr("extproc.console.pages.queue_watcher.AFTER_FAILURE_S", 0.01)
    store = Store(approval())
    store.failure = ApprovalError("gone")
    watcher = QueueWatcher(store, look_s=0.01)
    async with watcher.watching():
        assert await watcher.newer(0, 0.1) is None
        store.failure = None
        assert len((await watcher.newer(0, WITHIN_S)).pending) == 1


async def test_a_slow_store_gets_rest():
    ticks = iter(range(0, 10_000, 1))
    store = Store()
    watcher = QueueWatcher(store, look_s=0.0, monotonic=lambda: float(next(ticks)))
    async with watcher.watching():
        await watcher.newer(0, WITHIN_S)
        await asyncio.sleep(0.2)
        assert store.asked == 1  # each look took a second by this clock: two seconds of rest


class Listening(Store):
    """A store that tells of changes."""

    def __init__(self, *pending):
        super().__init__(*pending)
        self.told = False
        self.closed_listener = False

    def listen(self):
        return self

    def wait(self, timeout_s):
        import time

        deadline = time.monotonic() + min(timeout_s, 0.2)
        while not self.told and time.monotonic() < deadline:
            time.sleep(0.005)
        told, self.told = self.told, False
        return told

    def close(self):
        self.closed_listener = True


async def test_a_store_that_tells_is_asked_when_it_tells():
    store = Listening()
    watcher = QueueWatcher(store, look_s=60.0)
    async with watcher.watching():
        first = await watcher.newer(0, WITHIN_S)
        store.pending.append(approval())
        store.told = True
        assert len((await watcher.newer(first.number, WITHIN_S)).pending) == 1
    async with asyncio.timeout(WITHIN_S):
        while not store.closed_listener:
            await asyncio.sleep(0.01)
