"""Costs of held calls: a thousand at once, waiting in Envoy and in the guard, then released (``make bench``)."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from benchmarks.guard import RESULTS
from benchmarks.load import Connection
from benchmarks.stage import Stage, guarded_bootstrap, pss, staged, usage, wait_for
from extproc.approvals.approval import Approval, Vote
from extproc.approvals.sqlite import SqliteApprovals

POLICY_DATA = {
    "guard": {
        "roles": {"callers": {"functions": ["crm.*"]}},
        "risk": {"default": 80},
        "hold": [{"at": 70, "groups": ["sre"], "min": 1, "expires_in": "10m", "mode": "wait"}],
    }
}
WITHIN_S = 120.0


async def pending(store: SqliteApprovals, wanted: int) -> list[Approval]:
    """Wait until that many calls are held."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        found = await asyncio.to_thread(store.recent, pending_only=True, limit=wanted)
        if len(found) >= wanted:
            return found
        await asyncio.sleep(0.2)
    raise TimeoutError(f"{len(found)} of {wanted} calls held")


async def hold_and_release(
    stage: Stage, port: int, store: SqliteApprovals, pids: dict[str, int], calls: int
) -> dict:
    """Open the calls, look at the processes while all wait, approve each, and count what came back."""
    before = {name: pss(pid) for name, pid in pids.items()}
    request = stage.request().encode()
    tasks = [asyncio.create_task(Connection("127.0.0.1", port).call(request)) for _ in range(calls)]
    held = await pending(store, calls)
    await asyncio.sleep(2)
    during = {name: pss(pid) for name, pid in pids.items()}
    cpu, began = {name: usage(pid).cpu_s for name, pid in pids.items()}, time.monotonic()
    await asyncio.sleep(5)
    idle = {name: (usage(pid).cpu_s - cpu[name]) / (time.monotonic() - began) for name, pid in pids.items()}
    for approval in held:
        vote = Vote("bench|approver", True, "released by the benchmark", time.time_ns())
        await asyncio.to_thread(store.vote, approval.request.approval_id, vote, ("sre",))
    answers = await asyncio.gather(*tasks)
    return {
        "calls": calls,
        "released": sum(status == 200 for status, _ in answers),
        "before_mb": {name: round(value / 1e6, 1) for name, value in before.items()},
        "held_mb": {name: round(value / 1e6, 1) for name, value in during.items()},
        "kb_per_held_call": {name: round((during[name] - before[name]) / calls / 1e3, 1) for name in pids},
        "cpu_share_while_held": {name: round(value, 3) for name, value in idle.items()},
    }


def main() -> None:
    """Measure, print, and keep the figures in ``benchmarks/results``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xb-") as folder, staged(Path(folder), POLICY_DATA) as stage:
        path, settings = stage.settings("held", limits={"held_calls_per_caller": args.calls})
        command = [sys.executable, "-m", "extproc"]
        pids, endpoints = {}, []
        for index in range(args.workers):
            endpoint = f"unix:{settings.state}/worker-{index}.sock"
            serve = [*command, "serve", "-c", str(path), "--index", str(index), "--listen", endpoint]
            pids[f"worker-{index}"] = stage.start(f"worker-{index}", *serve)
            endpoints.append(endpoint)
        for endpoint in endpoints:
            wait_for(endpoint)
        bootstrap = guarded_bootstrap(settings, endpoints[0])
        if len(endpoints) > 1:
            from extproc.envoy_config.render.bootstrap import render_bootstrap

            bootstrap = render_bootstrap(settings, guard_endpoints=endpoints)
        pids["envoy"] = stage.envoy("envoy-held", bootstrap)
        wait_for(settings.envoy.listen)
        time.sleep(2)
        store = SqliteApprovals(settings.approvals.store)
        port = int(settings.envoy.listen.rpartition(":")[2])
        figures = asyncio.run(hold_and_release(stage, port, store, pids, args.calls))
    figures["workers_total_mb"] = round(sum(v for k, v in figures["held_mb"].items() if k != "envoy"), 1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "held.json").write_text(json.dumps(figures, indent=1))
    Console(width=110).print_json(data=figures)


if __name__ == "__main__":
    main()
