"""Find which keys of ``input`` the rules of a module read, through imports, local names and ``object.get``."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.policy.contract.input_shape import Path
from extproc.policy.regorus.lint.rego_module import RegoModule, declared, variables
from extproc.policy.regorus.lint.syntax_tree import (
    REFERENCE_KINDS,
    TEXT_KINDS,
    Node,
    head_of,
    indexes,
    kind_of,
    nodes,
    parts_of,
    ref_path,
    rule_path,
)

ROOT = "input"
GET = ("object", "get")
MOST_ALIASES = 16
"""Names that stand for names: longer chains are not followed."""
Full = tuple[str | None, ...]
"""A path from its root: ``input``, ``data`` or a local name."""


@dataclass(frozen=True, slots=True)
class InputReference:
    """One place at which a rule reads the input."""

    keys: Path
    """The keys behind ``input``."""
    spans: tuple[Node, ...]
    """The places of the last keys, for as many as stand here: earlier ones may be in an import."""

    def span(self, position: int) -> Node:
        """The place of a key; of the first one here, if it stands elsewhere."""
        first = len(self.keys) - len(self.spans)
        return self.spans[max(position - first, 0)]


def input_references(
    module: RegoModule, rule: Node, named: Mapping[tuple[str, ...], Full]
) -> Iterator[InputReference]:
    """Find the references of one rule.

    Args:
        module: the rule's module.
        rule: the rule.
        named: rules that are names for a reference, as ``named_references`` finds them.
    """
    resolve = Resolver(module, rule, named)
    for node in _references(list(parts_of(rule))):
        root, keys, spans = _read(node)
        full = resolve(root, keys) if root else None
        if full and full[0] == ROOT and spans:
            yield InputReference(full[1:], spans)


def named_references(modules: Sequence[RegoModule]) -> dict[tuple[str, ...], Full]:
    """Rules that are nothing but a name for a reference: ``request := input.attributes.request.http``."""
    times = Counter(rule_path(module.package, rule) for module in modules for rule in module.rules)
    found: dict[tuple[str, ...], Full] = {}
    for module in modules:
        for rule in module.rules:
            path = rule_path(module.package, rule)
            root, keys, _ = _read(_value(rule))
            if times[path] == 1 and root:
                found[path] = _absolute(module, (root, *keys))
    return found


class Resolver:
    """Follows the names in one rule to what they stand for."""

    def __init__(self, module: RegoModule, rule: Node, named: Mapping[tuple[str, ...], Full]) -> None:
        """Learn the rule's own names."""
        self._module = module
        self._named = named
        self._local = declared(rule)
        self._aliases = _aliases(rule)

    def __call__(self, root: str, keys: Path) -> Full | None:
        """The full path of a reference; None for a local variable that stands for no reference."""
        path: Full = (root, *keys)
        for _ in range(MOST_ALIASES):
            further = self._once(path)
            if further is None or further == path:
                return further
            path = further
        return None

    def _once(self, path: Full) -> Full | None:
        root = str(path[0])
        if root in self._aliases:
            return (*self._aliases[root], *path[1:])
        if root in self._local:
            return None
        full = _absolute(self._module, path)
        for end in range(len(full), 1, -1):
            if (found := self._named.get(full[:end])) is not None:  # type: ignore[arg-type]
                return (*found, *full[end:])
        return full


def _absolute(module: RegoModule, path: Full) -> Full:
    """A path from ``input`` or ``data``, with imports and the package's own names resolved."""
    root = str(path[0])
    if root in module.imports.by_name:
        return (*module.imports.by_name[root], *path[1:])
    return path if root in (ROOT, "data") else (*module.package, *path)


def _aliases(rule: Node) -> dict[str, Full]:
    """Local names that are assigned once, to a reference."""
    assigned: dict[str, list[Any]] = {}
    for assignment in nodes(rule, "AssignExpr"):
        if kind_of(assignment["lhs"]) == "Var":
            assigned.setdefault(assignment["lhs"]["Var"]["value"], []).append(assignment["rhs"])
    bound = _bound(rule)
    found = {}
    for name, values in assigned.items():
        root, keys, _ = _read(values[0])
        if len(values) == 1 and root and root != name and name not in bound:
            found[name] = (root, *keys)
    return found


def _bound(rule: Node) -> frozenset[str]:
    """Names of arguments, and those that ``some`` and ``every`` bind: they may have several values."""
    trees: list[Any] = [head_of(rule).get("args", [])]
    trees += [[each["key"], each["value"]] for kind in ("SomeIn", "Every") for each in nodes(rule, kind)]
    trees += [each["vars"] for each in nodes(rule, "SomeVars")]
    return variables(trees)


def _value(rule: Node) -> Any:
    """The value of a rule without conditions, arguments and keys; None for any other rule."""
    if "Default" in rule or rule["Spec"]["bodies"] or kind_of(rule["Spec"]["head"]) != "Compr":
        return None
    head = head_of(rule)
    return head["assign"]["value"] if head.get("assign") else None


def _references(tree: Any) -> Iterator[Node]:
    """Every whole reference, and every call of ``object.get``; not the parts of a reference."""
    pending: list[Any] = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            kind = kind_of(item)
            if kind in REFERENCE_KINDS:
                yield item
                pending.extend(_inside(item))
            elif kind == "Call":
                if _is_get(item):
                    yield item
                pending.extend(item["Call"]["params"])
            else:
                pending.extend(item.values())


def _inside(reference: Any) -> Iterator[Any]:
    """The indexes of a reference, and what it begins with if that is no variable."""
    yield from indexes(reference)
    while kind_of(reference) in REFERENCE_KINDS:
        reference = reference[kind_of(reference)]["refr"]
    if kind_of(reference) != "Var":
        yield reference


def _is_get(node: Any) -> bool:
    return kind_of(node) == "Call" and ref_path(node["Call"]["fcn"]) == GET and len(node["Call"]["params"]) > 1


def _read(node: Any) -> tuple[str, Path, tuple[Node, ...]]:
    """What an expression reads: the variable with which it begins, the keys, and their places.

    The variable is empty for an expression that is neither a reference nor ``object.get`` of one. Keys that are
    variables or numbers are None.
    """
    kind = kind_of(node)
    if kind == "Var":
        return str(node["Var"]["value"]), (), ()
    if kind in REFERENCE_KINDS:
        root, keys, spans = _read(node[kind]["refr"])
        key, span = _step(node[kind])
        return root, (*keys, key), (*spans, span)
    if _is_get(node):
        value, wanted = node["Call"]["params"][:2]
        root, keys, spans = _read(value)
        items = wanted["Array"]["items"] if kind_of(wanted) == "Array" else [wanted]
        return root, (*keys, *map(_literal, items)), (*spans, *map(_contents, items))
    return "", (), ()


def _step(reference: Node) -> tuple[str | None, Node]:
    """The last key of a reference, and its place."""
    if "field" in reference:
        return str(reference["field"][1]), {"span": reference["field"][0]}
    return _literal(reference["index"]), _contents(reference["index"])


def _literal(node: Any) -> str | None:
    kind = kind_of(node)
    return str(node[kind]["value"]) if kind in TEXT_KINDS else None


def _contents(node: Any) -> Node:
    return dict(node[kind_of(node)]) if kind_of(node) else {}
