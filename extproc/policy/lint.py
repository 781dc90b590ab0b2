"""What the embedded engine accepts and should not: found in the policy's syntax tree before it is loaded.

Each rule here is something OPA refuses to compile, or something the engine evaluates wrongly without saying so.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from extproc.policy.builtins import ALLOWED, ARITIES
from extproc.policy.sources import TEST_SUFFIX
from extproc.policy.syntax import (
    Imports,
    Node,
    children,
    head_of,
    kind_of,
    name_spans,
    nodes,
    place_of,
    ref_path,
    rule_path,
)

Where: TypeAlias = tuple[int, int]
GLOBALS = frozenset({"input", "data"})


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One thing that keeps a policy from being loaded."""

    file: str
    line: int
    column: int
    message: str
    way_out: str


@dataclass(frozen=True, slots=True)
class Unit:
    """One module's tree, ready to be looked at."""

    file: str
    package: tuple[str, ...]
    imports: Imports
    rules: tuple[Node, ...]

    def defines(self, path: tuple[str, ...]) -> bool:
        """Whether some rule here gives this path its value, or a part of it."""
        own = (rule_path(self.package, rule) for rule in self.rules)
        return any(rule[: len(path)] == path or path[: len(rule)] == rule for rule in own)


def read_units(ast: list[dict[str, Any]]) -> tuple[Unit, ...]:
    """Take the engine's syntax trees (``get_ast_as_json``) apart."""
    units = []
    for module in ast:
        tree = name_spans(module["ast"], module["source"]["contents"].encode())
        package = ("data", *ref_path(tree["package"]["refr"]))
        units.append(Unit(module["source"]["file"], package, Imports.read(tree["imports"]), tuple(tree["rules"])))
    return tuple(units)


def lint(units: tuple[Unit, ...]) -> list[Violation]:
    """Find everything that must not be loaded.

    Returns:
        Violations in the order of files and lines; empty for a policy that may be loaded.
    """
    defined = {rule_path(unit.package, rule) for unit in units for rule in unit.rules}
    found = [violation for unit in units for violation in _lint_unit(unit, defined)]
    found += _duplicate_defaults(units)
    found += _recursion(units, defined)
    return sorted(set(found))


def _lint_unit(unit: Unit, defined: set[tuple[str, ...]]) -> Iterator[Violation]:
    local = {path[len(unit.package)] for path in defined if path[: len(unit.package)] == unit.package}
    known = GLOBALS | unit.imports.names | local
    for rule in unit.rules:
        yield from _empty_bodies(unit, rule)
        for call in nodes(rule, "Call"):
            yield from _bad_call(unit, call, defined)
        yield from _unsafe_negation(unit, rule, frozenset(known))
        if not unit.file.endswith(TEST_SUFFIX):
            yield from _replacements(unit, rule)


def _violation(unit: Unit, node: Node, message: str, way_out: str) -> Violation:
    return Violation(unit.file, *place_of(node), message, way_out)


def _empty_bodies(unit: Unit, rule: Node) -> Iterator[Violation]:
    """``allow if {}`` is true here, and no Rego at all in OPA."""
    way_out = "write `true` if it is to hold always"
    unconditional_else = [body["query"] for body in _bodies(rule) if body["is_else"]]
    for node in nodes(rule):
        if node.get("stmts") == [] and not any(node is query for query in unconditional_else):
            yield _violation(unit, node, "a body without any expression", way_out)
    for literal in nodes(rule, "Expr"):
        if kind_of(literal["expr"]) == "Object" and not literal["expr"]["Object"]["fields"]:
            yield _violation(unit, literal, "`{}` stands where an expression must be", way_out)


def _bodies(rule: Node) -> list[Node]:
    return list(rule.get("Spec", {}).get("bodies", []))


def _bad_call(unit: Unit, call: Node, defined: set[tuple[str, ...]]) -> Iterator[Violation]:
    path = ref_path(call["fcn"])
    name, given = ".".join(path), len(call["params"])
    resolved = unit.imports.resolve(path)
    if (*unit.package, *path) in defined or (resolved[0] == "data" and resolved in defined):
        return
    if name not in ALLOWED:
        yield _violation(
            unit, call, f"function {name} is not available in the embedded engine", "use another, or engine: opa"
        )
    elif given != ARITIES.get(name, given):
        what = "walk(value, [path, item])" if name == "walk" else f"{ARITIES[name]} arguments"
        yield _violation(unit, call, f"{name} with {given} argument(s) is not available", f"write it with {what}")


def _replacements(unit: Unit, rule: Node) -> Iterator[Violation]:
    """``with`` works for tests; in some expressions the engine gives it another meaning than OPA."""
    for node in nodes(rule):
        if node.get("with_mods"):
            yield _violation(
                unit, node, "`with` is not available in the embedded engine", "write a function instead"
            )


def _unsafe_negation(unit: Unit, rule: Node, known: frozenset[str]) -> Iterator[Violation]:
    head = head_of(rule)
    arguments = _variables(head.get("args", []))
    yield from _check_negations(unit, rule.get("Spec", {}).get("head"), known | arguments)
    for body in _bodies(rule):
        yield from _check_query(unit, body["query"], known | arguments)
        yield from _check_negations(unit, body.get("assign"), known | arguments | _bound(body["query"]))


