"""Check a policy's syntax trees before it is loaded.

Each check finds a construct that OPA refuses to compile, or that regorus evaluates wrongly without an error.
"""

import difflib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from extproc.policy.contract.policy_sources import RESERVED
from extproc.policy.regorus.builtins import ALLOWED, ARITIES
from extproc.policy.regorus.lint.declarations import lint_declarations
from extproc.policy.regorus.lint.definitions import lint_data, lint_definitions
from extproc.policy.regorus.lint.literals import find_literals
from extproc.policy.regorus.lint.negation import GLOBALS, lint_negations
from extproc.policy.regorus.lint.rego_module import RegoModule, Violation, bodies, violation
from extproc.policy.regorus.lint.rule_heads import lint_heads
from extproc.policy.regorus.lint.rule_uses import RulePath, reached, rule_uses
from extproc.policy.regorus.lint.syntax_tree import Node, kind_of, nodes, ref_path, rule_path

WALK = 2
"""The arguments of ``walk``: regorus has no result of it."""


def lint(
    modules: tuple[RegoModule, ...], data: Any = None, beside: tuple[RegoModule, ...] = ()
) -> list[Violation]:
    """Find every construct that keeps a policy from being loaded.

    Args:
        modules: the policy, or its tests.
        data: its data, an object; None: none.
        beside: modules that were checked before, and whose rules these may use.

    Returns:
        Violations in the order of files and lines; empty for a policy that may be loaded.
    """
    together = (*beside, *modules)
    defined = {rule_path(module.package, rule) for module in together for rule in module.rules}
    found = [wrong for module in modules for wrong in _lint_module(module, defined)]
    found += lint_definitions(together)
    found += lint_data(together, data or {})
    found += _duplicate_defaults(together)
    found += _recursion(modules, defined)
    found += find_literals(modules).violations
    return sorted(set(found))


def _lint_module(module: RegoModule, defined: set[RulePath]) -> Iterator[Violation]:
    local = {path[len(module.package)] for path in defined if path[: len(module.package)] == module.package}
    known = frozenset(GLOBALS | module.imports.names | local)
    for node in module.unknown_imports:
        message = f"import {'.'.join(ref_path(node['refr']))} is newer than the embedded engine"
        yield violation(module, node, message, "remove it, or use engine: opa")
    for rule in module.rules:
        if rule_path(module.package, rule)[1] in RESERVED:
            yield violation(module, next(iter(rule.values())), "this package is the loader's own", "rename it")
        yield from _empty_bodies(module, rule)
        for call in nodes(rule, "Call"):
            yield from _bad_call(module, call, defined)
        yield from lint_negations(module, rule, known)
        yield from lint_heads(module, rule, known)
        yield from lint_declarations(module, rule, known)
        if not module.is_test:
            yield from _with_modifiers(module, rule)


def _empty_bodies(module: RegoModule, rule: Node) -> Iterator[Violation]:
    """``allow if {}`` is true in regorus, and a syntax error in OPA."""
    unconditional_else = [body["query"] for body in bodies(rule) if body["is_else"]]
    for node in nodes(rule, "query"):
        if node["stmts"] == [] and not any(node is query for query in unconditional_else):
            yield violation(
                module, node, "a body without an expression", "write `true` for a rule that always holds"
            )
    for literal in nodes(rule, "Expr"):
        if kind_of(literal["expr"]) == "Object" and not literal["expr"]["Object"]["fields"]:
            hint = "write `true` for a rule that always holds"
            yield violation(module, literal, "`{}` where an expression is needed", hint)


def _bad_call(module: RegoModule, call: Node, defined: set[RulePath]) -> Iterator[Violation]:
    path = ref_path(call["fcn"])
    name, given = ".".join(path), len(call["params"])
    resolved = module.imports.resolve(path)
    if (*module.package, *path) in defined or (resolved[0] == "data" and resolved in defined):
        return
    if name not in ALLOWED:
        known = sorted({*ALLOWED, *(rule[-1] for rule in defined if rule[:-1] == module.package)})
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        hint = f"did you mean {close[0]}?" if close else "use another function, or engine: opa"
        yield violation(module, call, f"function {name} is not available in the embedded engine", hint)
    elif name == "walk" and given != WALK:
        message = f"walk with {given} argument(s) is not available"
        yield violation(module, call, message, "write walk(value, [path, item])")
    elif given - ARITIES.get(name, given) not in (0, 1):
        yield violation(module, call, f"{name} with {given} argument(s)", f"it takes {ARITIES[name]}")


def _with_modifiers(module: RegoModule, rule: Node) -> Iterator[Violation]:
    """``with`` works in tests. In some expressions regorus gives it another meaning than OPA."""
    for query in nodes(rule, "query"):
        for node in query["stmts"]:
            if node.get("with_mods"):
                message = "`with` is not available in the embedded engine"
                yield violation(module, node, message, "write a function instead")


def _duplicate_defaults(modules: tuple[RegoModule, ...]) -> list[Violation]:
    defaults = [
        (rule_path(module.package, rule), module, rule)
        for module in modules
        for rule in module.rules
        if "Default" in rule
    ]
    times = Counter(path for path, _, _ in defaults)
    return [
        violation(module, rule["Default"], f"more than one default for {'.'.join(path)}", "keep one")
        for path, module, rule in defaults
        if times[path] > 1
    ]


def _recursion(modules: tuple[RegoModule, ...], defined: set[RulePath]) -> list[Violation]:
    """Rules and functions that use themselves. OPA refuses them; their evaluation by regorus may never end."""
    uses = rule_uses(modules, defined)
    looping = {path for path in uses if path in reached(uses[path], uses)}
    return [
        violation(module, next(iter(rule.values())), f"{'.'.join(path)} uses itself", "Rego has no recursion")
        for module in modules
        for rule in module.rules
        if (path := rule_path(module.package, rule)) in looping
    ]
