"""What is wrong in a rule's head: a value that may be undefined while the body iterates.

OPA leaves out the one element that is undefined. The engine leaves out, or spoils, those it has found before.
"""

from collections.abc import Iterator
from typing import Any

from extproc.policy.regorus.lint.negation import is_plain
from extproc.policy.regorus.lint.rego_module import Unit, Violation, bodies, declared, violation
from extproc.policy.regorus.lint.syntax_tree import Node, head_of, kind_of

CONSTANT_INDEXES = frozenset({"String", "RawString", "Number"})
ITERATING = frozenset({"SomeIn", "SomeVars"})


def lint_heads(unit: Unit, rule: Node, names: frozenset[str]) -> Iterator[Violation]:
    """Find heads that name something which may be undefined, over a body that may have several results.

    Args:
        unit: the module.
        rule: one of its rules; a function's value is computed once per call, and is right.
        names: what means something outside of the rule: the package's rules, imports, ``input`` and ``data``.
    """
    head = head_of(rule)
    if "Default" in rule or "args" in head:
        return
    uncertain = names - declared(rule)
    for index, body in enumerate(bodies(rule)):
        parts = [head.get("key"), head.get("assign"), *_indexes(head["refr"])] if index == 0 else [body["assign"]]
        if iterates(body["query"]) and not all(is_plain(part, uncertain) for part in parts):
            yield violation(
                unit,
                head if index == 0 else body["assign"]["value"],
                "a reference or function in the head, over a body that iterates, may be undefined: "
                "the engine then loses other results",
                "name it in the body, `value := …`, and put `value` into the head",
            )


def iterates(tree: Any) -> bool:
    """Whether a query may have several results; what comprehensions and ``every`` do inside does not count."""
    if isinstance(tree, list):
        return any(iterates(item) for item in tree)
    if not isinstance(tree, dict):
        return False
    if isinstance(tree.get("query"), dict) and "stmts" in tree["query"]:
        return False
    kind = kind_of(tree)
    if kind in ITERATING or (kind == "RefBrack" and kind_of(tree[kind]["index"]) not in CONSTANT_INDEXES):
        return True
    if kind == "Call" and kind_of(tree[kind]["fcn"]) == "Var" and tree[kind]["fcn"]["Var"]["value"] == "walk":
        return True
    return any(iterates(value) for name, value in tree.items() if name != "span")


def _indexes(reference: Any) -> Iterator[Any]:
    while kind_of(reference) in ("RefDot", "RefBrack"):
        inner = reference[kind_of(reference)]
        if kind_of(reference) == "RefBrack":
            yield inner["index"]
        reference = inner["refr"]
