"""Two machines with one PostgreSQL: each has its own state folder, workers, Envoy and control process."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from extproc.approvals.approval import Approval
from extproc.cli.main import app
from extproc.demo.install import free_ports
from tests.integration.guard.stack import (
    POLL_S,
    READY_S,
    REPOSITORY,
    WITHIN_S,
    Stack,
    dying_with_us,
    kinds,
    run_stack,
)
from tests.support.postgresql import PostgresServer

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

LIVE = {"env": "live"}
AT_ONCE_S = 1.5
"""Less than the interval in which workers ask by themselves."""


@dataclass
class Machine:
    """One of the machines, with its control process."""

    stack: Stack

    def hold(self) -> asyncio.Task[httpx.Response]:
        """Begin a call that has to be approved; no two are the same."""
        return asyncio.create_task(self.stack.call("POST", "/deploys", json={**LIVE, "at": time.time_ns()}))

    async def held(self) -> tuple[asyncio.Task[httpx.Response], Approval]:
        """A call that waits."""
        task = self.hold()
        [approval] = await self.stack.pending()
        return task, approval

    async def ask(self, method: str, path: str, subject: str, **options) -> httpx.Response:
        """Ask this machine's console as one of the sre group, or as a caller."""
        token = self.stack.issuer.token(subject, **({} if subject == "alice" else {"groups": ["sre"]}))
        async with httpx.AsyncClient(timeout=WITHIN_S, trust_env=False) as client:
            url = f"http://{self.stack.settings.control.listen}/api/approvals{path}"
            return await client.request(method, url, headers={"authorization": f"Bearer {token}"}, **options)

    async def approve(self, approval: Approval, subject: str = "bob") -> httpx.Response:
        """Vote for a call through this machine's control process."""
        path = f"/{approval.request.approval_id}/approve"
        return await self.ask("POST", path, subject, json={"note": "looked", "digest": approval.request.digest})

    async def doctor(self, fails: int = 0) -> dict[str, str]:
        """The doctor's line about approvals."""
        argv = ["doctor", "--json", "--only", "state", "--config", str(self.stack.config)]
        done = await asyncio.to_thread(CliRunner().invoke, app, argv)
        assert done.exit_code == fails, done.output
        return next(one for one in json.loads(done.stdout)["findings"] if one["subject"] == "approvals")


