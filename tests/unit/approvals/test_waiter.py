"""Waiting for people, with a store that can be told to fail."""

import asyncio
import contextlib
import threading
import time

import pytest

from extproc.approvals.approval import State
from extproc.approvals.port import MOST_TICKETS
from extproc.approvals.sqlite import SqliteApprovals
from extproc.approvals.waiter import ApprovalWaiter
from extproc.model.errors import ApprovalError
from tests.unit.approvals.samples import request, vote

SECOND = 1_000_000_000
SOON_S, PATIENCE_S = 30.0, 60.0
"""Waited for only when a test fails; and what no machine is too slow for."""
SRE = ("sre",)


class Faulty(SqliteApprovals):
    """The real store, with switches."""

    looks = 0
    failure: Exception | None = None
    hangs: threading.Event | None = None
    """It answers when this is set."""

    def closed_among(self, approval_ids):
        self.looks += 1
        self._fault()
        return super().closed_among(approval_ids)

    def abandon(self, approval_id, now_ns):
        self._fault()
        return super().abandon(approval_id, now_ns)

    def expire(self, approval_id, now_ns):
        self._fault()
        return super().expire(approval_id, now_ns)

    def issue_ticket(self, approval_id, now_ns, at_most=MOST_TICKETS):
        self._fault()
        return super().issue_ticket(approval_id, now_ns, at_most)

    def _fault(self):
        if self.hangs is not None:
            self.hangs.wait(SOON_S)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def store(tmp_path):
    made = Faulty(tmp_path / "approvals.db")
    yield made
    made.close()


@pytest.fixture
async def waiter(store):
    made = ApprovalWaiter(store, 0.01, time.time_ns, patience_s=PATIENCE_S)
    yield made
    await made.finish()


async def looked(store, times=2):
    """That many looks more were taken; the last may be under way."""
    enough = store.looks + times
    async with asyncio.timeout(SOON_S):
        while store.looks < enough:
            await asyncio.sleep(0.005)


def opened(store, **changes):
    made = request(minimum=1, expires_ns=time.time_ns() + 60 * SECOND, **changes)
    store.open(made)
    return made


async def ended(waiter, approval_id, until_ns):
    """Wait until then, and expire what is still open."""
    return await waiter.wait(approval_id, until_ns) or await waiter.expire(approval_id)


async def held(waiter, request, seconds=30.0):
    task = asyncio.create_task(ended(waiter, request.approval_id, time.time_ns() + int(seconds * SECOND)))
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(("approve", "state"), [(True, State.APPROVED), (False, State.DENIED)])
async def test_a_decision_ends_the_wait(store, waiter, approve, state):
    """Whoever waits is told how it was decided, with the votes."""
    one = opened(store)
    task = await held(waiter, one)
    store.vote(one.approval_id, vote(approve=approve), SRE)
    answer = await asyncio.wait_for(task, SOON_S)
    assert answer.state is state
    assert answer.votes[0].note == "ticket 42"


async def test_a_decision_before_the_wait_is_seen(store, waiter):
    """Nothing is missed between opening and waiting."""
    one = opened(store)
    store.vote(one.approval_id, vote(), SRE)
    assert (await asyncio.wait_for(await held(waiter, one), SOON_S)).state is State.APPROVED


async def test_the_deadline_closes_the_request(store, waiter):
    """In the store too: a later vote is refused."""
    one = opened(store)
    assert (await (await held(waiter, one, seconds=0.03))).state is State.EXPIRED
    assert store.get(one.approval_id).state is State.EXPIRED


async def test_a_decision_that_races_the_deadline_has_the_word(store):
    """The compare-and-swap decides, not who looks first."""
    slow = ApprovalWaiter(store, 60.0, time.time_ns)
    one = opened(store)
    task = await held(slow, one, seconds=0.05)
    store.vote(one.approval_id, vote(), SRE)
    assert (await task).state is State.APPROVED
    await slow.finish()


async def test_a_deadline_in_the_past_expires_at_once(store, waiter):
    """No negative wait."""
    one = opened(store)
    assert (await ended(waiter, one.approval_id, 0)).state is State.EXPIRED


