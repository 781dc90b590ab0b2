"""What the embedded engine accepts and should not: found in the policy's syntax tree before it is loaded.

Each rule here is something OPA refuses to compile, or something the engine evaluates wrongly without saying so.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from extproc.policy.contract.policy_sources import RESERVED, TEST_SUFFIX
from extproc.policy.regorus.builtins import ALLOWED, ARITIES
from extproc.policy.regorus.lint.negation import GLOBALS, lint_negations
from extproc.policy.regorus.lint.rego_module import Unit, Violation, bodies, declared, violation
from extproc.policy.regorus.lint.rule_heads import lint_heads
from extproc.policy.regorus.lint.syntax_tree import Node, children, kind_of, nodes, ref_path, rule_path


def lint(units: tuple[Unit, ...]) -> list[Violation]:
    """Find everything that must not be loaded.

    Returns:
        Violations in the order of files and lines; empty for a policy that may be loaded.
    """
    defined = {rule_path(unit.package, rule) for unit in units for rule in unit.rules}
    found = [wrong for unit in units for wrong in _lint_unit(unit, defined)]
    found += _duplicate_defaults(units)
    found += _recursion(units, defined)
    return sorted(set(found))


def _lint_unit(unit: Unit, defined: set[tuple[str, ...]]) -> Iterator[Violation]:
    local = {path[len(unit.package)] for path in defined if path[: len(unit.package)] == unit.package}
    known = GLOBALS | unit.imports.names | local
    for node in unit.unknown_imports:
        yield violation(
            unit, node, "this import is not known to the embedded engine", "do without, or engine: opa"
        )
    for rule in unit.rules:
        if rule_path(unit.package, rule)[1] in RESERVED:
            yield violation(unit, next(iter(rule.values())), "this package is the loader's own", "rename it")
        yield from _empty_bodies(unit, rule)
        for call in nodes(rule, "Call"):
            yield from _bad_call(unit, call, defined)
        yield from lint_negations(unit, rule, frozenset(known))
        yield from lint_heads(unit, rule, frozenset(known))
        if not unit.file.endswith(TEST_SUFFIX):
            yield from _replacements(unit, rule)


def _empty_bodies(unit: Unit, rule: Node) -> Iterator[Violation]:
    """``allow if {}`` is true here, and no Rego at all in OPA."""
    hint = "write `true` if it is to hold always"
    unconditional_else = [body["query"] for body in bodies(rule) if body["is_else"]]
    for node in nodes(rule):
        if node.get("stmts") == [] and not any(node is query for query in unconditional_else):
            yield violation(unit, node, "a body without any expression", hint)
    for literal in nodes(rule, "Expr"):
        if kind_of(literal["expr"]) == "Object" and not literal["expr"]["Object"]["fields"]:
            yield violation(unit, literal, "`{}` stands where an expression must be", hint)


def _bad_call(unit: Unit, call: Node, defined: set[tuple[str, ...]]) -> Iterator[Violation]:
    path = ref_path(call["fcn"])
    name, given = ".".join(path), len(call["params"])
    resolved = unit.imports.resolve(path)
    if (*unit.package, *path) in defined or (resolved[0] == "data" and resolved in defined):
        return
    if name not in ALLOWED:
        yield violation(
            unit, call, f"function {name} is not available in the embedded engine", "use another, or engine: opa"
        )
    elif given != ARITIES.get(name, given):
        what = "walk(value, [path, item])" if name == "walk" else f"{ARITIES[name]} arguments"
        yield violation(unit, call, f"{name} with {given} argument(s) is not available", f"write it with {what}")


def _replacements(unit: Unit, rule: Node) -> Iterator[Violation]:
    """``with`` works for tests; in some expressions the engine gives it another meaning than OPA."""
    for node in nodes(rule):
        if node.get("with_mods"):
            yield violation(
                unit, node, "`with` is not available in the embedded engine", "write a function instead"
            )


def _duplicate_defaults(units: tuple[Unit, ...]) -> list[Violation]:
    defaults = [
        (rule_path(unit.package, rule), unit, rule) for unit in units for rule in unit.rules if "Default" in rule
    ]
    times = Counter(path for path, _, _ in defaults)
    return [
        violation(unit, rule["Default"], f"more than one default for {'.'.join(path)}", "keep one")
        for path, unit, rule in defaults
        if times[path] > 1
    ]


def _recursion(units: tuple[Unit, ...], defined: set[tuple[str, ...]]) -> list[Violation]:
    """Rules and functions that come back to themselves. OPA refuses them; the engine may never end."""
    uses = _uses(units, defined)
    looping = {path for path in uses if _reaches(path, path, uses)}
    return [
        violation(unit, next(iter(rule.values())), f"{'.'.join(path)} uses itself", "Rego has no recursion")
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
            local = declared(rule)
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
