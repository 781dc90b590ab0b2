"""Find which keys of ``input`` the rules of a module read, through imports, local names and ``object.get``."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
DEEPEST_CALL = 3
"""Functions that hand a part of the input on to each other: longer chains are not followed."""
Full = tuple[str | None, ...]
"""A path from its root: ``input``, ``data`` or a local name."""
RulePath = tuple[str, ...]
Argument = tuple[RulePath, int]
"""A function and the position of one of its arguments."""
Read = tuple[str, Path, tuple[Node, ...]]
"""What an expression reads: the variable with which it begins, the keys, and their places."""


@dataclass(frozen=True, slots=True)
class InputReference:
    """One place at which a rule reads the input."""

    module: RegoModule
    keys: Path
    """The keys behind ``input``."""
    spans: tuple[Node, ...]
    """The places of the last keys, for as many as stand here: earlier ones may be in an import."""

    def span(self, position: int) -> Node:
        """The place of a key; of the first one here, if it stands elsewhere."""
        first = len(self.keys) - len(self.spans)
        return self.spans[max(position - first, 0)]


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of a policy that stand for a part of the input wherever they are used."""

    rules: Mapping[RulePath, Full]
    """Rules that are nothing but a name for a reference: ``request := input.attributes.request.http``."""
    arguments: Mapping[Argument, Full | None]
    """What functions are called with; None for arguments that are not always the same reference."""


@dataclass(frozen=True, slots=True)
class RuleReads:
    """The expressions of one rule that may read the input, found in one walk over its tree."""

    module: RegoModule
    path: RulePath
    parameters: Mapping[int, str]
    """The names of its parameters, by position."""
    local: frozenset[str]
    """All names that are local to the rule."""
    aliases: Mapping[str, Full]
    """Local names that are assigned once, to a reference."""
    read: tuple[Read, ...]
    """References, and calls of ``object.get``."""
    passed: tuple[tuple[Argument, Full], ...]
    """What it passes to functions; empty for what is no reference."""


def input_references(
    modules: Sequence[RegoModule], rules: Sequence[tuple[RegoModule, Node]]
) -> list[InputReference]:
    """Find the references of a policy to its input.

    Args:
        modules: the policy.
        rules: the rules that decide, with their modules. Others are left aside, and so are their calls.
    """
    reads = [rule_reads(module, rule) for module, rule in rules]
    names = KnownNames(_named_references(modules), {})
    for _ in range(DEEPEST_CALL):
        names = KnownNames(names.rules, _arguments(reads, names))
    return [found for rule in reads for found in _inputs(rule, names)]


def _inputs(rule: RuleReads, names: KnownNames) -> Iterator[InputReference]:
    for root, keys, spans in rule.read:
        full = resolve(rule, (root, *keys), names)
        if full and full[0] == ROOT and spans:
            yield InputReference(rule.module, full[1:], spans)


def _arguments(rules: Sequence[RuleReads], names: KnownNames) -> Mapping[Argument, Full | None]:
    found: dict[Argument, Full | None] = {}
    for rule in rules:
        for argument, given in rule.passed:
            path = resolve(rule, given, names) if given else None
            same = argument not in found or found[argument] == path
            found[argument] = path if same and path and path[0] == ROOT else None
    return found


def _named_references(modules: Sequence[RegoModule]) -> dict[RulePath, Full]:
    times = Counter(rule_path(module.package, rule) for module in modules for rule in module.rules)
    found: dict[RulePath, Full] = {}
    for module in modules:
        for rule in module.rules:
            path = rule_path(module.package, rule)
            root, keys, _ = _read(_value(rule))
            if times[path] == 1 and root:
                found[path] = _absolute(module, (root, *keys))
    return found


def resolve(rule: RuleReads, path: Full, names: KnownNames) -> Full | None:
    """Follow the names in a rule to what they stand for.

    Args:
        rule: the rule.
        path: a reference, beginning with a name.
        names: those of the policy.

    Returns:
        The full path; None for a local variable that stands for no reference.
    """
    for _ in range(MOST_ALIASES):
        further = _once(rule, path, names)
        if further is None or further == path:
            return further
        path = further
    return None


def _once(rule: RuleReads, path: Full, names: KnownNames) -> Full | None:
    root = str(path[0])
    if root in rule.aliases:
        return (*rule.aliases[root], *path[1:])
    if root in rule.local:
        passed = _passed(rule, root, names)
        return (*passed, *path[1:]) if passed else None
    full = _absolute(rule.module, path)
    for end in range(len(full), 1, -1):
        if (found := names.rules.get(full[:end])) is not None:  # type: ignore[arg-type]
            return (*found, *full[end:])
    return full


def _passed(rule: RuleReads, name: str, names: KnownNames) -> Full | None:
    """What a parameter of the rule stands for, if the rule is a function that is always called alike."""
    position = next((at for at, parameter in rule.parameters.items() if parameter == name), None)
    return None if position is None else names.arguments.get((rule.path, position))


def rule_reads(module: RegoModule, rule: Node) -> RuleReads:
    """Find the expressions of a rule that may read the input."""
    given = list(head_of(rule).get("args", []))
    trees: list[Any] = [given, [each["vars"] for each in nodes(rule, "SomeVars")]]
    trees += [[each["key"], each["value"]] for kind in ("SomeIn", "Every") for each in nodes(rule, kind)]
    return RuleReads(
        module=module,
        path=rule_path(module.package, rule),
        parameters={at: str(node["Var"]["value"]) for at, node in enumerate(given) if kind_of(node) == "Var"},
        local=declared(rule),
        aliases=_aliases(nodes(rule, "AssignExpr"), variables(trees)),
        read=tuple(map(_read, _references(list(parts_of(rule))))),
        passed=tuple(each for call in nodes(rule, "Call") for each in _passes(module, call)),
    )


def _passes(module: RegoModule, call: Node) -> Iterator[tuple[Argument, Full]]:
    called = tuple(map(str, _absolute(module, ref_path(call["fcn"]))))
    for position, given in enumerate(call["params"]):
        root, keys, _ = _read(given)
        yield (called, position), (root, *keys) if root else ()


def _absolute(module: RegoModule, path: Full) -> Full:
    """A path from ``input`` or ``data``, with imports and the package's own names resolved."""
    root = str(path[0])
    if root in module.imports.by_name:
        return (*module.imports.by_name[root], *path[1:])
    return path if root in (ROOT, "data") else (*module.package, *path)


def _aliases(assignments: Iterable[Node], bound: frozenset[str]) -> dict[str, Full]:
    """Local names that are assigned once, to a reference.

    Args:
        assignments: all of the rule.
        bound: names of arguments, and those that ``some`` and ``every`` bind: they may have several values.
    """
    assigned: dict[str, list[Any]] = {}
    for assignment in assignments:
        if kind_of(assignment["lhs"]) == "Var":
            assigned.setdefault(assignment["lhs"]["Var"]["value"], []).append(assignment["rhs"])
    found = {}
    for name, values in assigned.items():
        root, keys, _ = _read(values[0])
        if len(values) == 1 and root and root != name and name not in bound:
            found[name] = (root, *keys)
    return found


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


def _read(node: Any) -> Read:
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
