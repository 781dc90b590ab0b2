"""A guard that asks OPA: decided by it, denied without it, and everybody who looks is told."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.guard.stack import Stack, run_stack
from tests.integration.policy.test_bad_answers import opa
from tests.integration.support.envoy_process import short_folder

POLICY = Path(__file__).parent / "on_envoy.rego"

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]


async def status(stack: Stack, *, fails: int) -> list[dict]:
    """What ``extproc policy status`` says, once it ends with this."""
    command = [sys.executable, "-m", "extproc", "policy", "status", "--json", "--config", str(stack.config)]
    async with asyncio.timeout(60):
        while True:
            ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
            if ended.returncode == fails:
                return json.loads(ended.stdout)
            await asyncio.sleep(0.1)


async def test_opa_decides_and_without_it_nobody_does(opa_binary: Path) -> None:
    with short_folder() as folder, opa(opa_binary, folder / "o", POLICY) as (process, address):
        asked = {"address": address, "failures": 2, "pause": 60.0, "timeout": 8.0}
        limits = {"decision_timeout": 10.0, "message_timeout": 20.0}
        async with run_stack(
            workers=1, policy={"paths": [], "engine": "opa", "opa": asked, "reload": 0.1}, limits=limits
        ) as stack:
            answer = await stack.call("GET", "/customers/1")
            assert answer.status_code == 200
            entry = await stack.ended()
            [said] = await status(stack, fails=0)
            assert (said["engine"], said["revision"], said["trouble"]) == ("opa", entry["policy_revision"], "")
            assert len(entry["policy_revision"]) == 64

            process.kill()
            process.wait()
            details = []
            for calls in range(2, 6):
                answer = await stack.call("GET", "/customers/1")
                assert (answer.status_code, answer.json()["reason"]) == (403, "policy-error")
                details.append((await stack.ended(calls))["detail"])
            assert details[0].startswith("OPA gave no answer (")
            assert details[-1] == "OPA is not asked: 2 questions in a row had no answer"
            [said] = await status(stack, fails=1)
            assert said["trouble"] == "OPA does not answer: its breaker is open"
            assert "policy engine" in stack.logs()
            assert len(stack.reached) == 1


async def test_the_bundles_that_decided_are_in_the_record_the_status_and_the_log(opa_binary: Path) -> None:
    with short_folder() as folder:
        (folder / "b").mkdir()
        (folder / "b" / "policy.rego").write_text(POLICY.read_text())
        packed = folder / "main.tar.gz"
        build = [opa_binary.absolute(), "build", "-b", "b", "-o", packed, "--revision", "2026-08-01-abc"]
        subprocess.run(build, cwd=folder, check=True, capture_output=True)
        with opa(opa_binary, folder / "o", "-b", packed) as (_, address):
            asked = {"address": address, "timeout": 8.0}
            limits = {"decision_timeout": 10.0, "message_timeout": 20.0}
            async with run_stack(
                workers=1, policy={"paths": [], "engine": "opa", "opa": asked, "reload": 0.1}, limits=limits
            ) as stack:
                assert (await stack.call("GET", "/customers/1")).status_code == 200
                [named] = (await stack.ended())["policy_bundles"]
                assert named.endswith("main.tar.gz@2026-08-01-abc")
                [said] = await status(stack, fails=0)
                assert said["bundles"] == [named]
                assert "2026-08-01-abc" in stack.logs()
