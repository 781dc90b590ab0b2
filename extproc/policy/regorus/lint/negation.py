"""What is wrong under ``not``: where a policy's doubt must not turn into a yes."""

from collections.abc import Iterator
from typing import Any

from extproc.policy.regorus.builtins import ALLOWED
from extproc.policy.regorus.lint.rego_module import Unit, Violation, bodies, declared, variables, violation
from extproc.policy.regorus.lint.syntax_tree import Node, head_of, kind_of, nodes, ref_path

CONSTANTS = frozenset({"String", "RawString", "Number", "Bool", "Null"})
CLOSURES = frozenset({"ArrayCompr", "SetCompr", "ObjectCompr"})
REFERENCES = frozenset({"RefDot", "RefBrack"})
GLOBALS = frozenset({"input", "data"})


def lint_negations(unit: Unit, rule: Node, names: frozenset[str]) -> Iterator[Violation]:
    """Find what OPA refuses or reads otherwise under ``not``.

    Args:
        unit: the module.
        rule: one of its rules.
        names: what means something outside of the rule: the package's rules, imports, ``input`` and ``data``.
    """
    yield from _unsafe_negation(unit, rule, names)
    may_be_undefined = names - declared(rule)
    for negated in nodes(rule, "NotExpr"):
        if not _is_certain(negated["expr"], may_be_undefined):
            yield violation(
                unit,
                negated,
                "under `not`, a reference inside a call or a comparison may be undefined: OPA then refuses, "
                "the engine goes on",
                "name it first, `value := input.…`, and negate an expression over `value`",
            )


def _is_certain(node: Any, names: frozenset[str]) -> bool:
    """Whether a negated expression means the same to both engines.

    A reference by itself may be undefined: ``not`` is then true in both. So may both sides of ``==``. Elsewhere
    OPA evaluates the reference before the ``not``, and an undefined one makes the whole body undefined.
    """
    kind = kind_of(node)
    if kind in REFERENCES or kind == "Var":
        return _is_flat(node, names)
    if kind in ("BoolExpr", "AssignExpr") and node[kind]["op"] == "Eq":
        return all(
            _is_flat(side, names) or is_plain(side, names) for side in (node[kind]["lhs"], node[kind]["rhs"])
        )
    if kind == "Call":
        return all(is_plain(operand, names) for operand in node["Call"]["params"])
    return is_plain(node, names)


def _is_flat(node: Any, names: frozenset[str]) -> bool:
    """A reference whose indexes are variables and constants."""
    kind = kind_of(node)
    if kind == "RefBrack":
        return is_plain(node[kind]["index"], names) and _is_flat(node[kind]["refr"], names)
    return kind == "Var" or (kind == "RefDot" and _is_flat(node[kind]["refr"], names))


def is_plain(node: Any, names: frozenset[str]) -> bool:
    """Made of constants, local variables and comprehensions only, through any operators and built-ins."""
    kind = kind_of(node)
    if kind in CONSTANTS or kind in CLOSURES:
        return True
    if kind == "Var":
        return node["Var"]["value"] not in names
    if kind in REFERENCES:
        return False
    if kind == "Call":
        path = ref_path(node["Call"]["fcn"])
        built_in = ".".join(path) in ALLOWED and path[0] not in names
        return built_in and all(is_plain(operand, names) for operand in node["Call"]["params"])
    if isinstance(node, dict):
        return all(is_plain(value, names) for name, value in node.items() if name not in ("span", "op", "eidx"))
    return not isinstance(node, list) or all(is_plain(item, names) for item in node)


def _unsafe_negation(unit: Unit, rule: Node, known: frozenset[str]) -> Iterator[Violation]:
    head = head_of(rule)
    arguments = variables(head.get("args", []))
    yield from _check_negations(unit, rule.get("Spec", {}).get("head"), known | arguments)
    for body in bodies(rule):
        yield from _check_query(unit, body["query"], known | arguments)
        yield from _check_negations(unit, body.get("assign"), known | arguments | _bound(body["query"]))


def _check_query(unit: Unit, query: Node, known: frozenset[str]) -> Iterator[Violation]:
    """A variable under ``not`` must have a value from elsewhere: OPA calls it unsafe, the engine lets it pass."""
    inside = known | _bound(query)
    for statement in query["stmts"]:
        literal = statement["literal"]
        if "NotExpr" in literal:
            for name in sorted(variables(literal["NotExpr"]["expr"], closures=False) - inside):
                shown = "_" if name == "_" else name
                yield violation(
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
            yield from _check_query(unit, node["query"], known | variables([node.get("key"), node.get("value")]))
        for key, value in node.items():
            if key != "query":
                yield from _check_negations(unit, value, known)


def _bound(query: Node) -> frozenset[str]:
    """Variables with a value from the expressions of a query that are not negated; ``some x`` alone gives none."""
    bound: frozenset[str] = frozenset()
    for statement in query["stmts"]:
        literal = statement["literal"]
        if "NotExpr" not in literal and "SomeVars" not in literal:
            bound |= variables(literal, closures=False)
    return bound - {"_"}
