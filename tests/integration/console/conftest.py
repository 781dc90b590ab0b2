"""One console and one browser serve every test of this folder."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.browser.chromium import chromium_binary, machine_can_have_one
from tests.integration.console.console_stack import ConsoleStack, run_console


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def running() -> AsyncIterator[ConsoleStack]:
    if chromium_binary() is None and os.environ.get("CI") and machine_can_have_one():
        pytest.fail("no chromium: .ci/run installs it")
    if chromium_binary() is None:
        pytest.skip("no chromium on PATH (Debian: apt-get install chromium)")
    async with run_console() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def console(running: ConsoleStack) -> AsyncIterator[ConsoleStack]:
    running.clear()
    running.stack.fresh()
    yield running
    await running.settle()
