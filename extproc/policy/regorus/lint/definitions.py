"""Find rules and imports that contradict each other. OPA refuses them; regorus fails, or picks one."""

from collections.abc import Iterator
from typing import Any

from extproc.policy.regorus.lint.rego_module import RegoModule, Violation, violation
from extproc.policy.regorus.lint.syntax_tree import Node, head_of, is_fixed, kind_of, rule_path

KINDS = {"Set": "a set", "Func": "a function", "Compr": "a value"}


def lint_definitions(modules: tuple[RegoModule, ...]) -> Iterator[Violation]:
    """Find rules that contradict others, and imports that hide others.

    Args:
        modules: all modules of the policy.
    """
    for module in modules:
        yield from _hidden_imports(module)
        yield from _bracketed_sets(module)
    yield from _conflicts(modules)


def lint_data(modules: tuple[RegoModule, ...], data: Any) -> Iterator[Violation]:
    """Find rules whose name the data has too, or leads into a value of it: regorus would take the data's value.

    Args:
        modules: all modules of the policy.
        data: all data.
    """
    for module in modules:
        for rule in module.rules:
            path = rule_path(module.package, rule)
            if _in_data(path[1:], data):
                message = f"{'.'.join(path)} is a rule here, and is in the data too"
                yield violation(module, head_of(rule), message, "rename the rule, or the key of the data")


def _in_data(names: tuple[str, ...], data: Any) -> bool:
    for name in names:
        if not isinstance(data, dict):
            return True
        if name not in data:
            return False
        data = data[name]
    return True


def _hidden_imports(module: RegoModule) -> Iterator[Violation]:
    for node in module.hidden_imports:
        yield violation(module, node, "this import hides an earlier one of the same name", "rename it with `as`")


def _bracketed_sets(module: RegoModule) -> Iterator[Violation]:
    """``deny["x"]`` without ``contains``: a set in Rego v0, and a syntax error in v1."""
    for rule in module.rules:
        if head_of(rule).get("bracketed"):
            message = "a set needs the keyword `contains`"
            yield violation(module, head_of(rule), message, "write `name contains value`")


def _conflicts(modules: tuple[RegoModule, ...]) -> Iterator[Violation]:
    """Rules of one name that are of different kinds, and rules below the name of another rule's value."""
    kinds: dict[tuple[str, ...], str] = {}
    closed = {path for module in modules for rule in module.rules if (path := _closed(module, rule))}
    for module in modules:
        for rule in module.rules:
            path, kind = rule_path(module.package, rule), _kind(rule)
            name = ".".join(path)
            if kind and kinds.setdefault(path, kind) != kind:
                message = f"{name} is {kind} here, and {kinds[path]} elsewhere"
                yield violation(module, head_of(rule), message, "rename one of them")
            above = next((path[:end] for end in range(2, len(path)) if path[:end] in closed), None)
            if above:
                message = f"{name} lies below {'.'.join(above)}, which has a value of its own"
                yield violation(module, head_of(rule), message, "rename one of them")


def _kind(rule: Node) -> str:
    """What a rule defines; empty if its name does not say."""
    head = head_of(rule)
    if not is_fixed(head["refr"]):
        return (
            "an object"
            if kind_of(head["refr"]) == "RefBrack" and is_fixed(head["refr"]["RefBrack"]["refr"])
            else ""
        )
    if "Default" in rule:
        return KINDS["Func"] if head.get("args") else KINDS["Compr"]
    return KINDS[kind_of(rule["Spec"]["head"])]


def _closed(module: RegoModule, rule: Node) -> tuple[str, ...] | None:
    """The name of a rule below which no other rule may be: one whose whole name is fixed."""
    return rule_path(module.package, rule) if is_fixed(head_of(rule)["refr"]) else None
