"""Which parts of the input a policy can look at: the others need not be written, parsed and thrown away."""

from collections.abc import Iterable
from typing import Any

from extproc.policy.regorus.lint.rego_module import Unit
from extproc.policy.regorus.lint.syntax_tree import kind_of

ROOT = "input"
TEXTS = frozenset({"String", "RawString"})


def used_input_keys(units: Iterable[Unit]) -> frozenset[str] | None:
    """The top-level keys of ``input`` that some rule names.

    Returns:
        None where that cannot be told: ``input`` by itself, ``input[key]``, ``with input as``.
    """
    found: set[str] = set()
    for unit in units:
        imported = (path for path in unit.imports.by_name.values() if path[0] == ROOT)
        for path in imported:
            if len(path) == 1:
                return None
            found.add(path[1])
        if not _gather(unit.rules, found):
            return None
    return frozenset(found)


def _gather(tree: Any, found: set[str]) -> bool:
    """Add the keys named in a tree; False where ``input`` is used in another way."""
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
    """The key, of ``input.key`` and ``input["key"]``."""
    kind = kind_of(node)
    if kind == "RefDot" and _is_root(node[kind]["refr"]):
        return str(node[kind]["field"][1])
    if kind == "RefBrack" and _is_root(node[kind]["refr"]):
        index = node[kind]["index"]
        return str(index[kind_of(index)]["value"]) if kind_of(index) in TEXTS else None
    return None