async def test_a_clock_set_back_does_not_prolong_the_wait(store):
    """The wait is measured on the monotonic clock once it has begun."""
    now = [time.time_ns()]
    waiter = ApprovalWaiter(store, 0.01, lambda: now[0])
    one = opened(store)
    task = asyncio.create_task(ended(waiter, one.approval_id, now[0] + SECOND // 20))
    await asyncio.sleep(0)
    now[0] -= 3_600 * SECOND
    assert (await asyncio.wait_for(task, SOON_S)).state is State.EXPIRED
    await waiter.finish()


@pytest.mark.slow
async def test_one_look_serves_all(store, waiter):
    """A hundred held calls cost one query per tick."""
    many = [opened(store) for _ in range(100)]
    tasks = [await held(waiter, one) for one in many]
    store.looks, began = 0, time.monotonic()
    await looked(store, 5)
    assert store.looks <= 1 + (time.monotonic() - began) / 0.01
    for one in many[:50]:
        store.vote(one.approval_id, vote(), SRE)
    answers = await asyncio.wait_for(asyncio.gather(*tasks[:50]), SOON_S)
    assert [answer.request.approval_id for answer in answers] == [one.approval_id for one in many[:50]]
    assert waiter.waiting == 50
    for task in tasks[50:]:
        task.cancel()
    await asyncio.gather(*tasks[50:], return_exceptions=True)
    assert waiter.waiting == 0


async def test_nobody_looks_while_nothing_waits(store, waiter):
    """Neither before the first wait nor after the last; and a new wait is served again."""
    await asyncio.sleep(0.03)
    assert store.looks == 0
    one = opened(store)
    await (await held(waiter, one, seconds=0.03))
    last = [task for task in asyncio.all_tasks() if task.get_name() == "approvals-poll"]
    await asyncio.wait(last, timeout=SOON_S) if last else None  # it may have begun before
    looks = store.looks
    await asyncio.sleep(0.05)
    assert store.looks == looks
    again = opened(store)
    task = await held(waiter, again)
    store.vote(again.approval_id, vote(), SRE)
    assert (await asyncio.wait_for(task, SOON_S)).state is State.APPROVED


async def test_a_caller_that_leaves_cancels_its_request(store, waiter):
    """The task is cancelled, then ``abandon`` closes the request."""
    one = opened(store)
    task = await held(waiter, one)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.get(one.approval_id).state is State.PENDING
    assert await waiter.abandon(one.approval_id)
    assert store.get(one.approval_id).state is State.CANCELLED
    assert waiter.waiting == 0


async def test_abandon_survives_its_own_cancellation(store, waiter):
    """A second cancellation while the store is slow does not leave the request open."""
    one = opened(store)
    store.hangs = threading.Event()
    task = asyncio.create_task(waiter.abandon(one.approval_id))
    await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert store.get(one.approval_id).state is State.PENDING
    store.hangs.set()
    await waiter.finish()
    assert store.get(one.approval_id).state is State.CANCELLED


async def test_abandon_never_raises(store, waiter):
    """The caller's cancellation must go on; the request expires by itself."""
    one = opened(store)
    store.failure = ApprovalError("gone")
    assert not await waiter.abandon(one.approval_id)


@pytest.mark.parametrize("failure", [ApprovalError("gone"), ZeroDivisionError()])
async def test_calls_go_on_waiting_while_the_store_is_away(store, waiter, failure):
    """However often it is asked in vain; once it is back, who was approved is released."""
    approved, other = opened(store), opened(store)
    tasks = [await held(waiter, each) for each in (approved, other)]
    store.failure = failure
    await looked(store, 20)
    assert not any(task.done() for task in tasks)
    store.failure = None
    store.vote(approved.approval_id, vote(), SRE)
    assert (await asyncio.wait_for(tasks[0], SOON_S)).state is State.APPROVED
    assert not tasks[1].done()
    tasks[1].cancel()


@pytest.mark.parametrize("failure", [ApprovalError("gone"), ZeroDivisionError()])
async def test_nobody_is_released_by_a_store_that_is_away_until_the_deadline(store, waiter, failure):
    """The request was approved, and nobody can say so: our error, which denies, whatever the store raised."""
    one = opened(store)
    task = await held(waiter, one, seconds=0.3)
    store.failure = failure
    store.vote(one.approval_id, vote(), SRE)
    [error] = await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), SOON_S)
    assert type(error) is ApprovalError


