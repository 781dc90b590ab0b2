"""The bundles from which OPA decided, as OPA reports them with each answer (``provenance=true``)."""

from collections.abc import Mapping
from dataclasses import dataclass

from extproc.model.call import Json
from extproc.policy.contract.text_digest import digest

SHOWN = 32
"""Bundles that are named."""
NAME_SHOWN = 200
"""Characters of one bundle's name and revision."""


@dataclass(frozen=True, slots=True)
class BundlesInForce:
    """The bundles of one answer."""

    revision: str = ""
    """A digest of the query and all bundles' revisions; empty when OPA reports none, or one without a revision."""
    names: tuple[str, ...] = ()
    """``name@revision`` of each bundle, sorted by name: for people. Long ones are cut."""


def read_bundles(provenance: Json, query: str) -> BundlesInForce:
    """Read the provenance of an answer.

    Args:
        provenance: the value of that key.
        query: the query that was asked.
    """
    bundles = provenance.get("bundles") if isinstance(provenance, Mapping) else None
    if not isinstance(bundles, Mapping):
        return BundlesInForce()
    revisions = {
        name: bundle.get("revision") for name, bundle in sorted(bundles.items()) if isinstance(bundle, Mapping)
    }
    if not revisions or not all(revisions.values()):
        return BundlesInForce()
    named = [f"{name}@{revision}" for name, revision in revisions.items()]
    whole = digest([query, *(f"{name}\0{revision}" for name, revision in revisions.items())])
    return BundlesInForce(whole, tuple(_printable(one) for one in named[:SHOWN]))


def _printable(name: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in name[:NAME_SHOWN])
