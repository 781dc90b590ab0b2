"""Traffic that an operator declares to be unguarded, with the reason, in Envoy's own metadata.

A listener, a filter chain, a virtual host or a route is declared by::

    metadata: {filter_metadata: {extproc: {unguarded: "static assets; no function is behind it"}}}

A declaration never covers a backend that guarded routes forward to: some of its calls would be undecided. Nor does
it count elsewhere, or for a part that has the guard's filters.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from extproc.codecs.located_yaml import KeyPath
from extproc.envoy_config.lint.chain import Chain
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.lint.guard_clusters import GuardClusters

NAMESPACE = "extproc"
PARTS = ("filter_chains", "default_filter_chain", "filters", "domains", "match")
"""Fields that only a listener, a filter chain, a virtual host or a route has."""
LEAST_REASON = 8
"""Characters of a reason. ``true`` is none."""


@dataclass(frozen=True)
class Declarations:
    """The declared parts of one document."""

    reasons: dict[KeyPath, str]
    """Place → reason."""

    def cover(self, path: KeyPath) -> bool:
        """True if this place, or one that it is in, is declared."""
        return any(path[:length] in self.reasons for length in range(len(path) + 1))

    def problems(self, root: Node, known: GuardClusters) -> Iterator[Problem]:
        """Yield a note for each declaration, and an error for each that has no reason."""
        for node in _written(root):
            reason, fault = _reason(node), _fault(node, known)
            if reason and fault:
                yield Problem("declared-in-vain", node.get("metadata").path, fault)
            elif reason:
                yield Problem("declared-unguarded", node.path, f"{_subject(node)}: {reason}")
            else:
                path = node.get("metadata").path
                yield Problem("no-reason", path, f"unguarded is not a reason of {LEAST_REASON} characters or more")


def declarations(root: Node, known: GuardClusters) -> Declarations:
    """Return the declarations of a document that have a reason, at a place where they count."""
    return Declarations(
        {node.path: _reason(node) for node in _written(root) if _reason(node) and not _fault(node, known)}
    )


def _fault(node: Node, known: GuardClusters) -> str:
    """Why a declaration does not count at this place; empty if it does."""
    if not any(node.get(name) for name in PARTS):
        return "not at a listener, filter chain, virtual host or route"
    managers = [each for each in node.walk() if each.get("http_filters")]
    if any(Chain.of_manager(each, known).guards for each in managers):
        return "at a part that has the guard's filters"
    return ""


def _written(root: Node) -> Iterator[Node]:
    for node in root.walk():
        if _extproc(node).get("unguarded"):
            yield node


def _extproc(node: Node) -> Node:
    return node.get("metadata", "filter_metadata", NAMESPACE)


def _reason(node: Node) -> str:
    reason = " ".join(_extproc(node).text("unguarded").split())
    return reason if len(reason) >= LEAST_REASON else ""


def _subject(node: Node) -> str:
    domains = [str(each.value) for each in node.each("domains")]
    return ", ".join(domains) or node.text("name") or "this part"
