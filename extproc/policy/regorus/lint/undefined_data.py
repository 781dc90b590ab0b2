"""Find references to data that no rule and no file of data defines: rules that need it never match."""

from collections.abc import Iterator, Sequence
from typing import Any

from extproc.model.call import Json
from extproc.policy.contract.policy_sources import RESERVED
from extproc.policy.regorus.lint.rego_module import RegoModule, Violation, declared, violation
from extproc.policy.regorus.lint.rule_uses import (
    RulePath,
    full_path,
    meant,
    names_below,
    reference_nodes,
    rules_of_query,
)
from extproc.policy.regorus.lint.syntax_tree import REFERENCE_KINDS, Node, kind_of, ref_path, rule_path

NEVER = "rules that need it never match"


def undefined_data(
    modules: Sequence[RegoModule], query: str, data: Json, apart: frozenset[str] = frozenset()
) -> list[Violation]:
    """Find each place at which the decision reads data that nothing defines. It may be meant: it is no error.

    Args:
        modules: the policy, without its tests.
        query: the rule that decides, ``data.…``.
        data: all data, an object.
        apart: keys of the data that something else checks.
    """
    below = names_below({rule_path(module.package, rule) for module in modules for rule in module.rules})
    found = []
    for module, rule in rules_of_query(tuple(modules), tuple(query.split("."))):
        for node, path in _data_read(module, rule):
            if path[1] not in apart | RESERVED and not meant(path, below) and not _has(data, path[1:]):
                what = f"reads {'.'.join(path)}, which nothing defines"
                found.append(violation(module, node, what, NEVER))
    return sorted(set(found))


def _data_read(module: RegoModule, rule: Node) -> Iterator[tuple[Node, RulePath]]:
    """The references of a rule that begin with a name of the data, each with its place."""
    local = declared(rule)
    for node in reference_nodes(rule):
        own = ref_path(node)
        path = module.imports.resolve(own)
        if own[0] not in local and len(path) > 1 and full_path(module, own)[0] == "data" and path[0] == "data":
            yield _first(node), path


def _first(reference: Any) -> Node:
    """The contents of the name with which a reference begins."""
    while kind_of(reference) in REFERENCE_KINDS:
        reference = reference[kind_of(reference)]["refr"]
    return dict(reference[kind_of(reference)])


def _has(data: Json, keys: RulePath) -> bool:
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True
