"""Find a rule head that uses a possibly undefined value while the rule's body iterates.

OPA leaves out the one element that is undefined. regorus leaves out, or corrupts, elements that it found before.
"""

from collections.abc import Iterator

from extproc.policy.regorus.lint.negation import is_always_defined
from extproc.policy.regorus.lint.rego_module import RegoModule, Violation, bodies, declared, is_closure, violation
from extproc.policy.regorus.lint.syntax_tree import TEXT_KINDS, Node, head_of, indexes, kind_of

CONSTANT_INDEXES = TEXT_KINDS | {"Number"}
ITERATING = frozenset({"SomeIn", "SomeVars"})


def lint_heads(module: RegoModule, rule: Node, names: frozenset[str]) -> Iterator[Violation]:
    """Find heads that use a possibly undefined value, over a body that may have several results.

    Args:
        module: the rule's module.
        rule: the rule. Functions are not checked: regorus computes a function's value once per call, and right.
        names: names that are defined outside of the rule: the package's rules, imports, ``input`` and ``data``.
    """
    head = head_of(rule)
    if "Default" in rule or "args" in head:
        return
    may_be_undefined = names - declared(rule)
    for index, body in enumerate(bodies(rule)):
        parts = [head.get("key"), head.get("assign"), *indexes(head["refr"])] if index == 0 else [body["assign"]]
        if iterates(body["query"]) and not all(is_always_defined(part, may_be_undefined) for part in parts):
            yield violation(
                module,
                head if index == 0 else body["assign"]["value"],
                "rule head uses a value that may be undefined while its body iterates; "
                "regorus then drops other results",
                "bind it in the body first, `value := …`, and use `value` in the head",
            )


def iterates(tree: object) -> bool:
    """True if a query may have several results. Iteration inside comprehensions and ``every`` does not count."""
    if isinstance(tree, list):
        return any(iterates(item) for item in tree)
    if not isinstance(tree, dict) or is_closure(tree):
        return False
    kind = kind_of(tree)
    if kind in ITERATING or (kind == "RefBrack" and kind_of(tree[kind]["index"]) not in CONSTANT_INDEXES):
        return True
    if kind == "Call" and kind_of(tree[kind]["fcn"]) == "Var" and tree[kind]["fcn"]["Var"]["value"] == "walk":
        return True
    return any(iterates(value) for name, value in tree.items() if name != "span")
