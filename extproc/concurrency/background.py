"""Run a task beside a block, and end it with the block."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine


@contextlib.asynccontextmanager
async def background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run ``work`` while the block runs; cancel it when the block ends, and wait until it has ended.

    Args:
        work: runs in a separate task. It may end before the block does.

    Raises:
        Exception: the work's own error, when the block ends. A failing task does not end the block.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await cancel(task)


async def cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait until it has ended. A cancellation of the waiting caller still reaches the caller.

    Raises:
        Exception: the error with which the task had failed.
    """
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
