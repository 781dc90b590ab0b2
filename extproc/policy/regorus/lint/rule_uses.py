"""Which rules a rule refers to, and which a query reaches."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from extproc.policy.regorus.lint.rego_module import RegoModule, declared
from extproc.policy.regorus.lint.syntax_tree import (
    REFERENCE_KINDS,
    Node,
    kind_of,
    parts_of,
    ref_path,
    rule_path,
)

RulePath: TypeAlias = tuple[str, ...]


def rules_of_query(modules: tuple[RegoModule, ...], query: RulePath) -> list[tuple[RegoModule, Node]]:
    """The rules that the query's value can depend on, with their modules.

    Args:
        modules: the policy, without its tests.
        query: ``("data", "extproc", "decision")``.
    """
    defined = {rule_path(module.package, rule) for module in modules for rule in module.rules}
    found = reached(meant(query, names_below(defined)), rule_uses(modules, defined))
    return [
        (module, rule) for module in modules for rule in module.rules if rule_path(module.package, rule) in found
    ]


def reached(starts: Iterable[RulePath], uses: Mapping[RulePath, frozenset[RulePath]]) -> set[RulePath]:
    """The rules to which following references from these leads, these included."""
    pending, seen = list(starts), set[RulePath]()
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            pending.extend(uses[path])
    return seen


def rule_uses(modules: tuple[RegoModule, ...], defined: set[RulePath]) -> Mapping[RulePath, frozenset[RulePath]]:
    """For each rule, the rules that it refers to."""
    uses: dict[RulePath, set[RulePath]] = {path: set() for path in defined}
    below = names_below(defined)
    for module in modules:
        for rule in module.rules:
            own = uses[rule_path(module.package, rule)]
            local = declared(rule)
            for path in references(rule):
                if path[0] not in local:
                    own |= meant(full_path(module, path), below)
    return {path: frozenset(targets) for path, targets in uses.items()}


def full_path(module: RegoModule, path: RulePath) -> RulePath:
    """A reference's path from ``data`` or ``input``. A name that is neither is the package's own."""
    resolved = module.imports.resolve(path)
    return resolved if resolved[0] in ("data", "input") else (*module.package, *path)


def names_below(defined: set[RulePath]) -> Mapping[RulePath, set[RulePath]]:
    """For each rule's name and each beginning of it, the rules that have it."""
    found: dict[RulePath, set[RulePath]] = {}
    for rule in defined:
        for end in range(1, len(rule) + 1):
            found.setdefault(rule[:end], set()).add(rule)
    return found


def meant(path: RulePath, below: Mapping[RulePath, set[RulePath]]) -> set[RulePath]:
    """The rules that a full path may mean: those below it, and the one it goes into."""
    into = {path[:end] for end in range(1, len(path)) if path[:end] in below.get(path[:end], ())}
    return below.get(path, set()) | into


def references(rule: Node) -> Iterator[RulePath]:
    """Every reference in a rule's values and bodies; not the rule's own name."""
    return map(ref_path, reference_nodes(rule))


def reference_nodes(rule: Node) -> Iterator[Node]:
    """The nodes of the references in a rule's values and bodies; not those of the rule's own name."""
    pending: list[Any] = list(parts_of(rule))
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if kind_of(item) in REFERENCE_KINDS or kind_of(item) == "Var":
                yield item
            pending.extend(_inner(item))
        elif isinstance(item, list):
            pending.extend(item)


def _inner(item: Node) -> Iterator[Any]:
    """The nodes inside a node. Of a reference only the indexes: its prefixes are not references of their own."""
    if kind_of(item) not in REFERENCE_KINDS:
        yield from item.values()
        return
    inner: Any = item
    while kind_of(inner) in REFERENCE_KINDS:
        if kind_of(inner) == "RefBrack":
            yield inner["RefBrack"]["index"]
        inner = inner[kind_of(inner)]["refr"]
    if kind_of(inner) != "Var":
        yield inner