async def test_waiting_works_again_after_an_outage(store, waiter):
    """A failed wait leaves nothing behind."""
    store.failure = ApprovalError("gone")
    with pytest.raises(ApprovalError):
        await asyncio.wait_for(await held(waiter, opened(store), seconds=0.05), SOON_S)
    assert waiter.waiting == 0
    store.failure = None
    one = opened(store)
    task = await held(waiter, one)
    store.vote(one.approval_id, vote(), SRE)
    assert (await asyncio.wait_for(task, SOON_S)).state is State.APPROVED


async def test_a_query_that_hangs_is_given_up_and_made_again(store):
    """A thread that never returns does not deafen the others for ever."""
    impatient = ApprovalWaiter(store, 0.01, time.time_ns, patience_s=0.1)
    one = opened(store)
    store.hangs = stuck = threading.Event()
    task = await held(impatient, one)
    await looked(store, 1)
    store.hangs = None
    store.vote(one.approval_id, vote(), SRE)
    assert (await asyncio.wait_for(task, SOON_S)).state is State.APPROVED
    stuck.set()
    await impatient.finish()


async def test_a_store_that_hangs_is_an_error_at_the_deadline(store):
    """Closing is bounded too."""
    impatient = ApprovalWaiter(store, 60.0, time.time_ns, patience_s=0.2)
    one = opened(store)
    store.hangs = threading.Event()
    with pytest.raises(ApprovalError):
        await ended(impatient, one.approval_id, 0)
    assert not store.hangs.is_set()
    assert store.get(one.approval_id).state is State.PENDING
    store.hangs.set()
    await impatient.finish()


@pytest.mark.parametrize("failure", [ApprovalError("gone"), ZeroDivisionError()])
async def test_a_store_that_fails_at_the_deadline_is_an_error(store, waiter, failure):
    """An expiry that cannot be written is not an answer."""
    store.failure = failure
    with pytest.raises(ApprovalError):
        await ended(waiter, opened(store).approval_id, 0)


async def test_an_unknown_request_is_never_approved(store, waiter):
    """A store that was replaced does not know it: an error at the deadline."""
    with pytest.raises(ApprovalError):
        await (await held(waiter, request(), seconds=0.03))


async def test_finish_fails_who_still_waits(store, waiter):
    """A stopping worker leaves nobody hanging."""
    task = await held(waiter, opened(store))
    await waiter.finish()
    with pytest.raises(ApprovalError):
        await task


async def test_two_waits_on_one_request_are_both_told(store, waiter):
    """And one leaving does not deafen the other."""
    one = opened(store)
    first, second, third = [await held(waiter, one) for _ in range(3)]
    third.cancel()
    store.vote(one.approval_id, vote(), SRE)
    answers = await asyncio.wait_for(asyncio.gather(first, second), SOON_S)
    assert {answer.state for answer in answers} == {State.APPROVED}


async def test_a_wait_that_is_over_leaves_the_request_open(store, waiter):
    one = opened(store)
    assert await waiter.wait(one.approval_id, time.time_ns() + SECOND // 50) is None
    assert store.get(one.approval_id).state is State.PENDING
    assert (await waiter.issue_ticket(one.approval_id)).ticketed
    assert await waiter.abandon(one.approval_id)
    assert store.get(one.approval_id).state is State.PENDING


async def test_a_ticket_for_what_was_decided_meanwhile_says_so(store, waiter):
    one = opened(store)
    store.vote(one.approval_id, vote(), SRE)
    assert (await waiter.issue_ticket(one.approval_id)).state is State.APPROVED


@pytest.mark.parametrize("failure", [ApprovalError("gone"), ZeroDivisionError()])
async def test_a_ticket_that_cannot_be_written_is_an_error(store, waiter, failure):
    one = opened(store)
    store.failure = failure
    with pytest.raises(ApprovalError):
        await waiter.issue_ticket(one.approval_id)
