"""Costs of the guard: Envoy alone, with a guard that does nothing, with this guard, in one run.

A fourth arm decides and records the same thing over and over: what no guard of this kind gets by without. A fifth
is this guard with an OPA server beside it, where there is an ``opa`` binary.

The arms take turns in short slices, so that a machine that slows down slows all of them. Read the ratios: absolute
times are this machine's. Run with ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.stage import Stage, bare, guarded_bootstrap, pss, staged, usage, wait_for
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import TEST_SUFFIX

POLICY_DATA = {"guard": {"roles": {"callers": {"functions": ["crm.*"]}}}}
NOTHING, EMBEDDED, OPA = "do-nothing guard", "extproc", "extproc with OPA"
HERE = Path(__file__).parent
RESULTS = HERE / "results"


@dataclass
class Arm:
    """One way to set Envoy up, and what was measured of it."""

    name: str
    port: int
    envoy: int
    guards: dict[str, int] = field(default_factory=dict)
    """Process id by name; empty for Envoy alone."""
    cpu_us: dict[str, list[float]] = field(default_factory=dict)
    """By process, at the fixed rate."""
    full_cpu_us: dict[str, list[float]] = field(default_factory=dict)
    """As fast as it goes: batches are larger then, and caches warmer."""
    latencies_ms: list[float] = field(default_factory=list)
    throughput: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def pids(self) -> dict[str, int]:
        """All measured processes."""
        return {"envoy": self.envoy, **self.guards}


class Load:
    """The load generator: a process of its own, so that it costs the measured ones nothing."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "load.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, **job: object) -> dict[str, object]:
        """One slice."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(job), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def port_of(listen: str) -> int:
    """The port of ``host:port``."""
    return int(listen.rpartition(":")[2])


def make_arms(stage: Stage) -> list[Arm]:
    """Start all of them; the idle ones cost next to nothing."""
    arms = []
    _, settings = stage.settings("bare")
    envoy = stage.envoy("envoy-bare", bare(guarded_bootstrap(settings, "unix:/nowhere")))
    arms.append(Arm("Envoy alone", port_of(settings.envoy.listen), envoy))

    for name, *more in ((NOTHING,), ("decides and records", "spool")):
        _, settings = stage.settings(name.split()[0])
        endpoint = f"unix:{settings.state}/g.sock"
        folders = (str(settings.state / each) for each in more)
        guard = stage.start(name, sys.executable, "-m", "benchmarks.do_nothing", endpoint, *folders)
        wait_for(endpoint)
        envoy = stage.envoy(f"envoy-{name}", guarded_bootstrap(settings, endpoint))
        arms.append(Arm(name, port_of(settings.envoy.listen), envoy, {"guard": guard}))

    arms.append(guard_arm(stage, EMBEDDED, "full"))
    opa = find_opa()
    if opa:
        arms.append(opa_arm(stage, opa))
    for arm in arms:
        wait_for(f"127.0.0.1:{arm.port}")
    return arms


def guard_arm(stage: Stage, name: str, folder: str, **more: object) -> Arm:
    """This guard, with a control process, behind an Envoy."""
    path, settings = stage.settings(folder, **more)
    endpoint = f"unix:{settings.state}/worker-0.sock"
    command = [sys.executable, "-m", "extproc"]
    control = stage.start(f"{folder}-control", *command, "control", "-c", str(path), "--health", "none")
    worker = stage.start(f"{folder}-worker", *command, "serve", "-c", str(path), "--listen", endpoint)
    wait_for(endpoint)
    wait_for(f"unix:{settings.control.socket}")
    envoy = stage.envoy(f"envoy-{folder}", guarded_bootstrap(settings, endpoint))
    return Arm(name, port_of(settings.envoy.listen), envoy, {"guard": worker, "control": control})


def opa_arm(stage: Stage, binary: str) -> Arm:
    """This guard, and an OPA server with the same policies and data on a unix socket."""
    policies = [str(file) for file in starter_folder().glob("*.rego") if not file.name.endswith(TEST_SUFFIX)]
    socket = stage.folder / "opa.sock"
    server = stage.start(
        "opa",
        *(binary, "run", "--server", "--disable-telemetry", "--addr", f"unix://{socket}", "--log-level", "error"),
        *(str(stage.folder / "data.yaml"), *policies),
    )
    wait_for(f"unix:{socket}")
    arm = guard_arm(stage, OPA, "opa", policy={"engine": "opa", "opa": {"address": f"unix:{socket}"}})
    arm.guards["opa"] = server
    return arm


def find_opa() -> str | None:
    """The OPA binary, if there is one."""
    found = os.environ.get("EXTPROC_OPA") or shutil.which("opa") or ".tools/bin/opa"
    return found if os.access(found, os.X_OK) else None


def slice_of(arm: Arm, load: Load, job: dict[str, object], cpu_us: dict[str, list[float]]) -> dict[str, object]:
    """One slice of load on one arm, with the CPU it cost each process per call."""
    before = {name: usage(pid) for name, pid in arm.pids.items()}
    seen = load.run(host="127.0.0.1", port=arm.port, **job)
    arm.errors += seen["sent"] - seen["ok"]
    for name, pid in arm.pids.items():
        spent = usage(pid).cpu_s - before[name].cpu_s
        cpu_us.setdefault(name, []).append(spent / seen["sent"] * 1e6)
    return seen


def measure(arms: list[Arm], load: Load, request: str, args: argparse.Namespace) -> None:
    """Rounds in turn: first the fixed rate, then as fast as it goes."""
    for arm in arms:  # warm up
        load.run(host="127.0.0.1", port=arm.port, request=request, mode="open", rate=50, seconds=2)
    for arm in arms:
        arm.cpu_us.clear()
    with Progress(transient=True) as progress:
        task = progress.add_task("measuring", total=args.rounds * len(arms) * 2)
        for _ in range(args.rounds):
            for arm in arms:
                job = {"request": request, "mode": "open", "rate": args.rate, "seconds": args.seconds}
                arm.latencies_ms += slice_of(arm, load, job, arm.cpu_us)["latencies_ms"]
                progress.advance(task)
        for _ in range(args.rounds):
            for arm in arms:
                job = {"request": request, "mode": "closed", "connections": 16, "seconds": args.seconds}
                seen = slice_of(arm, load, job, arm.full_cpu_us)
                arm.throughput.append(seen["ok"] / seen["seconds"])
                progress.advance(task)


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def report(arms: list[Arm], rate: float) -> dict[str, object]:
    """Figures by arm, and the ratios that count."""
    figures: dict[str, object] = {}
    for arm in arms:
        figures[arm.name] = {
            **{f"{name}_cpu_us": round(statistics.median(values)) for name, values in arm.cpu_us.items()},
            "p50_ms": round(percentile(arm.latencies_ms, 0.5), 2),
            "p99_ms": round(percentile(arm.latencies_ms, 0.99), 2),
            **{f"{name}_full_cpu_us": round(statistics.median(all_)) for name, all_ in arm.full_cpu_us.items()},
            "per_second": round(statistics.median(arm.throughput)),
            **{f"{name}_pss_mb": round(pss(pid) / 1e6) for name, pid in arm.pids.items()},
            "errors": arm.errors,
        }
    idle, full = figures[NOTHING], figures[EMBEDDED]
    by_name = {arm.name: arm for arm in arms}

    def guards(of: str, arm: str = EMBEDDED, beside: str = NOTHING) -> float:
        pairs = zip(getattr(by_name[arm], of)["guard"], getattr(by_name[beside], of)["guard"], strict=True)
        return round(statistics.median(a / b for a, b in pairs), 2)

    figures["ratios"] = {
        "rate_per_second": rate,
        "guard_cpu, extproc / do-nothing (median of pairs)": guards("cpu_us"),
        "guard_full_cpu, extproc / do-nothing (median of pairs)": guards("full_cpu_us"),
        "envoy_cpu, extproc / do-nothing": round(full["envoy_cpu_us"] / idle["envoy_cpu_us"], 2),
        "throughput, extproc / do-nothing": round(full["per_second"] / idle["per_second"], 2),
        "guard and control cpu / do-nothing": round(
            (full["guard_cpu_us"] + full["control_cpu_us"]) / idle["guard_cpu_us"], 2
        ),
    }
    if OPA in figures:
        figures["ratios"] |= {
            "guard_cpu, extproc with OPA / extproc (median of pairs)": guards("cpu_us", OPA, EMBEDDED),
            "guard_full_cpu, extproc with OPA / extproc (median of pairs)": guards("full_cpu_us", OPA, EMBEDDED),
            "throughput, extproc with OPA / extproc": round(figures[OPA]["per_second"] / full["per_second"], 2),
        }
    return figures


def show(figures: dict[str, object], console: Console) -> None:
    """As tables."""
    arms = [name for name in figures if name != "ratios"]
    table = Table("", *arms, title="1 KB JSON each way, policy, one masked field, recorded")
    for row in figures[OPA if OPA in figures else EMBEDDED]:
        table.add_row(row, *(str(figures[arm].get(row, "-")) for arm in arms))
    console.print(table)
    for name, value in figures["ratios"].items():
        console.print(f"  {name}: [bold]{value}[/]")


def main() -> None:
    """Measure, print, and keep the figures in ``benchmarks/results``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=150, help="calls per second of the open loop")
    parser.add_argument("--seconds", type=float, default=4, help="length of a slice")
    parser.add_argument("--rounds", type=int, default=5, help="slices for each arm and mode")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xb-") as folder, staged(Path(folder), POLICY_DATA) as stage:
        load = Load()
        arms = make_arms(stage)
        measure(arms, load, stage.request(), args)
        figures = report(arms, args.rate)
        load.close()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "guard.json").write_text(json.dumps(figures, indent=1))
    show(figures, Console(width=110))


if __name__ == "__main__":
    main()
