"""Find negations that OPA refuses or reads differently: an undefined value must not turn a ``not`` into true."""

from collections.abc import Iterator
from typing import Any

from extproc.policy.regorus.builtins import ALLOWED
from extproc.policy.regorus.lint.rego_module import (
    RegoModule,
    Violation,
    bodies,
    bound_names,
    closures,
    declared,
    variables,
    violation,
)
from extproc.policy.regorus.lint.syntax_tree import (
    REFERENCE_KINDS,
    TEXT_KINDS,
    Node,
    head_of,
    kind_of,
    nodes,
    ref_path,
)

CONSTANTS = TEXT_KINDS | {"Number", "Bool", "Null"}
CLOSURES = frozenset({"ArrayCompr", "SetCompr", "ObjectCompr"})
GLOBALS = frozenset({"input", "data"})


def lint_negations(module: RegoModule, rule: Node, names: frozenset[str]) -> Iterator[Violation]:
    """Find negations that OPA refuses or reads differently.

    Args:
        module: the rule's module.
        rule: the rule.
        names: names that are defined outside of the rule: the package's rules, imports, ``input`` and ``data``.
    """
    yield from _unsafe_variables(module, rule, names)
    may_be_undefined = names - declared(rule)
    for negated in nodes(rule, "NotExpr"):
        if not _may_be_negated(negated["expr"], may_be_undefined):
            yield violation(
                module,
                negated,
                "under `not`, a reference inside a call or a comparison may be undefined; "
                "OPA then stops, and regorus goes on",
                "bind it first, `value := input.…`, and negate an expression over `value`",
            )


def _may_be_negated(node: Any, names: frozenset[str]) -> bool:
    """True if both engines give the negated expression the same meaning.

    A reference by itself may be undefined: ``not`` is then true in both. So may both sides of ``==``. Elsewhere
    OPA evaluates the reference before the ``not``, and an undefined one makes the whole body undefined.
    """
    kind = kind_of(node)
    if kind in REFERENCE_KINDS or kind == "Var":
        return _is_plain_reference(node, names)
    if kind in ("BoolExpr", "AssignExpr") and node[kind]["op"] == "Eq":
        sides = (node[kind]["lhs"], node[kind]["rhs"])
        return all(_is_plain_reference(side, names) or is_always_defined(side, names) for side in sides)
    if kind == "Call":
        return all(is_always_defined(operand, names) for operand in node["Call"]["params"])
    return is_always_defined(node, names)


def _is_plain_reference(node: Any, names: frozenset[str]) -> bool:
    """True for a reference whose indexes are local variables and constants."""
    kind = kind_of(node)
    if kind == "RefBrack":
        return is_always_defined(node[kind]["index"], names) and _is_plain_reference(node[kind]["refr"], names)
    return kind == "Var" or (kind == "RefDot" and _is_plain_reference(node[kind]["refr"], names))


def is_always_defined(node: Any, names: frozenset[str]) -> bool:
    """True for constants, local variables and comprehensions, and operators and built-ins over them.

    Args:
        node: an expression.
        names: names whose values may be undefined.
    """
    kind = kind_of(node)
    if kind in CONSTANTS or kind in CLOSURES:
        return True
    if kind == "Var":
        return node["Var"]["value"] not in names
    if kind in REFERENCE_KINDS:
        return False
    if kind == "Call":
        path = ref_path(node["Call"]["fcn"])
        built_in = ".".join(path) in ALLOWED and path[0] not in names
        return built_in and all(is_always_defined(operand, names) for operand in node["Call"]["params"])
    if isinstance(node, dict):
        parts = (value for name, value in node.items() if name not in ("span", "op"))
        return all(is_always_defined(part, names) for part in parts)
    return not isinstance(node, list) or all(is_always_defined(item, names) for item in node)


def _unsafe_variables(module: RegoModule, rule: Node, known: frozenset[str]) -> Iterator[Violation]:
    """Find variables that only a negated expression uses. OPA calls them unsafe; regorus accepts them."""
    head = head_of(rule)
    arguments = variables(head.get("args", []))
    yield from _check_nested(module, rule.get("Spec", {}).get("head"), known | arguments)
    for body in bodies(rule):
        yield from _check_query(module, body["query"], known | arguments)
        yield from _check_nested(module, body.get("assign"), known | arguments | bound_names(body["query"]))


def _check_query(module: RegoModule, query: Node, known: frozenset[str]) -> Iterator[Violation]:
    inside = known | bound_names(query)
    for statement in query["stmts"]:
        literal = statement["literal"]
        if "NotExpr" in literal:
            for name in sorted(variables(literal["NotExpr"]["expr"], in_closures=False) - inside):
                yield violation(
                    module,
                    literal["NotExpr"],
                    f"variable {name} has no value outside of `not`",
                    "bind it first with `some … in …`, or negate a rule that does",
                )
        yield from _check_nested(module, statement, inside)


def _check_nested(module: RegoModule, node: object, known: frozenset[str]) -> Iterator[Violation]:
    """Check the queries of comprehensions and ``every``, each with the variables that its own head binds."""
    for closure in closures(node):
        own = variables([closure.get("key"), closure.get("value")])
        yield from _check_query(module, closure["query"], known | own)
        for name, value in closure.items():
            if name not in ("query", "domain"):
                yield from _check_nested(module, value, known)
