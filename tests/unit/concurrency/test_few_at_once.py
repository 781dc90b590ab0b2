"""Much work that waits for nothing lets other tasks run all the same."""

import asyncio
from itertools import pairwise

import pytest

from extproc.concurrency.background import background
from extproc.concurrency.few_at_once import AT_ONCE, few_at_once


async def test_other_tasks_go_on_and_the_results_are_in_order():
    begun, seen = [], []

    async def piece(number):
        begun.append(number)
        return number

    async def watch():
        while True:
            seen.append(len(begun))
            await asyncio.sleep(0)

    async with background(watch()):
        found = await few_at_once(map(piece, range(10 * AT_ONCE + 1)))
    assert found == begun == list(range(10 * AT_ONCE + 1))
    assert max(after - before for before, after in pairwise(seen)) <= AT_ONCE


async def test_after_an_error_nothing_is_begun():
    begun = []

    async def piece(number):
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        await few_at_once(map(piece, range(100)))
    assert begun == list(range(AT_ONCE))
