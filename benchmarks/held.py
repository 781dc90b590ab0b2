"""Costs of held calls: many at once, waiting in Envoy and in the guard, then released (``make bench``).

10,000 in one worker: ``python -m benchmarks.held --calls 10000 --workers 1``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
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
WITHIN_S = 240.0
AT_ONCE = 100
"""Calls that are opened together."""
DECISIONS = 200
"""Decisions of which the time to the answer is taken, one after the other."""


@dataclass
class HeldCall:
    """One call on its connection, and when its answer came."""

    task: asyncio.Task[tuple[int, bytes]]
    answered_s: float = 0.0

    @classmethod
    def make(cls, port: int, request: bytes) -> HeldCall:
        """Open a connection, and make the call."""
        made = cls(asyncio.create_task(Connection("127.0.0.1", port).call(request)))
        made.task.add_done_callback(made.note)
        return made

    def note(self, _task: object) -> None:
        """Note the time."""
        self.answered_s = time.monotonic()


async def pending(store: SqliteApprovals, calls: dict[str, HeldCall]) -> list[Approval]:
    """Wait until all calls are held.

    Raises:
        RuntimeError: some were answered instead, or it takes too long.
    """
    deadline, wanted = time.monotonic() + WITHIN_S, len(calls)
    while time.monotonic() < deadline:
        found = await asyncio.to_thread(store.recent, pending_only=True, limit=wanted)
        if len(found) >= wanted:
            return found
        ended = [each.task for each in calls.values() if each.task.done()]
        if ended:
            raise RuntimeError(f"{len(ended)} of {wanted} calls were not held: {ended[0].result()}")
        await asyncio.sleep(0.1)
    raise RuntimeError(f"{len(found)} of {wanted} calls held within {WITHIN_S:.0f} s")


async def opened(stage: Stage, port: int, store: SqliteApprovals, calls: int) -> dict[str, HeldCall]:
    """Make so many calls, each with an argument of its own: calls that are the same would share a request."""
    made: dict[str, HeldCall] = {}
    for number in range(calls):
        customer = f"c-{number:06}"
        made[customer] = HeldCall.make(port, stage.request(customer).encode())
        if number % AT_ONCE == AT_ONCE - 1:
            await pending(store, made)  # Envoy waits for the guard's word for limits.message_timeout only
    return made


async def approved(store: SqliteApprovals, approval: Approval) -> float:
    """Approve a request; return when the vote was stored, in seconds."""
    vote = Vote("bench|approver", True, "released by the benchmark", time.time_ns())
    await asyncio.to_thread(store.vote, approval.request.approval_id, vote, ("sre",))
    return time.monotonic()


async def release_times(
    store: SqliteApprovals, held: list[Approval], calls: dict[str, HeldCall], decisions: int
) -> list[float]:
    """Decide about some of the held calls, one by one; return the milliseconds from the vote to each answer."""
    times = []
    for approval in held[:: max(1, len(held) // decisions)][:decisions]:
        call = calls[json.loads(approval.request.preview)["id"]]
        voted_s = await approved(store, approval)
        await call.task
        times.append((call.answered_s - voted_s) * 1e3)
    return times


async def hold_and_release(
    stage: Stage, port: int, store: SqliteApprovals, pids: dict[str, int], calls: int
) -> dict:
    """Open the calls, look at the processes while all wait, approve each, and count what came back."""
    before = {name: pss(pid) for name, pid in pids.items()}
    made = await opened(stage, port, store, calls)
    held = await pending(store, made)
    await asyncio.sleep(2)
    during = {name: pss(pid) for name, pid in pids.items()}
    cpu, began = {name: usage(pid).cpu_s for name, pid in pids.items()}, time.monotonic()
    await asyncio.sleep(5)
    idle = {name: (usage(pid).cpu_s - cpu[name]) / (time.monotonic() - began) for name, pid in pids.items()}
    times = await release_times(store, held, made, DECISIONS)
    began = time.monotonic()
    waiting = [each for each in held if not made[json.loads(each.request.preview)["id"]].task.done()]
    for approval in waiting:
        await approved(store, approval)
    decided_s = time.monotonic() - began
    answers = await asyncio.gather(*(each.task for each in made.values()))
    return {
        "calls": calls,
        "released": sum(status == 200 for status, _ in answers),
        "not_released": [body.decode() for status, body in answers if status != 200][:3],
        "decision_to_answer_ms": {
            "p50": round(statistics.median(times), 1),
            "p99": round(statistics.quantiles(times, n=100)[98], 1),
            "worst": round(max(times), 1),
        },
        "decisions_per_s": round(len(waiting) / decided_s),
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
        path, settings = stage.settings(
            "held", limits={"held_calls_per_caller": args.calls, "held_calls": args.calls}
        )
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
