"""Find the names of rules that a policy's decisions spell out: the label of a metric, if they never match."""

from collections.abc import Iterable

from extproc.policy.regorus.lint.rego_module import RegoModule
from extproc.policy.regorus.lint.syntax_tree import TEXT_KINDS, kind_of, nodes

KEY = "rule"


def spelled_names(modules: Iterable[RegoModule]) -> frozenset[str]:
    """The texts that objects of the policy have under the key ``rule``."""
    return frozenset(
        _text(value)
        for module in modules
        for rule in module.rules
        for node in nodes(rule, "Object")
        for *_, key, value in node["fields"]
        if _text(key) == KEY and _text(value)
    )


def _text(node: object) -> str:
    """A text that is written out; empty for anything else."""
    kind = kind_of(node)
    return str(node[kind]["value"]) if kind in TEXT_KINDS and isinstance(node, dict) else ""
