"""Costs of the approvals stores, side by side: SQLite and PostgreSQL (``python -m benchmarks.approval_stores``).

Both are durable: PostgreSQL runs with fsync, on the same disk. A decision is what one held call costs a store: the
request opened, one vote that approves it, and its use.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.guard import RESULTS
from extproc.approvals.approval import ApprovalRequest, Vote
from extproc.approvals.port import ApprovalStore
from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.postgresql_address import is_postgresql
from extproc.approvals.sqlite import SqliteApprovals
from extproc.model.errors import ApprovalError
from extproc.model.ids import uuid7
from extproc.model.quorum import Quorum
from tests.support.postgresql import run_postgresql

PENDING = (100, 1_000, 10_000)
CROWDS = ((1, 1), (1, 4), (4, 1))
"""Processes, and threads of each."""
SECOND_NS = 1_000_000_000
REQUEST = ApprovalRequest(
    approval_id="",
    call_id="01890000-0000-7000-8000-000000000002",
    digest="d" * 64,
    function="crm.delete_customer",
    requester="https://idp|alice",
    actor="",
    reason="high-risk",
    rule="deletes",
    risk=80,
    quorum=Quorum.any_of("sre"),
    created_ns=0,
    expires_ns=0,
    preview=json.dumps({"note": "x" * 1_000}),
)


def open_store(address: str) -> ApprovalStore:
    """The store at this address."""
    return PostgresApprovals(address) if is_postgresql(address) else SqliteApprovals(Path(address))


def new_request() -> ApprovalRequest:
    """A request of a call of its own, which waits for an hour."""
    now = time.time_ns()
    identity = uuid7(now, os.urandom(10))
    return replace(
        REQUEST, approval_id=identity, created_ns=now, expires_ns=now + 3_600 * SECOND_NS, call_key=identity
    )


def approve(store: ApprovalStore, approval_id: str) -> None:
    """One vote that decides it."""
    store.vote(approval_id, Vote("bench|approver", True, "benchmark", time.time_ns()), ("sre",))


def decide(store: ApprovalStore) -> None:
    """All that one held call asks of a store."""
    one = new_request()
    store.open(one, (one.call_key,), one.created_ns)
    approve(store, one.approval_id)
    if not store.spend(one.approval_id, one.digest, time.time_ns()):
        raise RuntimeError("an approval was not spent")


def decisions(address: str, threads: int, seconds: float) -> tuple[int, int]:
    """Decide for so long; return how often, and how often the store gave up: then the call is denied."""
    store = open_store(address)
    with contextlib.suppress(ApprovalError):
        decide(store)
    until = time.monotonic() + seconds

    def some(_: int) -> tuple[int, int]:
        count = failed = 0
        while time.monotonic() < until:
            try:
                decide(store)
                count += 1
            except ApprovalError:
                failed += 1
        return count, failed

    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(some, range(threads)))
    store.close()
    return sum(count for count, _ in done), sum(failed for _, failed in done)


def rate(address: str, processes: int, threads: int, seconds: float) -> tuple[float, int]:
    """Decisions a second by all of them together, and how many failed."""
    if processes == 1:
        count, failed = decisions(address, threads, seconds)
        return count / seconds, failed
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        asked = [pool.submit(decisions, address, threads, seconds) for _ in range(processes)]
        done = [each.result() for each in asked]
    return sum(count for count, _ in done) / seconds, sum(failed for _, failed in done)


def median_ms(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of one piece of work: the median."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


def growth(address: str, rounds: int) -> dict[int, dict[str, float]]:
    """Milliseconds of each operation while so many requests are pending."""
    store = open_store(address)
    found = {}
    for count in PENDING:
        for _ in range(count - len(pending(store))):
            store.open(new_request())
        found[count] = operations(store, rounds)
    store.close()
    return found


def pending(store: ApprovalStore) -> list[str]:
    """Ids of all that wait."""
    found = store.recent(pending_only=True, limit=10 * PENDING[-1])
    return [each.request.approval_id for each in found]


def operations(store: ApprovalStore, rounds: int) -> dict[str, float]:
    """Milliseconds of each operation now. Those that are opened on the way wait, too, or are voted on."""
    waiting = pending(store)
    ids = iter(waiting)
    return {
        "ask for all that wait": median_ms(lambda: store.closed_among(waiting), rounds),
        "list the newest 50": median_ms(lambda: store.recent(pending_only=True, limit=50), rounds),
        "open one": median_ms(lambda: store.open(new_request()), rounds),
        "vote on one": median_ms(lambda: approve(store, next(ids)), rounds),
    }


def told_after_ms(address: str, rounds: int) -> dict[str, float]:
    """Milliseconds from the return of a vote to a listener's knowledge of it; nothing where nobody listens."""
    store, other = open_store(address), open_store(address)
    changes = store.listen()
    if changes is None:
        return {}
    changes.wait(10)
    took, waiting = [], threading.Event()
    for _ in range(rounds):
        one = new_request()
        store.open(one)
        while changes.wait(0.02):
            pass
        voted = []

        def vote_soon(approval_id: str = one.approval_id, voted: list[float] = voted) -> None:
            waiting.wait()
            time.sleep(0.01)
            approve(other, approval_id)
            voted.append(time.perf_counter())

        thread = threading.Thread(target=vote_soon)
        thread.start()
        waiting.set()
        changes.wait(10)
        told = time.perf_counter()
        thread.join()
        took.append(max(0.0, told - voted[0]) * 1e3)
    changes.close()
    took.sort()
    return {"p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)]}


@contextlib.contextmanager
def addresses() -> Iterator[dict[str, Callable[[], str]]]:
    """For each store: makes an empty one."""
    with (
        tempfile.TemporaryDirectory(prefix="xb-") as folder,
        run_postgresql(fsync="on", full_page_writes="on", shared_buffers="128MB", autovacuum="on") as server,
    ):
        yield {
            "SQLite": lambda: f"{folder}/{os.urandom(4).hex()}.db",
            "PostgreSQL": lambda: server.url(server.new_database()),
        }


def main() -> None:
    """Measure, print, and keep the figures in ``benchmarks/results``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--turns", type=int, default=3, help="of each store, one after the other")
    args = parser.parse_args()
    with addresses() as stores:
        rates: dict[str, dict[str, float]] = {name: {} for name in stores}
        failed: dict[str, dict[str, int]] = {name: {} for name in stores}
        for processes, threads in CROWDS:
            crowd = f"{processes} x {threads}"
            turns: dict[str, list[float]] = {name: [] for name in stores}
            for _ in range(args.turns):
                for name, address in stores.items():
                    measured, lost = rate(address(), processes, threads, args.seconds)
                    turns[name].append(measured)
                    failed[name][crowd] = failed[name].get(crowd, 0) + lost
            for name, each in turns.items():
                rates[name][crowd] = round(statistics.median(each), 1)
        grown = {name: growth(address(), args.rounds) for name, address in stores.items()}
        told = {name: told_after_ms(address(), args.rounds) for name, address in stores.items()}
    show(rates, failed, grown, told)
    figures = {"decisions_a_second": rates, "failed": failed, "milliseconds": grown, "told_after_ms": told}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "approval_stores.json").write_text(json.dumps(figures, indent=1))


def show(
    rates: dict[str, dict[str, float]],
    failed: dict[str, dict[str, int]],
    grown: dict[str, dict[int, dict[str, float]]],
    told: dict[str, dict[str, float]],
) -> None:
    """Print the figures as tables."""
    console = Console(width=110)
    table = Table("decisions a second (processes x threads)", *rates, "PostgreSQL : SQLite")
    for crowd in rates["SQLite"]:
        ours = [rates[name][crowd] for name in rates]
        cells = [f"{rates[name][crowd]} ({failed[name][crowd]} failed)" for name in rates]
        table.add_row(crowd, *cells, f"{ours[1] / ours[0]:.2f}")
    console.print(table)
    table = Table("milliseconds", "pending", *grown)
    for operation in grown["SQLite"][PENDING[0]]:
        for count in PENDING:
            cells = [f"{grown[name][count][operation]:.2f}" for name in grown]
            table.add_row(operation, str(count), *cells)
    console.print(table)
    for name, found in told.items():
        if found:
            console.print(f"{name}: told {found['p50']:.1f} ms after a vote (p99 {found['p99']:.1f} ms)")


if __name__ == "__main__":
    main()
