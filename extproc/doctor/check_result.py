"""The result of a check, and the installation that it checks."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from extproc.codecs.located_yaml import KeyPath, LocatedDocument
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError


class Level(StrEnum):
    """The state of the checked thing."""

    OK = "ok"
    WARNING = "warning"
    """Allowed but dangerous, or about to break."""
    PROBLEM = "problem"
    """Calls are denied, evidence is not shipped, or calls can bypass the guard."""
    SKIPPED = "skipped"
    """Not checked; the result says why."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report. Holds no secret, and no text of a call."""

    subject: str
    """The checked thing: ``connection crm``, ``worker-1``."""
    level: Level
    what: str
    hint: str = ""
    """The setting to change, or the command to type."""
    where: str = ""
    """File, line and column."""
    key: str = ""
    """The configuration's key."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Installation:
    """The installation that the checks examine."""

    settings: Settings
    document: LocatedDocument = field(repr=False)
    """The configuration file, for the line and column of its keys."""
    now_ns: int
    """Wall-clock nanoseconds."""
    envoy_file: Path | None = None
    """The configuration of an Envoy that somebody else runs. None: check the rendered configuration."""
    offline: bool = False
    """True: open no socket."""
    environ: Callable[[str], bool] = lambda _name: False
    """True if an environment variable is set in this process."""

    def ok(self, subject: str, what: str) -> CheckResult:
        """Make a result that reports no fault."""
        return CheckResult(subject, Level.OK, what)

    def skipped(self, subject: str, why: str, hint: str = "") -> CheckResult:
        """Make a result for something that was not checked."""
        return CheckResult(subject, Level.SKIPPED, why, hint)

    def warning(self, subject: str, what: str, hint: str = "", path: KeyPath = ()) -> CheckResult:
        """Make a warning; ``path`` is the key of the setting to change."""
        return CheckResult(subject, Level.WARNING, what, hint, *self._place(path))

    def problem(self, subject: str, what: str, hint: str = "", path: KeyPath = ()) -> CheckResult:
        """Make a problem; ``path`` is the key of the setting to change."""
        return CheckResult(subject, Level.PROBLEM, what, hint, *self._place(path))

    def _place(self, path: KeyPath) -> tuple[str, str]:
        if not path:
            return "", ""
        return str(self.document.place(path)), ".".join(str(part) for part in path)


Check: TypeAlias = Callable[[Installation], Iterator[CheckResult]]
"""Checks one thing. May block and may raise: ``extproc.doctor.run_checks`` handles both."""


def result_from_error(subject: str, error: ConfigError) -> CheckResult:
    """Make a problem of a mistake in a configuration file."""
    place = str(error.place) if error.place else ""
    return CheckResult(subject, Level.PROBLEM, error.message, error.hint, place)


def as_document(results: list[CheckResult]) -> dict[str, Any]:
    """Return the report as a JSON object, for programs."""
    counts = {level.value: sum(one.level is level for one in results) for level in Level}
    return {"findings": [one.as_dict() for one in results], "counts": counts}
