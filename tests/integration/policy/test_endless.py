"""An evaluation without an end: its call is denied, and the worker that it held is ended."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.integration.guard.stack import run_stack

POLICY = Path(__file__).parent / "endless.rego"

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]


async def test_the_call_fails_at_envoy_and_the_worker_ends() -> None:
    limits = {"decision_timeout": 0.2, "message_timeout": 0.5}
    async with run_stack(workers=2, policy={"paths": [str(POLICY)]}, limits=limits) as stack:
        assert (await stack.call("GET", "/customers/1")).status_code == 200
        answer = await stack.call("GET", "/lookup?q=endless")
        assert answer.status_code >= 500
        assert len(stack.reached) == 1
        async with asyncio.timeout(20):
            while all(worker.running for worker in stack.workers):
                await asyncio.sleep(0.05)
        [ended] = [worker for worker in stack.workers if not worker.running]
        assert ended.process.returncode == -signal.SIGVTALRM
        await stack.revive()
        assert (await stack.call("GET", "/customers/1")).status_code == 200
