"""Costs of a decision: both engines, three sizes of input, large data (``python -m benchmarks.policy``)."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.guard import RESULTS
from extproc.assembly.sample_inputs import sample_inputs
from extproc.model.errors import PolicyError
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.contract.policy_sources import Module
from extproc.policy.opa.opa_engine import OpaEngine
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.regorus.evaluator import EmbeddedEngine

QUERY = "data.extproc.decision"
SIZES_KB = (1, 15, 150)
DATA_MB = 20
TIMEOUT_S = 10.0
Decide = Callable[[bytes], Awaitable[object]]


def settings(roles: int = 1) -> dict:
    """Data of the starter policies; the caller's role grants the last of its patterns."""
    functions = [f"other{index}.*" for index in range(roles - 1)] + ["sample.*"]
    return {"guard": {"roles": {"sample": {"functions": functions}}}}


def ballast(megabytes: int) -> dict:
    """Data that no rule reads."""
    row = {"name": "x" * 60, "tags": ["a", "b"], "limit": 100}
    return {"ballast": {f"key{index}": row for index in range(megabytes * 9_000)}}


def document(kilobytes: int) -> bytes:
    """A call's input of about this size."""
    found = orjson.loads(sample_inputs().requests[0])
    room = max(kilobytes * 1024 - len(sample_inputs().requests[0]), 0)
    found["call"]["arguments"] = {f"field{index}": "v" * 80 for index in range(room // 100)}
    return orjson.dumps(found)


@contextmanager
def opa_server(binary: str, folder: Path) -> Iterator[str]:
    """A running OPA on a unix socket."""
    socket = folder / "opa.sock"
    command = [
        binary,
        "run",
        "--server",
        "--addr",
        f"unix://{socket}",
        "--log-level",
        "error",
        str(folder / "policy"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"unix:{socket}"
    finally:
        process.terminate()
        process.wait()


async def ready(engine: OpaEngine, within_s: float = 60.0) -> None:
    """Wait until OPA has loaded everything."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            await engine.evaluate(document(1))
        except PolicyError:
            await asyncio.sleep(0.2)
        else:
            return
    raise TimeoutError("OPA did not start")


async def measure(decide: Decide, given: bytes, seconds: float) -> dict[str, float]:
    """One decision after the other for so long: how many per second, and how long each takes."""
    for _ in range(20):
        await decide(given)
    times: list[float] = []
    deadline = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < deadline:
        await decide(given)
        times.append(time.perf_counter() - begun)
    times.sort()
    middle, late = times[len(times) // 2], times[int(len(times) * 0.99)]
    return {
        "per_second": round(len(times) / sum(times)),
        "p50_us": round(middle * 1e6),
        "p99_us": round(late * 1e6),
    }


async def compare(seconds: float, opa: str | None) -> list[dict]:
    """Every size under each engine."""
    sources = replace(read_sources([], [], QUERY), data=settings() | ballast(DATA_MB))
    begun = time.perf_counter()
    embedded = EmbeddedEngine.from_sources(sources)
    rows = [{"engine": "embedded", "what": "load", "seconds": round(time.perf_counter() - begun, 2)}]
    for size in SIZES_KB:
        found = await measure(embedded.evaluate, document(size), seconds)
        rows.append({"engine": "embedded", "what": f"{size} KB", "bytes": len(document(size)), **found})
    if opa:
        with tempfile.TemporaryDirectory(prefix="xp-") as folder:
            (Path(folder) / "policy").mkdir()
            for module in sources.modules:
                (Path(folder) / "policy" / module.name).write_text(module.text)
            (Path(folder) / "policy" / "data.json").write_text(json.dumps(sources.data))
            with opa_server(opa, Path(folder)) as address:
                rows += await _ask_opa(address, seconds)
    return rows


async def _ask_opa(address: str, seconds: float) -> list[dict]:
    engine = OpaEngine(OpaServer(address, TIMEOUT_S), QUERY)
    try:
        await ready(engine)
        found = [(size, await measure(engine.evaluate, document(size), seconds)) for size in SIZES_KB]
    finally:
        await engine.close()
    return [{"engine": "opa", "what": f"{size} KB", "bytes": len(document(size)), **row} for size, row in found]


async def growth(seconds: float) -> list[dict]:
    """How the embedded engine's cost grows with patterns, rules and data, at 1 KB."""
    base = read_sources([], [], QUERY)
    cases = {
        "1 pattern": replace(base, data=settings()),
        "100 patterns": replace(base, data=settings(100)),
        "1,000 patterns": replace(base, data=settings(1_000)),
        "1,000 more rules": replace(base, data=settings(), modules=(*base.modules, many_rules(1_000))),
        "20 MB of data": replace(base, data=settings() | ballast(DATA_MB)),
    }
    rows = []
    for name, sources in cases.items():
        engine = EmbeddedEngine.from_sources(sources)
        rows.append({"engine": "embedded", "what": name, **await measure(engine.evaluate, document(1), seconds)})
    return rows


def many_rules(count: int) -> Module:
    """Rules that no decision needs."""
    rules = "\n\n".join(f"rule{index} if input.call.name == `n{index}`" for index in range(count))
    return Module("many.rego", f"package many\n\n{rules}\n")


def ratios(rows: list[dict]) -> dict[str, float]:
    """Embedded ÷ OPA, of the middle latency, by size."""
    middle = {(row["engine"], row["what"]): row["p50_us"] for row in rows if "p50_us" in row}
    both = [what for engine, what in middle if engine == "opa"]
    return {what: round(middle["embedded", what] / middle["opa", what], 2) for what in both}


def main() -> None:
    """Print a table, and keep the figures in ``benchmarks/results``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each line")
    parser.add_argument("--opa", default=os.environ.get("EXTPROC_OPA") or shutil.which("opa") or ".tools/bin/opa")
    given = parser.parse_args()
    opa = given.opa if os.access(given.opa, os.X_OK) else None
    rows = asyncio.run(compare(given.seconds, opa)) + asyncio.run(growth(given.seconds))
    table = Table("engine", "what", "decisions/s", "p50 µs", "p99 µs")
    for row in rows:
        cells = (row.get(name, "") for name in ("per_second", "p50_us", "p99_us"))
        table.add_row(row["engine"], row["what"], *(str(cell) for cell in cells))
    Console().print(table)
    found = {
        "rows": rows,
        "ratio_embedded_to_opa": ratios(rows),
        "data_mb": DATA_MB,
        "python": sys.version.split()[0],
    }
    Console().print(f"embedded ÷ OPA over its socket: {ratios(rows) or 'no opa binary'}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "policy.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
