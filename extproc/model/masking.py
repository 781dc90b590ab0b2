"""Masking plans, and findings."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
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


class RuleSource(StrEnum):
    """Who made a rule. It tells which rules an operator's word about a path or a value sets aside."""

    ADDED = "added"
    """Policy, for one call. Nothing sets it aside: policy can only add to a plan."""
    CONNECTION = "connection"
    """The operator, in the connection's plan."""
    RECORD = "record"
    """The guard, for what is stored or shown to people."""


EXEMPT = "exempt: "
"""Begins ``Finding.how`` of an entity that an exemption let pass; the exemption's reason follows."""


OF_PROTOCOL = f"{EXEMPT}a value of the protocol"
"""``Finding.how`` of an entity that passed because the protocol needs the value as it is."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """The values of an entity that pass although the connection's plan masks the entity.

    At most one of ``value``, ``domain`` and ``pattern`` is set. None: all values.
    """

    reason: str
    """The operator's reason. Records show it, so it holds no value."""
    value: str = field(default="", repr=False)
    """This value, however it is written."""
    domain: str = ""
    """Addresses of this domain, in lower case; ``*.example.com``: of all domains below."""
    pattern: str = field(default="", repr=False)
    """Values that match as a whole."""
    header: str = ""
    """Only in this header field; ``:path``: only in the URL."""
    record: bool = False
    """The values are stored and shown to people, too."""


@dataclass(frozen=True, slots=True)
class MaskRule:
    """Mask one field, or one kind of entity wherever it is found. Exactly one target is set.

    With ``exempt``, let some values of an entity pass: at the path and below it, or everywhere.
    """

    how: MaskOperator
    path: str = ""
    """A path as in RFC 9535: ``$.customer.ssn``, ``$.items[*].card``, ``$..password``."""
    entity: str = ""
    """One of Presidio's names, e.g. ``US_SSN``; ``*`` for all that are detected."""
    listed: Listed = Listed.NOT
    """For a path in allow-list mode."""
    source: RuleSource = RuleSource.ADDED
    exempt: Exemption | None = None
    """None: the rule masks."""


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
    """The operator that masked it; ``exempt:`` and a reason if an exemption let it pass; empty if it was found
    only."""
    count: int = 1
    """Number of findings at this path."""
    side: Side = Side.UNRECORDED
    """Set when the finding goes into an entry: the maskers do not know it."""

    @property
    def is_masked(self) -> bool:
        """True if an operator masked it."""
        return bool(self.how) and not self.is_exempt

    @property
    def is_exempt(self) -> bool:
        """True if an exemption, or its place in a message of a protocol, let it pass."""
        return self.how.startswith(EXEMPT)


def on_side(side: Side, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with their side, for an entry."""
    return tuple(replace(finding, side=side) for finding in findings)


MASK_EVERYTHING: tuple[MaskRule, ...] = (MaskRule(MaskOperator.REDACT, entity="*", source=RuleSource.RECORD),)
"""Redacts every entity that is detected: added to every plan before anything is stored or shown."""


def masks_everything(rules: tuple[MaskRule, ...]) -> bool:
    """Return whether nothing that detectors find can be left in a text that these rules masked."""
    if any(rule.exempt or (rule.path and rule.how is MaskOperator.PARTIAL) for rule in rules):
        return False
    return any(rule.entity == "*" for rule in rules)


MASKED_VALUE = "MASKED_VALUE"
"""The entity of a finding in a request: masking left it of a value that comes back. No rule can mask it."""
PASSED_UNMASKED = Finding("UNDECODABLE", "$", "pass-unmasked")
"""Recorded for a body that could not be searched, and passed unchanged because its connection says so."""
