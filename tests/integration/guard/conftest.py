"""The whole product on the real Envoy. One stack serves every test that leaves it as it was."""

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.guard.stack import RUNNING, Stack, run_stack
from tests.integration.support.envoy_process import STARTED, EnvoyProcess
from tests.integration.support.shop import Shop, run_shop
from tests.integration.support.shop import settings as shop_settings
from tests.integration.support.upstream import Scripted

SHARED: list[EnvoyProcess] = []
"""Envoys that live longer than one test."""
ANSWER = Scripted(200, [("content-type", "application/json")], [b'{"ok":true}'])


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def shop() -> AsyncIterator[Shop]:
    """A gRPC backend, which some of the stacks forward to."""
    async with run_shop() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def shared_stack(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    connection = shop_settings(
        tmp_path_factory.mktemp("shop"),
        shop.address,
        credential={"file": "credential"},
        approvals={"groups": ["sre"], "expires_in": 60},
    )
    async with run_stack(connections={"shop": connection}) as stack:
        SHARED.append(stack.envoy)
        yield stack


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def shared_faulty(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    credential = {"file": "credential"}
    connections = {"shop": shop_settings(tmp_path_factory.mktemp("shop"), shop.address, credential=credential)}
    limits = {"message_timeout": 3.0}
    async with run_stack(workers=2, faulty=True, limits=limits, connections=connections) as stack:
        SHARED.append(stack.envoy)
        yield stack


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def shared_door(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    connection = shop_settings(tmp_path_factory.mktemp("shop"), shop.address, masking={"response": []})
    limits, connections = {"message_timeout": 3.0}, {"shop": connection}
    async with run_stack(workers=1, door="ext_authz", limits=limits, connections=connections) as stack:
        SHARED.append(stack.envoy)
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def stack(shared_stack: Stack) -> AsyncIterator[Stack]:
    """Two workers; a test must leave both alive."""
    yield _as_new(shared_stack)
    await shared_stack.settled()


@pytest_asyncio.fixture(loop_scope="session")
async def faulty(shared_faulty: Stack) -> AsyncIterator[Stack]:
    """Two workers that break where a header says; one that died is brought back afterwards."""
    yield _as_new(shared_faulty)
    await asyncio.gather(shared_faulty.revive(), shared_faulty.settled())


@pytest_asyncio.fixture(loop_scope="session")
async def door(shared_door: Stack) -> AsyncIterator[Stack]:
    """One worker behind ext_authz."""
    yield _as_new(shared_door)
    await shared_door.settled()


def _as_new(stack: Stack) -> Stack:
    """Each call of a test before has ended, and is recorded."""
    stack.upstream.answer = ANSWER
    stack.fresh()
    return stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        for worker in RUNNING:
            report.sections.append((f"log of {worker.log_file.stem}", worker.log()[-10_000:]))
        for envoy in SHARED:
            if envoy not in STARTED:
                report.sections.append(("log of the shared Envoy", envoy.log()[-8_000:]))
                report.sections.append(("its access log", str(envoy.access_log()[-5:])))
    return report
