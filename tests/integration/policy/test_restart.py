"""Workers that die while the policy's files are broken come back with the policy that was in force."""

import asyncio
import contextlib
import os
import re
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from extproc.config.load import load_settings
from extproc.policy.bundle.policy_status import RefusedCandidate, read_statuses
from extproc.supervise.children import worker_endpoint
from extproc.supervise.probes import answers_grpc
from tests.integration.guard.stack import Stack, run_stack, write_config
from tests.integration.guard.test_up import UP, Product, ports
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import run_upstream

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

POLICY = """package extproc
default decision := {"action": "deny", "rule": "default"}
decision := {"action": "allow", "rule": "id"} if input.call.arguments.id == "%s"
decision := {"action": "allow", "rule": "endless"} if {
	input.call.arguments.q == "endless"
	all := numbers.range(1, 5000)
	count([1 | some a in all; some b in all; some c in all; a + b == c]) >= 0
}
"""
BROKEN = "package extproc\n\ndecision := {\n"
WITHIN_S = 60.0


def policy(folder: Path, allowed: int | None) -> str:
    """The policy that allows this customer, or one that is no policy."""
    file = folder / "policy.rego"
    file.with_suffix(".new").write_text(POLICY % allowed if allowed else BROKEN)
    return str(file.with_suffix(".new").replace(file))  # at once: nobody reads half of it


@contextlib.asynccontextmanager
async def run_product() -> AsyncIterator[Product]:
    with short_folder() as folder:
        async with run_upstream() as upstream:
            issuer = Issuer(folder)
            config = write_config(
                folder, issuer, upstream.address, workers=2, policy={"paths": [policy(folder, 1)], "reload": 0.2},
                limits={"decision_timeout": 0.2, "message_timeout": 10.0, "drain": 1.0}, **ports(),
            )  # fmt: skip
            stack = Stack(folder, config, load_settings(config), issuer, upstream)
            async with Product(stack, folder / "up.log").running() as product:
                yield product


def decided_by(stack: Stack) -> list[tuple[str, RefusedCandidate | None]]:
    """What each worker that runs decides by, and what it refused."""
    return [(one.revision, one.refused) for one, runs in read_statuses(stack.settings.state / "policy") if runs]


async def answers(product: Product, customer: int, status: int) -> None:
    """Wait until calls for this customer are answered so, whichever worker has them."""
    row = 0
    async with asyncio.timeout(WITHIN_S):
        while row < 6:
            row = row + 1 if (await product.call(path=f"/customers/{customer}")).status_code == status else 0


async def both_serve(stack: Stack) -> None:
    async with asyncio.timeout(WITHIN_S):
        for index in (0, 1):
            while not await answers_grpc(worker_endpoint(stack.settings, index)):
                await asyncio.sleep(0.05)


async def until_both(stack: Stack, *, refused: bool) -> None:
    async with asyncio.timeout(WITHIN_S):
        while [bool(refusal) for _, refusal in decided_by(stack)] != [refused, refused]:
            await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
async def test_workers_that_die_on_a_broken_policy_come_back_with_the_good_one() -> None:
    async with run_product() as product:
        stack = product.stack
        kept = stack.settings.state / "policy"
        assert {stat.S_IMODE(file.stat().st_mode) for file in kept.glob("*.kept")} == {0o600}
        policy(stack.folder, 2)
        await answers(product, 2, 200)
        policy(stack.folder, None)
        await until_both(stack, refused=True)
        in_force = decided_by(stack)[0][0]
        for _ in range(2):
            await both_serve(stack)
            for index in (0, 1):
                os.kill(product.worker(index), signal.SIGKILL)
            await answers(product, 2, 200)
            await answers(product, 1, 403)
        await both_serve(stack)
        await until_both(stack, refused=True)
        assert {revision for revision, _ in decided_by(stack)} == {in_force}
        assert {Path(refusal.why.split(":")[0]).name for _, refusal in decided_by(stack) if refusal} == {
            "policy.rego"
        }
        assert product.log().count("policy refused") >= 4

        assert (await product.call(path="/lookup?q=endless")).status_code >= 500
        await answers(product, 2, 200)

        policy(stack.folder, 3)
        await answers(product, 3, 200)
        await until_both(stack, refused=False)
        assert not {revision for revision, _ in decided_by(stack)} & {in_force}


async def test_a_stop_forgets_and_a_start_needs_a_policy_of_its_own() -> None:
    async with run_product() as product:
        kept = product.stack.settings.state / "policy"
        copy = (kept / "worker-0.kept").read_bytes()
        assert product.process
        product.process.terminate()
        await product.ended(WITHIN_S)
        assert not list(kept.glob("*.kept"))

        (kept / "worker-0.kept").write_bytes(copy)  # as after a power failure
        (kept / "worker-0.kept").chmod(0o600)
        policy(product.stack.folder, None)
        again = await asyncio.create_subprocess_exec(
            *UP, str(product.stack.config), stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
        )
        _, told = await asyncio.wait_for(again.communicate(), WITHIN_S)
        assert again.returncode == 1
        assert b"policy.rego" in told
        assert b"Traceback" not in told


async def test_workers_without_a_supervisor_come_back_too_but_not_after_a_stop() -> None:
    with short_folder() as folder:
        async with run_stack(workers=2, policy={"paths": [policy(folder, 1)]}) as stack:
            policy(folder, None)
            for worker in stack.workers:
                await worker.kill()
            await stack.revive()
            [(revision, _), _] = decided_by(stack)
            assert re.findall(r"policy refused .* kept=(\w+)", stack.logs()) == [revision, revision]
            for worker in stack.workers:
                await worker.kill(signal.SIGTERM)
            with pytest.raises(AssertionError, match=r"the worker ended[^$]*policy\.rego"):
                await stack.workers[0].start()
