"""opa-python-client, which shares no code with ours, is told the same by the same OPA."""

import json
import random
import subprocess
from contextlib import asynccontextmanager

import pytest
from opa_client.opa_async import AsyncOpaClient

from benchmarks.stage import free_port, wait_for
from extproc.model.errors import PolicyError
from extproc.policy.opa.opa_engine import OpaEngine
from extproc.policy.opa.opa_server import OpaServer

POLICY = """package t

decision := {"action": "deny"} if input.call.amount > 10

decision := {"action": "allow", "seen": input} if input.call.amount <= 10
"""
QUERY = {"strict-builtin-errors": "true", "provenance": "true"}


@pytest.fixture(scope="module")
def opa_port(opa_binary, tmp_path_factory):
    """A running OPA on TCP: the other client knows nothing else."""
    file = tmp_path_factory.mktemp("opa") / "t.rego"
    file.write_text(POLICY)
    port = free_port()
    command = [opa_binary, "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error", file]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"127.0.0.1:{port}")
        yield port
    finally:
        server.terminate()
        server.wait(30)


@asynccontextmanager
async def both(port: int):
    ours = OpaEngine(OpaServer(f"127.0.0.1:{port}", 30.0), "data.t.decision")
    async with AsyncOpaClient(host="127.0.0.1", port=port, retries=0, timeout=30) as theirs:
        yield ours, theirs
    await ours.close()


async def test_decisions(opa_port):
    pick = random.Random(7)
    decided = set()
    async with both(opa_port) as (ours, theirs):
        for number in range(200):
            amount = pick.choice([pick.randint(0, 20), 2**70, -1, 9.5, None, "x", [], True])
            given = {"call": {"amount": amount, "text": "é\u2028\x00" * pick.randint(0, 50)}, "n": number}
            told = await theirs.query_rule(given, "t", "decision", QUERY)
            decided.add(told.get("result", {}).get("action"))
            if "result" in told:
                assert await ours.evaluate(json.dumps(given).encode()) == told["result"]
            else:
                with pytest.raises(PolicyError, match="the decision is undefined"):
                    await ours.evaluate(json.dumps(given).encode())
    assert decided >= {"allow", "deny"}


async def test_health_and_policies(opa_port):
    async with both(opa_port) as (ours, theirs):
        assert await theirs.check_health({"bundles": "true"}) is await ours.healthy() is True
        before = await ours.refresh()
        assert await theirs.update_policy_from_string("package more\nx := 1\n", "more.rego")
        assert await ours.refresh() != before
        assert len(await theirs.get_policies_list()) == 2
        assert await theirs.delete_policy("more.rego")
        assert await ours.refresh() == before