@contextlib.asynccontextmanager
async def run_machine(url: str) -> AsyncIterator[Machine]:
    """Start one, which shares the approvals at this URL."""
    (port,) = free_ports(1)
    common = {"approvals": {"store": url}, "control": {"listen": f"127.0.0.1:{port}"}}
    async with run_stack(workers=1, **common) as stack:
        machine = Machine(stack)
        command = [sys.executable, "-m", "extproc", "control", "--config", str(stack.config), "--health", "none"]
        with (stack.folder / "control.log").open("ab") as log:
            control = await asyncio.create_subprocess_exec(
                *dying_with_us(), *command, cwd=REPOSITORY, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(READY_S):
                while True:
                    assert control.returncode is None, (stack.folder / "control.log").read_text()
                    with contextlib.suppress(httpx.TransportError):
                        assert (await machine.ask("GET", "", "bob")).status_code == 200
                        break
                    await asyncio.sleep(POLL_S)
            yield machine
        finally:
            control.kill()
            await control.wait()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def machines(postgresql: PostgresServer) -> AsyncIterator[tuple[Machine, Machine]]:
    url = postgresql.url(postgresql.new_database())
    async with run_machine(url) as here, run_machine(url) as there:
        yield here, there


@pytest_asyncio.fixture(loop_scope="session")
async def pair(machines: tuple[Machine, Machine]) -> AsyncIterator[tuple[Machine, Machine]]:
    for machine in machines:
        machine.stack.fresh()
    yield machines
    for machine in machines:
        await machine.stack.settled()


async def test_a_call_that_one_machine_holds_is_approved_at_the_other(pair: tuple[Machine, Machine]) -> None:
    """Its control process lists it, takes the vote, and the call goes on at once where it waits."""
    here, there = pair
    task, approval = await here.held()
    listed = (await there.ask("GET", "?pending=true", "bob")).json()["approvals"]
    assert [each["approval_id"] for each in listed] == [approval.request.approval_id]
    await asyncio.sleep(0.3)
    assert (await there.approve(approval)).status_code == 200
    assert (await asyncio.wait_for(task, AT_ONCE_S)).status_code == 200
    assert len(here.stack.reached) == 1
    assert there.stack.reached == []
    await here.stack.ended()
    assert kinds(here.stack.entries()) == ["call.held", "call.decided", "call.completed"]


async def test_people_of_two_machines_count_together_and_once(pair: tuple[Machine, Machine]) -> None:
    """The second vote of one person is refused at the other machine, too."""
    here, there = pair
    task, approval = await here.held()
    first, second = await asyncio.gather(here.approve(approval), there.approve(approval))
    assert sorted([first.status_code, second.status_code]) == [200, 409]
    assert (await asyncio.wait_for(task, WITHIN_S)).status_code == 200
    assert len(here.stack.reached) == 1


async def test_the_caller_cannot_approve_at_the_other_machine_either(pair: tuple[Machine, Machine]) -> None:
    here, there = pair
    task, approval = await here.held()
    assert (await there.approve(approval, "alice")).status_code in {403, 409}
    assert here.stack.approvals.get(approval.request.approval_id).votes == ()
    here.stack.vote(approval, approve=False)
    assert (await asyncio.wait_for(task, WITHIN_S)).status_code == 403


async def test_a_call_is_cancelled_through_the_other_machine(pair: tuple[Machine, Machine]) -> None:
    """By its caller: it is not forwarded, and nobody can approve it any more."""
    here, there = pair
    task, approval = await here.held()
    cancelled = await there.ask("POST", f"/{approval.request.approval_id}/cancel", "alice")
    assert cancelled.status_code == 200, cancelled.text
    answer = await asyncio.wait_for(task, AT_ONCE_S)
    assert answer.status_code >= 400
    assert (await here.approve(approval)).status_code == 409
    assert here.stack.reached == []


async def test_a_database_that_is_killed_denies_new_holds_and_releases_old_ones_later(
    pair: tuple[Machine, Machine], postgresql: PostgresServer
) -> None:
    """Calls that need no approval go on; who waits, waits, and is released after the database is back."""
    here, there = pair
    task, approval = await here.held()
    with postgresql.mended():
        postgresql.kill()
        for machine in pair:
            denied = await machine.hold()
            assert (denied.status_code, denied.json()["reason"]) == (503, "approval-unavailable")
            assert (await machine.stack.call()).status_code == 200
        assert (await there.approve(approval)).status_code == 503
        assert "connection refused" in (await there.doctor(fails=1))["what"]
        await asyncio.sleep(6)
        assert not task.done(), "longer than one query may take"
    assert (await there.approve(approval)).status_code == 200
    assert (await asyncio.wait_for(task, WITHIN_S)).status_code == 200
    assert [seen.method for seen in here.stack.reached] == ["GET", "POST"]


async def test_a_database_that_is_frozen_denies_new_holds_in_time(
    pair: tuple[Machine, Machine], postgresql: PostgresServer
) -> None:
    here, _ = pair
    with postgresql.mended():
        postgresql.freeze()
        denied = await asyncio.wait_for(here.hold(), WITHIN_S)
        assert (denied.status_code, denied.json()["reason"]) == (503, "approval-unavailable")
        assert (await here.stack.call()).status_code == 200
    task, approval = await here.held()
    here.stack.vote(approval)
    assert (await asyncio.wait_for(task, WITHIN_S)).status_code == 200


async def test_the_doctor_sees_the_shared_store(pair: tuple[Machine, Machine]) -> None:
    """The tests' server may lose what it confirmed: it runs without fsync, and the doctor says so."""
    for machine in pair:
        found = await machine.doctor()
        assert (found["level"], found["key"]) == ("warning", "approvals.store")
        assert "fsync" in found["hint"]
