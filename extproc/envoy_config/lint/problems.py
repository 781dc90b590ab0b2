"""What the check can find. Each danger was seen to let bytes or calls through, or to end held calls."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple

import yaml

from extproc.codecs.located_yaml import KeyPath


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """Something can pass unseen, undecided or unmasked."""
    WARNING = "warning"
    """Held calls break, or something could not be checked."""


class Danger(NamedTuple):
    """One kind of problem."""

    severity: Severity
    why: str
    """What was seen to happen."""
    hint: str
    """What to write instead."""


@cache
def dangers() -> dict[str, Danger]:
    """Every danger by its name (``dangers.yaml``)."""
    text = resources.files("extproc.envoy_config.lint").joinpath("dangers.yaml").read_text(encoding="utf-8")
    return {
        name: Danger(Severity(each["severity"]), each["why"], each["hint"])
        for name, each in yaml.safe_load(text).items()
    }


@dataclass(frozen=True)
class Problem:
    """One danger at one place."""

    danger: str
    """Its name: a key of ``dangers()``."""
    path: KeyPath
    """Where in the document."""
    what: str
    """What is written there, or missing."""
    line: int = 0
    """1-based; 0 when unknown."""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return dangers()[self.danger].severity

    @property
    def why(self) -> str:
        """What was seen to happen."""
        return dangers()[self.danger].why

    @property
    def hint(self) -> str:
        """What to write instead."""
        return dangers()[self.danger].hint

    @property
    def where(self) -> str:
        """The path as text: ``static_resources.listeners[0].name``."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".")

    def as_dict(self) -> dict[str, str | int]:
        """For JSON."""
        return {
            "severity": self.severity.value,
            "danger": self.danger,
            "path": self.where,
            "line": self.line,
            "what": self.what,
            "why": self.why,
            "hint": self.hint,
        }
