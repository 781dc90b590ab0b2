"""Do much work a little at a time, so that other tasks go on between."""

import asyncio
from collections.abc import Coroutine, Iterable
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
AT_ONCE = 16


async def few_at_once(work: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Do the work, 16 pieces at once, and return what each gave, in their order.

    Args:
        work: makes a coroutine only when its turn comes. Each may run without waiting for anything.

    Raises:
        Exception: the first error of one of them; no more of them are begun.
    """
    left, done = iter(work), list[T]()
    while batch := tuple(islice(left, AT_ONCE)):
        done += await asyncio.gather(*batch)
        await asyncio.sleep(0)
    return done
