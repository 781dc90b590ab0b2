"""One policy module's syntax tree, and what may be wrong with it."""

from dataclasses import dataclass
from typing import Any

from extproc.policy.regorus.lint.syntax_tree import (
    Imports,
    Node,
    head_of,
    kind_of,
    name_spans,
    nodes,
    place_of,
    ref_path,
    rule_path,
)

KEYWORDS = ("contains", "every", "if", "in")
LANGUAGE = frozenset(
    {("rego", "v1"), *(("future", "keywords", word) for word in KEYWORDS), ("future", "keywords")}
)
"""Imports that change nothing in Rego v1."""


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One thing that keeps a policy from being loaded."""

    file: str
    line: int
    column: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Unit:
    """One module's tree, ready to be looked at."""

    file: str
    package: tuple[str, ...]
    imports: Imports
    rules: tuple[Node, ...]
    unknown_imports: tuple[Node, ...] = ()
    """Imports of the language's own that the engine does not know, and passes over."""

    def defines(self, path: tuple[str, ...]) -> bool:
        """Whether some rule here gives this path its value, or a part of it."""
        own = (rule_path(self.package, rule) for rule in self.rules)
        return any(rule[: len(path)] == path or path[: len(rule)] == rule for rule in own)


def _is_known(path: tuple[str, ...]) -> bool:
    return path[0] in ("data", "input") or path in LANGUAGE


def read_units(ast: list[dict[str, Any]]) -> tuple[Unit, ...]:
    """Take the engine's syntax trees (``get_ast_as_json``) apart."""
    units = []
    for module in ast:
        tree = name_spans(module["ast"], module["source"]["contents"].encode())
        package = ("data", *ref_path(tree["package"]["refr"]))
        unknown = tuple(node for node in tree["imports"] if not _is_known(ref_path(node["refr"])))
        imports = Imports.read(tree["imports"])
        units.append(Unit(module["source"]["file"], package, imports, tuple(tree["rules"]), unknown))
    return tuple(units)


def violation(unit: Unit, node: Node, message: str, hint: str) -> Violation:
    """Something wrong at a node of a module."""
    return Violation(unit.file, *place_of(node), message, hint)


def bodies(rule: Node) -> list[Node]:
    """A rule's bodies: its own, then each ``else``."""
    return list(rule.get("Spec", {}).get("bodies", []))


def variables(node: Any, *, closures: bool = True) -> frozenset[str]:
    """All variable names in a tree; without those that live inside comprehensions where ``closures`` is off."""
    found: set[str] = set()
    pending = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if not closures and isinstance(item.get("query"), dict) and "stmts" in item["query"]:
                pending.append(item.get("domain"))
                continue
            if kind_of(item) == "Var":
                found.add(item["Var"]["value"])
                continue
            if kind_of(item) == "Call":
                pending.extend(item["Call"]["params"])
                continue
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return frozenset(found)


def declared(rule: Node) -> frozenset[str]:
    """Names that mean something else inside this rule: its arguments, and what ``:=`` and ``some`` declare."""
    names = set(variables(head_of(rule).get("args", [])))
    for assignment in nodes(rule, "AssignExpr"):
        if assignment["op"] == "ColEq":
            names |= variables(assignment["lhs"])
    for some in nodes(rule, "SomeIn"):
        names |= variables([some["key"], some["value"]])
    for some in nodes(rule, "SomeVars"):
        names |= variables(some["vars"])
    for every in nodes(rule, "Every"):
        names |= variables([every["key"], every["value"]])
    return frozenset(names)
