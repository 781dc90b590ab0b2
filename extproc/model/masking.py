"""Masking plans, and findings."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class MaskOperator(StrEnum):
    """The operators, weakest first; the strictest of several wins."""

    PARTIAL = "partial"
    """All but the last four characters become ``*``."""
    PSEUDONYM = "pseudonym"
    """A keyed token: the same value gives the same token."""
    REDACT = "redact"
    """The value becomes ``[ENTITY]`` or ``[REDACTED]``."""
    REMOVE = "remove"
    """The value becomes ``null`` (a JSON value) or nothing (text)."""

    @property
    def strictness(self) -> int:
        """Higher hides more."""
        return list(MaskOperator).index(self)


class Listed(StrEnum):
    """The role of a path in allow-list mode."""

    NOT = ""
    """None: the field at the path is masked."""
    REST = "rest"
    """Every value at or below the path is masked, unless another rule lets it pass."""
    DECLARED = "declared"
    """Values at or below the path may pass. Rules for other fields and for entities still apply to them."""


@dataclass(frozen=True, slots=True)
class MaskRule:
    """Mask one field, or one kind of entity wherever it is found. Exactly one target is set."""

    how: MaskOperator
    path: str = ""
    """A path as in RFC 9535: ``$.customer.ssn``, ``$.items[*].card``, ``$..password``."""
    entity: str = ""
    """One of Presidio's names, e.g. ``US_SSN``; ``*`` for all that are detected."""
    listed: Listed = Listed.NOT
    """For a path in allow-list mode."""


@dataclass(frozen=True, slots=True)
class MaskPlan:
    """Rules for each direction."""

    request: tuple[MaskRule, ...] = ()
    response: tuple[MaskRule, ...] = ()

    def __or__(self, other: "MaskPlan") -> "MaskPlan":
        """Both plans together. Where they name the same target, masking takes the strictest."""
        return MaskPlan(self.request + other.request, self.response + other.response)


class Side(StrEnum):
    """The message in which a finding was made."""

    UNRECORDED = ""
    """An entry of a version that did not record sides, or a finding that is not in an entry yet."""
    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Finding:
    """An entity was found. Says where it is, never what it is."""

    entity: str
    """Presidio's name, or ``FIELD`` for a path that the plan names."""
    path: str
    """Where in the document, as a path with concrete indexes; ``$`` for plain text."""
    how: str = ""
    """The operator that masked it; empty if it was found only."""
    count: int = 1
    """Number of findings at this path."""
    side: Side = Side.UNRECORDED
    """Set when the finding goes into an entry: the maskers do not know it."""


def on_side(side: Side, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with their side, for an entry."""
    return tuple(replace(finding, side=side) for finding in findings)


MASK_EVERYTHING: tuple[MaskRule, ...] = (MaskRule(MaskOperator.REDACT, entity="*"),)
"""Redacts every entity that is detected: added to every plan before anything is stored or shown."""
PASSED_UNMASKED = Finding("UNDECODABLE", "$", "pass-unmasked")
"""Recorded for a body that could not be searched, and passed unchanged because its connection says so."""
