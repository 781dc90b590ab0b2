"""Decisions of policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from extproc.model.masking import MaskPlan
from extproc.model.reasons import Reason


class Action(StrEnum):
    """The three decisions."""

    ALLOW = "allow"
    DENY = "deny"
    HOLD = "hold"


class HoldMode(StrEnum):
    """The way in which a held caller waits."""

    WAIT = "wait"
    """Envoy keeps the call open."""
    TICKET = "ticket"
    """The caller would be answered at once and come back. Policy may ask for it, but the guard refuses every such
    call: it is not supported."""


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """The approvers that a held call needs, their number, and the expiry."""

    groups: tuple[str, ...] = ()
    """An approver must be in one of these; without any, nobody can approve."""
    minimum: int = 1
    """Number of distinct people."""
    expires_in_s: float = 900.0
    """Seconds until nobody can approve any more."""
    mode: HoldMode = HoldMode.WAIT


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
