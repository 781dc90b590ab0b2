"""Walk regorus's syntax tree, given as JSON. A node is an object with one key, its kind."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Node: TypeAlias = dict[str, Any]
Span: TypeAlias = tuple[int, int]
"""Line and column, from 1."""
NUMBERS = frozenset({"eidx", "sidx", "qidx"})
"""Keys with regorus's own numbers of nodes."""
TEXT_KINDS = frozenset({"String", "RawString"})
REFERENCE_KINDS = frozenset({"RefDot", "RefBrack"})


CONTAINS = re.compile(rb"\bcontains\b")


def kind_of(node: object) -> str:
    """A node's kind; empty for a value that is not a node."""
    if isinstance(node, dict) and len(node) == 1:
        return str(next(iter(node)))
    return ""


class Rule(dict[str, Any]):
    """A rule's node, which knows all nodes of each kind in it: the checks ask for many kinds."""

    __slots__ = ("_kinds",)

    def of_kind(self, kind: str) -> Sequence[Node]:
        """The contents of all nodes of one kind."""
        if not hasattr(self, "_kinds"):
            self._kinds = _by_kind(self)
        return self._kinds.get(kind, ())


def _by_kind(tree: Node) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for node in nodes(tree):
        for name, value in node.items():
            if type(value) is dict:
                found.setdefault(name, []).append(value)
    return found


def nodes(tree: object, kind: str = "") -> Iterable[Node]:
    """The contents of all nodes of one kind in a tree, its root included; every object if no kind is given."""
    if kind and isinstance(tree, Rule):
        return tree.of_kind(kind)
    return _walk(tree, kind)


def _walk(tree: object, kind: str) -> Iterator[Node]:
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if not kind:
                yield item
            elif kind in item and type(item[kind]) is dict:
                yield item[kind]
            pending += [value for value in item.values() if type(value) is dict or type(value) is list]
        elif type(item) is list:
            pending += item


def compact(tree: Any, source: bytes) -> Any:
    """The tree that the checks read: smaller, and complete.

    A span is a tuple, ``(line, column)``. Where regorus has a span alone, in ``some``, ``every`` and imports,
    there is a variable. A head that makes a set without the keyword ``contains`` has the key ``bracketed``.
    """
    if type(tree) is list:
        return [compact(item, source) for item in tree]
    if type(tree) is not dict:
        return tree
    if "start" in tree:
        return _place(tree)
    named = {name: compact(value, source) for name, value in tree.items() if name not in NUMBERS}
    if "SomeVars" in tree:
        named["SomeVars"]["vars"] = [_variable(span, source) for span in tree["SomeVars"]["vars"]]
    if "Every" in tree:
        every = tree["Every"]
        named["Every"] |= {part: _variable(every[part], source) for part in ("key", "value")}
    if "refr" in tree and "start" in (tree.get("as") or {}):
        named["as"] = _variable(tree["as"], source)
    if "Set" in tree and "key" in tree["Set"]:
        named["Set"]["bracketed"] = _is_bracketed(tree["Set"], source)
    return named


def _place(span: Node) -> Span:
    return span["line"], span["col"]


def _is_bracketed(head: Node, source: bytes) -> bool:
    """True for ``name[key]``. The expression ``{1, 2}`` is a ``Set`` too, but has no key."""
    span = next((node["span"] for node in nodes(head["key"]) if "span" in node), None)
    if span is None or not head.get("span"):
        return False
    return CONTAINS.search(source, head["span"]["start"], span["end"]) is None


def _variable(span: Any, source: bytes) -> Node | None:
    if not span:
        return None
    return {"Var": {"span": _place(span), "value": source[span["start"] : span["end"]].decode()}}


def position_of(node: Node) -> tuple[int, int]:
    """Line and column of a node's contents, from 1; 0 if unknown."""
    return node.get("span") or (0, 0)


def ref_path(node: Any) -> tuple[str, ...]:
    """The fixed names at the start of a reference: data, a, b for ``data.a["b"][i].c``."""
    kind = kind_of(node)
    if kind == "Var":
        return (str(node["Var"]["value"]),)
    if kind == "RefDot":
        return _extend(node["RefDot"]["refr"], str(node["RefDot"]["field"][1]))
    if kind == "RefBrack":
        index = node["RefBrack"]["index"]
        fixed = kind_of(index) in TEXT_KINDS
        return _extend(node["RefBrack"]["refr"], str(index[kind_of(index)]["value"]) if fixed else None)
    return ("",)


def _extend(inner: Node, name: str | None) -> tuple[str, ...]:
    path = ref_path(inner)
    return (*path, name) if name is not None and is_fixed(inner) else path


def is_fixed(node: Any) -> bool:
    """True if a reference consists of fixed names only."""
    kind = kind_of(node)
    if kind == "Var":
        return True
    if kind == "RefDot":
        return is_fixed(node["RefDot"]["refr"])
    if kind == "RefBrack":
        return kind_of(node["RefBrack"]["index"]) in TEXT_KINDS and is_fixed(node["RefBrack"]["refr"])
    return False


def head_of(rule: Node) -> Node:
    """The contents of a rule's head: its reference, arguments, value or key."""
    if "Default" in rule:
        return dict(rule["Default"])
    return dict(next(iter(rule["Spec"]["head"].values())))


def rule_path(package: tuple[str, ...], rule: Node) -> tuple[str, ...]:
    """A rule's full name, as far as it is fixed: ``data.extproc.decision``."""
    return (*package, *ref_path(head_of(rule)["refr"]))


def indexes(reference: object) -> Iterator[Any]:
    """The nodes in brackets of a reference, the last first."""
    while isinstance(reference, dict) and kind_of(reference) in REFERENCE_KINDS:
        inner = reference[kind_of(reference)]
        if kind_of(reference) == "RefBrack":
            yield inner["index"]
        reference = inner["refr"]


def parts_of(rule: Node) -> Iterator[Any]:
    """The nodes of a rule, except for the reference that names it: head, indexes of the name, bodies."""
    head = head_of(rule)
    yield from (value for name, value in head.items() if name not in ("refr", "span"))
    yield from indexes(head["refr"])
    yield rule.get("Spec", {}).get("bodies", [])


def hiding_imports(imports: list[Node]) -> Iterator[Node]:
    """The imports whose name an earlier import of the same module has."""
    seen: set[str] = set()
    for item in imports:
        name = _import_name(item)
        if ref_path(item["refr"])[0] in ("data", "input") and name in seen:
            yield item
        seen.add(name)


def _import_name(item: Node) -> str:
    alias = item.get("as")
    return str(alias["Var"]["value"]) if alias else ref_path(item["refr"])[-1]


@dataclass(frozen=True, slots=True)
class Imports:
    """The names that a module's imports define."""

    by_name: Mapping[str, tuple[str, ...]]
    nodes: Mapping[str, Node] = field(default_factory=dict)
    """The node of each import, by the name that it defines."""

    @classmethod
    def read(cls, imports: list[Node]) -> "Imports":
        """Read the tree's list of imports."""
        found = {_import_name(item): item for item in imports if ref_path(item["refr"])[0] in ("data", "input")}
        return cls({name: ref_path(item["refr"]) for name, item in found.items()}, found)

    @property
    def names(self) -> frozenset[str]:
        """All names that the imports define."""
        return frozenset(self.by_name)

    def resolve(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """A reference, with an imported first name replaced by the path that it stands for."""
        return (*self.by_name.get(path[0], path[:1]), *path[1:])
