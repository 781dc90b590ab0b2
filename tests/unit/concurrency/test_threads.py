"""Work in a thread is done, whoever waits for it."""

import asyncio
import threading

import pytest

from extproc.concurrency.threads import to_its_end


async def test_the_result_and_the_error_of_the_work_come_back():
    assert await to_its_end(lambda number: number + 1, 6) == 7
    with pytest.raises(ZeroDivisionError):
        await to_its_end(lambda: 1 // 0)


async def test_a_cancellation_waits_for_the_end_of_the_work():
    began, may_end, done = threading.Event(), threading.Event(), []

    def work():
        began.set()
        may_end.wait(10)
        done.append(True)

    task = asyncio.create_task(to_its_end(work))
    await asyncio.to_thread(began.wait, 10)
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]
