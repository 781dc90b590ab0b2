"""Run blocking work in a thread."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(work: Callable[..., T], *arguments: object) -> T:
    """Run the work in a thread, and return its result. It is done even if this is cancelled.

    A cancellation waits for the end of the work: what comes after it can count on what the work did.

    Raises:
        Exception: the work's own error.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
