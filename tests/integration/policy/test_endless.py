"""An evaluation without an end: its call is denied, and the worker that it held is ended."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.integration.guard.stack import kinds, run_stack, terminals

POLICY = Path(__file__).parent / "endless.rego"

LIMITS = {"decision_timeout": 0.2, "message_timeout": 10.0}
"""The first is of the worker's own time; Envoy gives up only when the worker has ended."""

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]


async def test_the_call_fails_at_envoy_and_the_worker_ends() -> None:
    async with run_stack(workers=2, policy={"paths": [str(POLICY)]}, limits=LIMITS) as stack:
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


async def test_the_only_worker_leaves_a_record_of_the_call_it_did_not_survive() -> None:
    """Envoy's own account of the call may go with the stream on which it would have been told."""
    async with run_stack(workers=1, policy={"paths": [str(POLICY)]}, limits=LIMITS) as stack:
        assert (await stack.call("GET", "/customers/1")).status_code == 200
        await stack.settled()
        stack.fresh()
        answer = await stack.call("GET", "/lookup?q=endless")
        assert answer.status_code >= 500
        await stack.workers[0].gone()
        await stack.workers[0].start()
        entry = await stack.ended()
        assert (entry["kind"], entry["reason"], entry["rule"]) == ("call.denied", "policy-error", "policy")
        assert (entry["function"], entry["subject"]) == ("crm.lookup", "alice")
        assert entry["detail"] == "the evaluation did not end, and its worker was ended"
        assert entry["call_id"] == entry["request_id"] == answer.json()["request_id"]
        assert {each["call_id"] for each in stack.entries()} == {entry["call_id"]}
        assert not stack.reached
        assert "endless" not in str(stack.entries())


async def test_the_end_of_the_call_before_is_not_lost_with_the_worker() -> None:
    """It was queued when the evaluation began, and the writer's thread never ran again."""
    async with run_stack(workers=1, policy={"paths": [str(POLICY)]}, limits=LIMITS) as stack:
        for _ in range(3):
            stack.fresh()
            before = await stack.call("GET", "/customers/1")
            await stack.call("GET", "/lookup?q=endless")
            await stack.workers[0].gone()
            await stack.workers[0].start()
            assert (await stack.ended_of(before))["kind"] == "call.completed"
            found = await stack.until(lambda entries: len(terminals(entries)) >= 2)
            assert kinds(terminals(found)) == ["call.completed", "call.denied"]
        assert not list(stack.settings.evidence.spool.glob("*.making"))


async def test_a_response_on_which_policy_never_ends_is_withheld_and_recorded() -> None:
    """The call has reached the backend: its entries, and Envoy's, bear the guard's id."""
    policy = {"paths": [str(POLICY.with_name("endless_response.rego"))]}
    async with run_stack(workers=1, policy=policy, limits=LIMITS) as stack:
        answer = await stack.call("GET", "/lookup?q=endless")
        assert answer.status_code >= 500
        await stack.workers[0].gone()
        await stack.workers[0].start()
        entry = await stack.ended()
        assert (entry["kind"], entry["reason"], entry["rule"]) == (
            "call.failed",
            "policy-error",
            "policy.response",
        )
        assert {each["call_id"] for each in stack.entries()} == {entry["call_id"]}
        assert "call.decided" in kinds(stack.entries())
        assert len(stack.reached) == 1
