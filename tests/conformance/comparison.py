"""Run every scenario of the suite directly and through the guard, and hold the losses to the ledger."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.checks import Checks, Ended, Loss, green, losses, read_checks
from tests.conformance.guard import run_guard
from tests.conformance.programs import CLIENTS, HERE, SERVERS, program, run_server, run_suite, run_switch

LEDGER = HERE / "ledger.yaml"


@dataclass(frozen=True)
class Case:
    """One server or client, in one protocol version."""

    program: str
    version: str
    direct: Checks
    guarded: Checks

    @property
    def losses(self) -> list[Loss]:
        return list(losses(self.program, self.version, self.direct, self.guarded))

    def __str__(self) -> str:
        direct, guarded = green(self.direct), green(self.guarded)
        scenarios = {scenario for scenario, _ in self.direct}
        counts = f"{len(scenarios)} scenarios, {len(direct)} green directly, {len(guarded)} through the guard"
        return f"{self.program} {self.version}: {counts}; lost: {' '.join(sorted(direct - guarded)) or 'none'}"


@dataclass(frozen=True)
class Entry:
    """An entry of the ledger: losses with one reason."""

    name: str
    reason: str
    policy: str
    """What of the policy or of the settings refuses."""
    checks: tuple[str, ...]
    programs: tuple[str, ...]
    versions: tuple[str, ...]

    def names(self, loss: Loss) -> bool:
        """True if it names this loss."""
        return all(
            any(fnmatchcase(value, pattern) for pattern in patterns)
            for value, patterns in (
                (f"{loss.scenario}/{loss.check}", self.checks),
                (loss.program, self.programs),
                (loss.version, self.versions),
            )
        )


@cache
def ledger() -> tuple[Entry, ...]:
    """The ledger's entries."""
    told: Mapping[str, Mapping[str, Any]] = yaml.safe_load(LEDGER.read_text()) or {}
    return tuple(read_entry(name, each) for name, each in told.items())


def read_entry(name: str, told: Mapping[str, Any]) -> Entry:
    """Read one entry; a key that says which losses means all of them where it is missing."""
    patterns = (tuple(told.get(key, ["*"])) for key in ("checks", "programs", "versions"))
    return Entry(name, told["reason"], told["policy"], *patterns)


def unnamed(found: Iterable[Loss]) -> list[Loss]:
    """Return the losses that the ledger does not name."""
    return [loss for loss in found if not any(entry.names(loss) for entry in ledger())]


def idle(found: Iterable[Loss]) -> list[str]:
    """Return the names of the ledger's entries that name no loss any more."""
    every = list(found)
    return [entry.name for entry in ledger() if not any(entry.names(loss) for loss in every)]


async def compare_servers(folder: Path, names: Iterable[str] = SERVERS) -> AsyncIterator[Case]:
    """Put the suite's client before each server, directly and through a guard."""
    for name in names:
        async with run_server(name, folder) as address, run_guard(address) as guard:
            for version, scenarios in SERVERS[name].items():
                asked = [
                    ("--scenario", each) if each else ("--suite", "all", "--spec-version", version)
                    for each in scenarios
                ]
                results = folder / name / version
                url = f"http://{address}/mcp".replace("127.0.0.1", "localhost")
                direct = await _checks(("server", "--url", url), asked, results / "direct")
                guarded = await _checks(("server", "--url", guard.url()), asked, results / "guarded")
                yield Case(f"server {name}", version, direct, guarded)


async def _checks(command: Sequence[str], asked: Iterable[Sequence[str]], results: Path) -> Checks:
    """Run the suite once for each thing that it is asked."""
    checks: dict[tuple[str, str], Ended] = {}
    for number, each in enumerate(asked):
        folder = results / str(number)
        said = await run_suite(*command, *each, "--output-dir", str(folder))
        if not (found := read_checks(folder)):
            raise RuntimeError(f"the suite wrote no checks of {each}:\n{said[-2_000:]}")
        checks |= found
    return checks


async def compare_clients(folder: Path) -> AsyncIterator[Case]:
    """Put each client before the suite's servers, directly and through a guard."""
    target = folder / "target"
    async with run_switch(target) as address, run_guard(address) as guard:
        through = [*program("clients", "through"), str(target), guard.url("/mcp"), guard.url("/")]
        for (name, version), scenarios in CLIENTS.items():
            asked = [("--scenario", each, "--spec-version", version) for each in scenarios]
            results = folder / f"client-{name}" / version
            client = program("clients", name)
            direct, guarded = await asyncio.gather(
                _checks(("client", "--command", shlex.join(client)), asked, results / "direct"),
                _checks(("client", "--command", shlex.join([*through, *client])), asked, results / "guarded"),
            )
            yield Case(f"client {name}", version, direct, guarded)
