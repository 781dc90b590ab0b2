"""Differences between the plugin and the guard, and the ledger that names each of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from extproc.model.errors import ExtprocError
from tests.opa_envoy.corpus import Asked, Policy
from tests.opa_envoy.guard import Guards
from tests.opa_envoy.outcome import ALLOW, Outcome

HERE = Path(__file__).parent
LEDGER = HERE / "ledger.yaml"
DOORS = ("ext_authz", "ext_proc")
LOAD, LOADED, NOT_LOADED = "(load)", "loaded", "refused at load"
"""A policy that the guard refuses to load has one case, in place of those of its requests."""
Recorded = Mapping[str, Mapping[str, Outcome]]
"""The plugin's outcomes, by policy and request."""


@dataclass(frozen=True)
class Case:
    """One request under one policy, through one engine and service of the guard."""

    policy: str
    request: str
    engine: str
    door: str
    plugin: Outcome = field(hash=False)
    guard: Outcome = field(hash=False)

    @property
    def kind(self) -> str:
        """How they differ: the decisions, or the parts of one decision; empty where they do not."""
        one, other = self.plugin["decision"], self.guard["decision"]
        if one != other:
            return f"{one} -> {other}"
        parts = sorted(
            name for name in self.plugin.keys() | self.guard if self.plugin.get(name) != self.guard.get(name)
        )
        return f"{one}: {', '.join(parts)}" if parts else ""

    @property
    def is_decided_alike(self) -> bool:
        """True if both let it pass, or neither does."""
        passes = [outcome["decision"] in (ALLOW, LOADED) for outcome in (self.plugin, self.guard)]
        return passes[0] is passes[1]

    @property
    def opens(self) -> bool:
        """True if the guard lets pass what the plugin does not. No entry of the ledger excuses it."""
        return self.plugin["decision"] != ALLOW and self.guard["decision"] == ALLOW


async def compare(
    guards: Guards, policies: Iterable[Policy], requests: Sequence[Asked], recorded: Recorded
) -> list[Case]:
    """Put each request to the guard, under each policy, engine and service."""
    return [
        case
        for policy in policies
        for engine in guards.engines
        for case in await _compared(guards, policy, engine, requests, recorded[policy.name])
    ]


async def _compared(
    guards: Guards, policy: Policy, engine: str, requests: Sequence[Asked], plugin: Mapping[str, Outcome]
) -> list[Case]:
    try:
        guard = await guards.guard(policy, engine)
    except ExtprocError as error:
        refused = {"decision": NOT_LOADED, "why": str(error)}
        return [Case(policy.name, LOAD, engine, LOAD, {"decision": LOADED}, refused)]
    return [
        Case(policy.name, asked.name, engine, door, plugin[asked.name], await guard.answer(asked, door))
        for asked in requests
        for door in (DOORS[:1] if asked.is_cut else DOORS)
    ]


@dataclass(frozen=True)
class Entry:
    """An entry of the ledger: differences of one kind, with their reason."""

    name: str
    plugin: str
    guard: str
    reason: str
    kinds: tuple[str, ...]
    requests: tuple[str, ...]
    policies: tuple[str, ...]
    engines: tuple[str, ...]
    doors: tuple[str, ...]

    def names(self, case: Case) -> bool:
        """True if it names this difference."""
        return all(
            any(fnmatchcase(value, pattern) for pattern in patterns)
            for value, patterns in (
                (case.kind, self.kinds),
                (case.request, self.requests),
                (case.policy, self.policies),
                (case.engine, self.engines),
                (case.door, self.doors),
            )
        )


@cache
def ledger() -> tuple[Entry, ...]:
    """The ledger's entries."""
    return tuple(_entry(name, told) for name, told in yaml.safe_load(LEDGER.read_text()).items())


def _entry(name: str, told: Mapping[str, Any]) -> Entry:
    patterns = (tuple(told.get(key, ["*"])) for key in ("kinds", "requests", "policies", "engines", "doors"))
    return Entry(name, told["plugin"], told["guard"], told["reason"], *patterns)


def unnamed(cases: Iterable[Case]) -> Iterator[Case]:
    """Yield the differences that the ledger does not name."""
    return (case for case in cases if case.kind and not any(entry.names(case) for entry in ledger()))


def counted(cases: Iterable[Case]) -> Counter[str]:
    """The number of differences that each entry of the ledger names."""
    return Counter(entry.name for case in cases if case.kind for entry in ledger() if entry.names(case))
