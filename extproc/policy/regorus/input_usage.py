"""Find the parts of the input that a policy can look at, so that the others need not be written and parsed."""

from collections.abc import Iterable
from typing import Any

from extproc.policy.regorus.lint.rego_module import RegoModule
from extproc.policy.regorus.lint.syntax_tree import TEXT_KINDS, kind_of

ROOT = "input"


def used_input_keys(modules: Iterable[RegoModule]) -> frozenset[str] | None:
    """The top-level keys of ``input`` that rules name.

    Returns:
        None if a rule may use any key: ``input`` by itself, ``input[key]``, ``with input as``.
    """
    found: set[str] = set()
    for module in modules:
        imported = (path for path in module.imports.by_name.values() if path[0] == ROOT)
        for path in imported:
            if len(path) == 1:
                return None
            found.add(path[1])
        if not _add_keys(module.rules, found):
            return None
    return frozenset(found)


def _add_keys(tree: object, found: set[str]) -> bool:
    """Add the keys named in a tree. Returns False if ``input`` is used in another way."""
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, list | tuple):
            pending.extend(item)
        elif isinstance(item, dict):
            key = _key(item)
            if key is not None:
                found.add(key)
            elif _is_root(item):
                return False
            else:
                pending.extend(item.values())
    return True


def _is_root(node: Any) -> bool:
    return kind_of(node) == "Var" and node["Var"]["value"] == ROOT


def _key(node: Any) -> str | None:
    """The key of ``input.key`` and ``input["key"]``."""
    kind = kind_of(node)
    if kind == "RefDot" and _is_root(node[kind]["refr"]):
        return str(node[kind]["field"][1])
    if kind == "RefBrack" and _is_root(node[kind]["refr"]):
        index = node[kind]["index"]
        return str(index[kind_of(index)]["value"]) if kind_of(index) in TEXT_KINDS else None
    return None
