"""The checks of the suite: read from its files, directly and through the guard, and compared."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

STAMP = re.compile(r"^(?:server-)?(.*)-\d{4}-\d\d-\d\dT[0-9-]+Z$")
"""The name of a scenario's folder: the suite adds the time."""


class Status(IntEnum):
    """How a check ended, the worst first. Checks that only inform are none that were met or missed."""

    FAILURE = 0
    WARNING = 1
    NONE = 2
    SUCCESS = 3


MEANINGS = {"FAILURE": Status.FAILURE, "WARNING": Status.WARNING, "SUCCESS": Status.SUCCESS}


@dataclass(frozen=True)
class Ended:
    """The end of a check, and the suite's words about it."""

    status: Status = Status.NONE
    said: str = ""


Checks = Mapping[tuple[str, str], Ended]
"""Ends by scenario and check. A check that ran often has its worst end."""


@dataclass(frozen=True)
class Loss:
    """A check that is worse through the guard than directly."""

    program: str
    """The server or the client, with the side that it is: ``server typescript_2``."""
    version: str
    scenario: str
    check: str
    direct: Ended
    guarded: Ended

    def __str__(self) -> str:
        change = f"{self.direct.status.name} -> {self.guarded.status.name}"
        return f"{self.program} {self.version}  {self.scenario} / {self.check}: {change}  {self.guarded.said}"


def read_checks(folder: Path) -> Checks:
    """Read the ends of all checks of all scenarios that the suite wrote into a folder."""
    found: dict[tuple[str, str], Ended] = {}
    for file in sorted(folder.glob("*/checks.json")):
        match = STAMP.match(file.parent.name)
        scenario = match[1] if match else file.parent.name
        for check in json.loads(file.read_text()):
            status = MEANINGS.get(check["status"], Status.NONE)
            ended = Ended(status, " ".join(check.get("errorMessage", "").split()))
            before = found.get((scenario, check["id"]), ended)
            found[scenario, check["id"]] = min(before, ended, key=lambda each: each.status)
    return found


def losses(program: str, version: str, direct: Checks, guarded: Checks) -> Iterable[Loss]:
    """Yield the checks that are worse through the guard."""
    for (scenario, check), ended in direct.items():
        other = guarded.get((scenario, check), Ended())
        if other.status < ended.status:
            yield Loss(program, version, scenario, check, ended, other)


def green(checks: Checks) -> frozenset[str]:
    """Return the scenarios of which no check failed."""
    failed = {scenario for (scenario, _), ended in checks.items() if ended.status is Status.FAILURE}
    return frozenset(scenario for scenario, _ in checks) - failed
