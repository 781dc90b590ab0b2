"""Find variables that OPA refuses and regorus accepts: declared twice, never used, or without a value.

OPA's words for them are "declared above", "assigned above", "redeclared", "unused" and "unsafe".
"""

from collections.abc import Iterator

from extproc.policy.regorus.lint.rego_module import (
    RegoModule,
    Violation,
    bodies,
    bound_names,
    closures,
    is_closure,
    variables,
    violation,
)
from extproc.policy.regorus.lint.syntax_tree import Node, head_of, indexes, kind_of, nodes

ONCE = "declare a variable once, with `some x`, `some x in …` or `x := …`"
GIVE = "give it a value first, `x := …` or `some x in …`, or correct its name"


def lint_declarations(module: RegoModule, rule: Node, known: frozenset[str]) -> Iterator[Violation]:
    """Find variables of a rule that are declared twice, never used, or have no value where they are needed.

    Args:
        module: the rule's module.
        rule: the rule.
        known: names that are defined outside of the rule: the package's rules, imports, ``input`` and ``data``.
    """
    head = head_of(rule)
    arguments = variables(head.get("args", []))
    if "input" in arguments or "data" in arguments:
        yield violation(module, head, "an argument must not be named input or data", "use another name")
    outside = known | arguments
    own = [head.get("key"), head.get("assign"), *indexes(head["refr"])]
    first = bound_names(bodies(rule)[0]["query"]) if bodies(rule) else frozenset()
    for part in own:
        yield from _lint_term(module, part, outside | first)
    for index, body in enumerate(bodies(rule)):
        shown = variables([body["assign"], *(own if index == 0 else ())])
        yield from _lint_query(module, body["query"], outside, arguments, shown)
        yield from _lint_term(module, body["assign"], outside | bound_names(body["query"]))


def _lint_term(module: RegoModule, term: object, known: frozenset[str]) -> Iterator[Violation]:
    """A term that needs values: a head's, or a comprehension's. Variables in brackets get theirs from there."""
    for name, node in _unbound(term, known | _index_names(term)):
        yield violation(module, node, f"variable {name} is unsafe: nothing gives it a value", GIVE)
    for closure in closures(term):
        yield from _lint_closure(module, closure, known | _index_names(term))


def _unbound(term: object, known: frozenset[str]) -> Iterator[tuple[str, Node]]:
    seen = set(known)
    for name, node in _variable_nodes(term):
        if name not in seen:
            seen.add(name)
            yield name, node


def _variable_nodes(tree: object) -> Iterator[tuple[str, Node]]:
    """The variables of a term, without those inside comprehensions."""
    if isinstance(tree, list):
        for item in tree:
            yield from _variable_nodes(item)
    elif isinstance(tree, dict) and not is_closure(tree):
        if kind_of(tree) == "Var":
            yield tree["Var"]["value"], tree["Var"]
        else:
            inner = tree["Call"]["params"] if kind_of(tree) == "Call" else list(tree.values())
            yield from _variable_nodes(inner)


def _index_names(term: object) -> frozenset[str]:
    found = (variables(node["index"]) for node in nodes(term, "RefBrack") if kind_of(node["index"]) == "Var")
    return frozenset({"_"}.union(*found))


def _lint_closure(module: RegoModule, closure: Node, known: frozenset[str]) -> Iterator[Violation]:
    """A comprehension or ``every``, with the names that are known around it."""
    own = variables([closure.get("key"), closure.get("value")]) if "domain" in closure else frozenset()
    query, term = closure["query"], [] if "domain" in closure else _terms(closure)
    if "domain" in closure:
        yield from _unused(module, [part for part in (closure.get("key"), closure.get("value")) if part], query)
    yield from _lint_query(module, query, known | own, frozenset(), variables(term))
    yield from _lint_term(module, term, known | own | bound_names(query))


def _terms(closure: Node) -> list[object]:
    return [closure[name] for name in ("term", "key", "value") if closure.get(name)]


def _unused(module: RegoModule, declared: list[Node], used_in: object) -> Iterator[Violation]:
    used = variables(used_in)
    for node in declared:
        if kind_of(node) == "Var" and node["Var"]["value"] not in used | {"_"}:
            name = node["Var"]["value"]
            yield violation(
                module, node["Var"], f"variable {name} is declared and never used", "remove it, or use _"
            )


def _lint_query(
    module: RegoModule, query: Node, known: frozenset[str], arguments: frozenset[str], shown: frozenset[str]
) -> Iterator[Violation]:
    """The declarations of one query, and the queries inside it.

    Args:
        module: the module.
        query: the query.
        known: names that are known around it.
        arguments: the function's arguments, where this is a function's own body.
        shown: names that the head, or the comprehension's term, uses.
    """
    declared: set[str] = set(arguments)
    inside = known | bound_names(query)
    for index, statement in enumerate(query["stmts"]):
        literal = statement["literal"]
        for node in _declares(literal):
            if node["Var"]["value"] in declared:
                yield violation(module, node["Var"], f"variable {node['Var']['value']} is declared twice", ONCE)
            declared.add(node["Var"]["value"])
        if "SomeVars" in literal:
            others = [*query["stmts"][:index], *query["stmts"][index + 1 :]]
            unseen = [node for node in literal["SomeVars"]["vars"] if node["Var"]["value"] not in shown]
            yield from _unused(module, unseen, others)
        for closure in closures(statement):
            yield from _lint_closure(module, closure, inside)


def _declares(literal: Node) -> list[Node]:
    """The variables that ``some x`` and ``x := …`` declare. Those of ``some x in`` may shadow."""
    if "SomeVars" in literal:
        return [node for node in literal["SomeVars"]["vars"] if node]
    expression = literal.get("Expr", {}).get("expr")
    if kind_of(expression) == "AssignExpr" and expression["AssignExpr"]["op"] == "ColEq":
        return [{"Var": node} for name, node in _variable_nodes(expression["AssignExpr"]["lhs"]) if name != "_"]
    return []
