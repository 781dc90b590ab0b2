"""One policy module's syntax tree, and the violations found in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from extproc.model.errors import ConfigError, SourceLocation
from extproc.policy.contract.policy_sources import TEST_SUFFIX
from extproc.policy.regorus.lint.syntax_tree import (
    Imports,
    Node,
    Rule,
    compact,
    head_of,
    hiding_imports,
    nodes,
    position_of,
    ref_path,
    rule_path,
)

KEYWORDS = ("contains", "every", "if", "in")
LANGUAGE_IMPORTS = frozenset(
    {("rego", "v1"), *(("future", "keywords", word) for word in KEYWORDS), ("future", "keywords")}
)
"""Imports that change nothing in Rego v1."""


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One reason why a policy must not be loaded."""

    file: str
    line: int
    column: int
    message: str
    hint: str


@dataclass
class Violations(ConfigError):
    """A policy must not be loaded. The error is the first reason."""

    found: tuple[Violation, ...] = ()
    """All of them, in order."""


def violations_error(found: list[Violation]) -> Violations:
    """The error for violations."""
    first, all_of_them = min(found), tuple(sorted(set(found)))
    more = f" (and {len(all_of_them) - 1} more)" if len(all_of_them) > 1 else ""
    place = SourceLocation(first.file, first.line, first.column)
    return Violations(first.message + more, place, first.hint, found=all_of_them)


@dataclass(frozen=True, slots=True)
class RegoModule:
    """The syntax tree of one module, ready for the checks."""

    file: str
    package: tuple[str, ...]
    imports: Imports
    rules: tuple[Node, ...]
    unknown_imports: tuple[Node, ...] = ()
    """Imports of language features that regorus does not know, and ignores."""
    hidden_imports: tuple[Node, ...] = ()
    """Imports whose name an earlier import has."""

    @property
    def is_test(self) -> bool:
        """True if the module holds tests."""
        return self.file.endswith(TEST_SUFFIX)

    def defines(self, path: tuple[str, ...]) -> bool:
        """True if some rule here gives this path its value, or a part of it."""
        own = (rule_path(self.package, rule) for rule in self.rules)
        return any(rule[: len(path)] == path or path[: len(rule)] == rule for rule in own)


def _is_known(path: tuple[str, ...]) -> bool:
    return path[0] in ("data", "input") or path in LANGUAGE_IMPORTS


def read_modules(ast: list[dict[str, Any]]) -> tuple[RegoModule, ...]:
    """Read the syntax trees that regorus gives (``get_ast_as_json``)."""
    modules = []
    for item in ast:
        tree = compact(item["ast"], item["source"]["contents"].encode())
        package = ("data", *ref_path(tree["package"]["refr"]))
        unknown = tuple(node for node in tree["imports"] if not _is_known(ref_path(node["refr"])))
        imports, rules = Imports.read(tree["imports"]), tuple(map(Rule, tree["rules"]))
        hidden = tuple(hiding_imports(tree["imports"]))
        modules.append(RegoModule(item["source"]["file"], package, imports, rules, unknown, hidden))
    return tuple(modules)


def violation(module: RegoModule, node: Node, message: str, hint: str) -> Violation:
    """A violation at a node of a module."""
    return Violation(module.file, *position_of(node), message, hint)


def bodies(rule: Node) -> list[Node]:
    """A rule's bodies: its own, then each ``else``."""
    return list(rule.get("Spec", {}).get("bodies", []))


def is_closure(node: Node) -> bool:
    """True for a comprehension or ``every``: an object with a query inside, whose variables are its own."""
    return isinstance(node.get("query"), dict) and "stmts" in node["query"]


def closures(tree: object) -> Iterator[Node]:
    """The outermost comprehensions and ``every`` in a tree; in an ``every``'s domain, also those there."""
    pending = [tree]
    while pending:
        item = pending.pop()
        if type(item) is dict:
            if "query" in item and is_closure(item):
                yield item
                pending.append(item.get("domain"))
            else:
                pending += [value for value in item.values() if type(value) is dict or type(value) is list]
        elif type(item) is list:
            pending += item


def bound_names(query: Node) -> frozenset[str]:
    """Variables that the query's positive expressions give a value; ``some x`` alone gives none."""
    bound: frozenset[str] = frozenset()
    for statement in query["stmts"]:
        literal = statement["literal"]
        if "NotExpr" not in literal and "SomeVars" not in literal:
            bound |= variables(literal, in_closures=False)
    return bound - {"_"}


def variables(node: object, *, in_closures: bool = True) -> frozenset[str]:
    """All variable names in a tree.

    Args:
        node: the tree.
        in_closures: False leaves out names inside comprehensions and ``every``.
    """
    found: set[str] = set()
    pending = [node]
    while pending:
        item = pending.pop()
        if type(item) is dict:
            if not in_closures and "query" in item and is_closure(item):
                pending.append(item.get("domain"))
            elif "Var" in item and len(item) == 1:
                found.add(item["Var"]["value"])
            elif "Call" in item and len(item) == 1:
                pending += item["Call"]["params"]
            else:
                pending += [value for value in item.values() if type(value) is dict or type(value) is list]
        elif type(item) is list:
            pending += item
    return frozenset(found)


def declared(rule: Node) -> frozenset[str]:
    """Names that are local to this rule: its arguments, and those that ``:=``, ``some`` and ``every`` declare."""
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
