"""Decisions of policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from extproc.model.masking import MaskPlan
from extproc.model.quorum import Quorum
from extproc.model.reasons import Reason


class Action(StrEnum):
    """The three decisions."""

    ALLOW = "allow"
    DENY = "deny"
    HOLD = "hold"


class HoldMode(StrEnum):
    """The way in which a held caller waits."""

    WAIT = "wait"
    """Envoy keeps the call open until people decide, or it expires."""
    TICKET = "ticket"
    """The caller is answered at once, and calls again with the same arguments."""
    AUTO = "auto"
    """Envoy keeps the call open for ``approvals.wait``; then the caller gets a ticket."""


FUNCTION, ARGUMENTS = "function", "arguments"
"""What must be the same for an approval to be used again."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """For how long, and for which calls of the same caller, one approval counts more than once."""

    for_s: float
    """Seconds from the approval."""
    same: frozenset[str] = frozenset({FUNCTION, ARGUMENTS})
    """``function`` always, and ``arguments`` where they must be the same too."""


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """The approvers that a held call needs, their number, the expiry, and how its caller waits."""

    quorum: Quorum = field(default_factory=Quorum)
    """Without any group, nobody can approve."""
    expires_in_s: float = 900.0
    """Seconds until nobody can approve any more."""
    mode: HoldMode = HoldMode.AUTO
    break_glass: tuple[str, ...] = ()
    """One person of these groups may release the call alone, loudly; empty: nobody may."""
    reuse: Reuse | None = None
    """None: one approval releases one call."""

    def and_also(self, other: "ApprovalTerms") -> "ApprovalTerms":
        """Return terms that fulfil both."""
        return ApprovalTerms(
            self.quorum.and_also(other.quorum),
            min(self.expires_in_s, other.expires_in_s),
            self.mode if self.mode is other.mode else HoldMode.AUTO,
            tuple(group for group in self.break_glass if group in other.break_glass),
            _both(self.reuse, other.reuse),
        )


def _both(one: Reuse | None, other: Reuse | None) -> Reuse | None:
    return Reuse(min(one.for_s, other.for_s), one.same | other.same) if one and other else None


@dataclass(frozen=True, slots=True)
class QueryChanges:
    """Changes of the query that a policy written for opa-envoy-plugin asks for. Without percent-encoding."""

    set: tuple[tuple[str, str], ...] = ()
    """Each replaces all parameters of its name."""
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.set or self.remove)


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """Changes of header fields that a policy written for opa-envoy-plugin asks for."""

    set: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()
    response: tuple[tuple[str, str], ...] = ()
    query: QueryChanges = field(default_factory=QueryChanges)


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's readable answer."""

    action: Action
    reason: Reason
    rule: str = ""
    """The rule that decided, as the policy names it."""
    detail: str = ""
    """Why an answer could not be read, for the record. Holds nothing of the answer or the input."""
    risk: int = 0
    """0 to 100."""
    mask: MaskPlan = field(default_factory=MaskPlan)
    approval: ApprovalTerms | None = None
    """Set when the action is ``hold``."""
    headers: HeaderChanges = field(default_factory=HeaderChanges)
    status: int = 0
    """HTTP status a policy asked for on deny; 0 for the reason's own."""
    body: str = ""
    """Body a policy asked for on deny; empty for a problem document."""
    shadow: tuple[str, ...] = ()
    """Rules that would have denied or held, and are only recorded."""
    revision: str = ""
    """SHA-256 of the policy and data that decided, lower-case hex."""
    bundles: tuple[str, ...] = ()
    """``name@revision`` of the bundles that decided, as an OPA server names them."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Dynamic metadata a policy asked for: JSON, for Envoy's other filters and its access log."""
