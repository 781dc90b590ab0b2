"""What a check says, and what it looks at."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from extproc.codecs.located_yaml import KeyPath, LocatedDocument
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError


class Level(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    """Allowed, and dangerous, or soon broken."""
    PROBLEM = "problem"
    """Calls are denied, evidence is not shipped, or something passes the guard."""
    SKIPPED = "skipped"
    """Not looked at, and why."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report. Holds no secret, and no text of a call."""

    subject: str
    """What it is about: ``connection crm``, ``worker-1``."""
    level: Level
    what: str
    hint: str = ""
    """What to change, or the command to type."""
    where: str = ""
    """File, line and column."""
    key: str = ""
    """The configuration's key."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Installation:
    """What the checks look at."""

    settings: Settings
    document: LocatedDocument = field(repr=False)
    """The configuration file, to find keys' places with."""
    now_ns: int
    """Wall-clock nanoseconds."""
    envoy_file: Path | None = None
    """The configuration of an Envoy that is not ours; None: the one that is rendered is checked."""
    offline: bool = False
    """Whether nothing is asked over any socket."""
    environ: Callable[[str], bool] = lambda _name: False
    """Whether a variable of the environment is set here."""

    def ok(self, subject: str, what: str) -> CheckResult:
        """All right."""
        return CheckResult(subject, Level.OK, what)

    def skipped(self, subject: str, why: str, hint: str = "") -> CheckResult:
        """Not looked at."""
        return CheckResult(subject, Level.SKIPPED, why, hint)

    def warning(self, subject: str, what: str, hint: str = "", path: KeyPath = ()) -> CheckResult:
        """Dangerous; ``path`` is the key that would change it."""
        return CheckResult(subject, Level.WARNING, what, hint, *self._place(path))

    def problem(self, subject: str, what: str, hint: str = "", path: KeyPath = ()) -> CheckResult:
        """Broken."""
        return CheckResult(subject, Level.PROBLEM, what, hint, *self._place(path))

    def _place(self, path: KeyPath) -> tuple[str, str]:
        if not path:
            return "", ""
        return str(self.document.place(path)), ".".join(str(part) for part in path)


Check: TypeAlias = Callable[[Installation], Iterator[CheckResult]]
"""Looks at one thing. May block, and may raise: ``extproc.doctor.run_checks`` sees to both."""


def result_from_error(subject: str, error: ConfigError) -> CheckResult:
    """What a person wrote is wrong: said as it is everywhere else."""
    place = str(error.place) if error.place else ""
    return CheckResult(subject, Level.PROBLEM, error.message, error.hint, place)


def as_document(findings: list[CheckResult]) -> dict[str, Any]:
    """The report for machines."""
    counts = {level.value: sum(one.level is level for one in findings) for level in Level}
    return {"findings": [one.as_dict() for one in findings], "counts": counts}
