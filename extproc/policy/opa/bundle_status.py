"""The bundles of an OPA server as its status plugin reports them: for operators, never for a decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extproc.model.call import Json
from extproc.model.errors import PolicyError

PROBLEM_SHOWN = 300
"""Characters of OPA's own words about a bundle."""


@dataclass(frozen=True, slots=True)
class BundleStatus:
    """One bundle."""

    name: str
    revision: str
    """Of the bundle in force; empty if none is."""
    activated: str
    """When it came into force, RFC 3339; empty if never."""
    problem: str
    """Why OPA could not download or activate the latest; empty if it could."""


def read_statuses(status: Json) -> tuple[BundleStatus, ...]:
    """Read the result of ``/v1/status``.

    Returns:
        One status for each bundle, by name.

    Raises:
        PolicyError: it cannot be read.
    """
    try:
        bundles: Mapping[str, Mapping[str, Any]] = status.get("bundles") or {}  # type: ignore[union-attr, assignment]
        return tuple(_status(name, bundle) for name, bundle in sorted(bundles.items()))
    except (AttributeError, TypeError):
        raise PolicyError("OPA's status cannot be read") from None


def _status(name: str, bundle: Mapping[str, Any]) -> BundleStatus:
    activated = str(bundle.get("last_successful_activation") or "")
    problem = f"{bundle.get('code')}: {bundle.get('message', '')}" if bundle.get("code") else ""
    return BundleStatus(
        name,
        revision=str(bundle.get("active_revision") or ""),
        activated="" if activated.startswith("0001-") else activated,  # Go's zero time
        problem=problem[:PROBLEM_SHOWN],
    )
