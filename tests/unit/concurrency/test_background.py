"""A background task lives exactly as long as its block."""

import asyncio

import pytest

from extproc.concurrency.background import background, cancel


class Work:
    """Runs until it is cancelled, and remembers how far it came."""

    def __init__(self):
        self.begun = self.ended = False
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def run(self):
        self.begun = True
        try:
            await asyncio.Event().wait()
        finally:
            await self.may_end.wait()
            self.ended = True


async def test_the_work_runs_beside_the_block_and_has_ended_after_it():
    work = Work()
    async with background(work.run()):
        await asyncio.sleep(0)
        assert (work.begun, work.ended) == (True, False)
    assert work.ended


async def test_the_work_ends_with_a_block_that_fails():
    work = Work()

    async def block() -> None:
        async with background(work.run()):
            await asyncio.sleep(0)
            raise ValueError("the block's")

    with pytest.raises(ValueError, match="the block's"):
        await block()
    assert work.ended


async def test_work_that_ends_early_does_not_end_the_block():
    async with background(asyncio.sleep(0)):
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_work_that_fails_tells_so_when_the_block_ends():
    async def fail() -> None:
        raise ValueError("the work's")

    reached = []

    async def block() -> None:
        async with background(fail()):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            reached.append("the end")

    with pytest.raises(ValueError, match="the work's"):
        await block()
    assert reached == ["the end"]


async def test_a_cancelled_block_is_cancelled_and_leaves_no_task():
    work = Work()
    entered = asyncio.Event()

    async def block() -> None:
        async with background(work.run()):
            entered.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(block())
    await entered.wait()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert work.ended


async def test_who_waits_for_the_end_of_a_task_can_be_cancelled():
    """Suppressing the task's cancellation would suppress the caller's, too."""
    work = Work()
    work.may_end.clear()
    task = asyncio.create_task(work.run())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(cancel(task))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    work.may_end.set()
    await asyncio.wait([task])
    assert work.ended
