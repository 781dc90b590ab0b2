"""The dangers that the check can find. Each was observed to let bytes or calls through, or to end held calls."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple

import yaml

from extproc.codecs.located_yaml import KeyPath


class Severity(StrEnum):
    """The severity of a danger."""

    ERROR = "error"
    """Calls or bytes can pass unseen, undecided or unmasked, or every call fails."""
    WARNING = "warning"
    """Held calls fail, or a part could not be checked."""
    NOTE = "note"
    """An operator has declared it, or should know it."""


class Danger(NamedTuple):
    """One kind of problem."""

    severity: Severity
    why: str
    """The observed effect."""
    hint: str
    """The remedy."""


@cache
def dangers() -> dict[str, Danger]:
    """Return every danger by its name, from ``dangers.yaml``."""
    text = resources.files("extproc.envoy_config.lint").joinpath("dangers.yaml").read_text(encoding="utf-8")
    return {
        name: Danger(Severity(each["severity"]), each["why"], each["hint"])
        for name, each in yaml.safe_load(text).items()
    }


@dataclass(frozen=True)
class Problem:
    """One danger at one place."""

    danger: str
    """The danger's name: a key of ``dangers()``."""
    path: KeyPath
    """The place in the document."""
    what: str
    """The value at the place, or the missing one."""
    line: int = 0
    """1-based; 0 when unknown."""

    @property
    def severity(self) -> Severity:
        """The danger's severity."""
        return dangers()[self.danger].severity

    @property
    def why(self) -> str:
        """The observed effect."""
        return dangers()[self.danger].why

    @property
    def hint(self) -> str:
        """The remedy."""
        return dangers()[self.danger].hint

    @property
    def where(self) -> str:
        """The path as text: ``static_resources.listeners[0].name``."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".")

    def as_dict(self) -> dict[str, str | int]:
        """Return the problem for JSON output."""
        return {
            "severity": self.severity.value,
            "danger": self.danger,
            "path": self.where,
            "line": self.line,
            "what": self.what,
            "why": self.why,
            "hint": self.hint,
        }