def _check_query(unit: Unit, query: Node, known: frozenset[str]) -> Iterator[Violation]:
    """A variable under ``not`` must have a value from elsewhere: OPA calls it unsafe, the engine lets it pass."""
    inside = known | _bound(query)
    for statement in query["stmts"]:
        literal = statement["literal"]
        if "NotExpr" in literal:
            for name in sorted(_variables(literal["NotExpr"]["expr"], closures=False) - inside):
                shown = "_" if name == "_" else name
                yield _violation(
                    unit,
                    literal["NotExpr"],
                    f"variable {shown} has no value outside of `not`",
                    "bind it first with `some … in …`, or negate a rule that does",
                )
        yield from _check_negations(unit, statement, inside)


def _check_negations(unit: Unit, node: Any, known: frozenset[str]) -> Iterator[Violation]:
    """Look into comprehensions and ``every``, each with the variables its own head binds."""
    if isinstance(node, list):
        for item in node:
            yield from _check_negations(unit, item, known)
    elif isinstance(node, dict):
        if isinstance(node.get("query"), dict) and "stmts" in node["query"]:
            yield from _check_query(unit, node["query"], known | _variables([node.get("key"), node.get("value")]))
        for key, value in node.items():
            if key != "query":
                yield from _check_negations(unit, value, known)


def _bound(query: Node) -> frozenset[str]:
    """Variables with a value from the expressions of a query that are not negated; ``some x`` alone gives none."""
    bound: frozenset[str] = frozenset()
    for statement in query["stmts"]:
        literal = statement["literal"]
        if "NotExpr" not in literal and "SomeVars" not in literal:
            bound |= _variables(literal, closures=False)
    return bound - {"_"}


def _variables(node: Any, *, closures: bool = True) -> frozenset[str]:
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


def _duplicate_defaults(units: tuple[Unit, ...]) -> list[Violation]:
    defaults = [
        (rule_path(unit.package, rule), unit, rule) for unit in units for rule in unit.rules if "Default" in rule
    ]
    times = Counter(path for path, _, _ in defaults)
    return [
        _violation(unit, rule["Default"], f"more than one default for {'.'.join(path)}", "keep one")
        for path, unit, rule in defaults
        if times[path] > 1
    ]


def _recursion(units: tuple[Unit, ...], defined: set[tuple[str, ...]]) -> list[Violation]:
    """Rules and functions that come back to themselves. OPA refuses them; the engine may never end."""
    uses = _uses(units, defined)
    looping = {path for path in uses if _reaches(path, path, uses)}
    return [
        _violation(unit, next(iter(rule.values())), f"{'.'.join(path)} uses itself", "Rego has no recursion")
        for unit in units
        for rule in unit.rules
        if (path := rule_path(unit.package, rule)) in looping
    ]


def _uses(
    units: tuple[Unit, ...], defined: set[tuple[str, ...]]
) -> Mapping[tuple[str, ...], frozenset[tuple[str, ...]]]:
    uses: dict[tuple[str, ...], set[tuple[str, ...]]] = {path: set() for path in defined}
    for unit in units:
        for rule in unit.rules:
            own = uses[rule_path(unit.package, rule)]
            local = _declared(rule)
            for path in _references(rule):
                if path[0] not in local:
                    own |= _targets(unit, path, defined)
    return {path: frozenset(targets) for path, targets in uses.items()}


def _targets(unit: Unit, path: tuple[str, ...], defined: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """The rules a reference may mean: those below it, and the one it goes into."""
    resolved = unit.imports.resolve(path)
    full = resolved if resolved[0] == "data" else (*unit.package, *path)
    return {rule for rule in defined if rule[: len(full)] == full or full[: len(rule)] == rule}


def _references(rule: Node) -> Iterator[tuple[str, ...]]:
    """Every reference in a rule's values and bodies, the head's own name apart."""
    pending: list[Any] = list(children(rule))
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if kind_of(item) in ("Var", "RefDot", "RefBrack"):
                yield ref_path(item)
            pending.extend(_inner(item))
        elif isinstance(item, list):
            pending.extend(item)


def _inner(item: Node) -> Iterator[Any]:
    """What is inside a node. Of a reference, only the indexes on the way: its prefixes are not references."""
    kind = kind_of(item)
    if kind not in ("RefDot", "RefBrack"):
        yield from item.values()
        return
    inner: Any = item
    while kind_of(inner) in ("RefDot", "RefBrack"):
        if kind_of(inner) == "RefBrack":
            yield inner["RefBrack"]["index"]
        inner = inner[kind_of(inner)]["refr"]
    if kind_of(inner) != "Var":
        yield inner


def _declared(rule: Node) -> frozenset[str]:
    """Names that mean something else inside this rule: its arguments, and what ``:=`` and ``some`` declare."""
    names = set(_variables(head_of(rule).get("args", [])))
    for assignment in nodes(rule, "AssignExpr"):
        if assignment["op"] == "ColEq":
            names |= _variables(assignment["lhs"])
    for some in nodes(rule, "SomeIn"):
        names |= _variables([some["key"], some["value"]])
    for some in nodes(rule, "SomeVars"):
        names |= _variables(some["vars"])
    for every in nodes(rule, "Every"):
        names |= _variables([every["key"], every["value"]])
    return frozenset(names)


def _reaches(start: tuple[str, ...], goal: tuple[str, ...], uses: Mapping[Any, frozenset[Any]]) -> bool:
    pending, seen = list(uses[start]), set()
    while pending:
        path = pending.pop()
        if path == goal:
            return True
        if path not in seen:
            seen.add(path)
            pending.extend(uses[path])
    return False
