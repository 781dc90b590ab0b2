"""Find texts that a policy compares with names of the input, and texts in answers that no answer may have.

Followed are imports, `:=` and `some … in` of references to the input, and sets, arrays and objects of texts that
are written in the rule or are a rule's constant value. Not followed are arguments of functions, and texts that are
put together or come from data.

Values of closed lists, such as ``input.direction``, are judged here: a text that is not on the list is a
violation. Names that depend on the configuration are returned, for ``extproc.policy.names``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from extproc.masking.plan.json_path import compile_path
from extproc.model.decision import Action
from extproc.model.masking import MaskOperator
from extproc.model.reasons import Uninspectable
from extproc.policy.contract.policy_sources import TEST_SUFFIX
from extproc.policy.contract.read_decision import KEYS, REASONS_OF
from extproc.policy.contract.response_interest import KNOWN as DIRECTIONS
from extproc.policy.names.known_names import quoted, suggestion
from extproc.policy.names.rego_literals import LiteralKind, RegoLiteral
from extproc.policy.regorus.lint.http_methods import HTTP_METHODS
from extproc.policy.regorus.lint.rego_module import (
    RegoModule,
    Violation,
    bodies,
    declared,
    variables,
    violation,
)
from extproc.policy.regorus.lint.syntax_tree import (
    TEXT_KINDS,
    Node,
    head_of,
    kind_of,
    nodes,
    position_of,
    ref_path,
    rule_path,
)

Path: TypeAlias = tuple[str, ...]
EACH = "*"
"""The part of a path that stands for an index which is not a text."""
FUNCTION: Path = ("input", "call", "function")
NAMES: Mapping[Path, LiteralKind] = {
    FUNCTION: LiteralKind.FUNCTION,
    ("input", "call", "name"): LiteralKind.CALL_NAME,
    ("input", "connection", "name"): LiteralKind.CONNECTION,
    ("input", "identity", "issuer"): LiteralKind.ISSUER,
    ("input", "connection", "protocol"): LiteralKind.PROTOCOL,
    ("input", "call", "protocol"): LiteralKind.PROTOCOL,
    ("input", "findings", EACH, "entity"): LiteralKind.ENTITY,
    ("input", "response", "findings", EACH, "entity"): LiteralKind.ENTITY,
}
CLOSED: Mapping[Path, frozenset[str]] = {
    ("input", "direction"): DIRECTIONS,
    ("input", "body", "uninspectable"): frozenset(Uninspectable),
    ("input", "response", "uninspectable"): frozenset(Uninspectable),
}
HTTP: Path = ("input", "attributes", "request", "http")
METHODS = frozenset({(*HTTP, "method"), (*HTTP, "headers", ":method")})
SEGMENT: Path = ("input", "parsed_path", EACH)
MASK_KEYS = frozenset({"path", "entity", "how"})
COMPARING = frozenset({"Eq", "Ne"})


@dataclass(frozen=True)
class Text:
    """A text that is written in a policy."""

    module: RegoModule
    node: Node
    """The contents of its node."""

    @property
    def value(self) -> str:
        """The text."""
        return str(self.node["value"])

    def literal(self, kind: LiteralKind) -> RegoLiteral:
        """The text, as one that is compared with a name of this kind."""
        line, column = position_of(self.node)
        return RegoLiteral(kind, self.value, self.module.file, line, column)


@dataclass(frozen=True)
class Found:
    """What was found in all modules."""

    literals: list[RegoLiteral] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


@dataclass(frozen=True)
class Scope:
    """The meanings of names in one body of a rule."""

    module: RegoModule
    constants: Mapping[Path, list[tuple[RegoModule, Node]]]
    """Values of rules by the rules' full names, each with its module."""
    local: frozenset[str]
    """Names that are the rule's own, and so neither rules nor imports."""
    paths: Mapping[str, Path] = field(default_factory=dict)
    """Local names for parts of the input."""
    texts: Mapping[str, list[Text]] = field(default_factory=dict)
    """Local names for texts."""


Meanings: TypeAlias = dict[str, list[Path | list[Text] | None]]
"""Local names, and everything that each stands for: None for what is not followed."""


def find_literals(modules: Iterable[RegoModule]) -> Found:
    """Find all texts in all modules but tests."""
    policy = [module for module in modules if not module.file.endswith(TEST_SUFFIX)]
    constants: dict[Path, list[tuple[RegoModule, Node]]] = {}
    for module in policy:
        for rule in module.rules:
            known = constants.setdefault(rule_path(module.package, rule), [])
            known += [(module, value) for value in _values(rule)]
    found = Found()
    for module in policy:
        for rule in module.rules:
            for part in _bodies_apart(rule):
                scope = _bound(part, Scope(module, constants, declared(rule)))
                _compare(part, scope, found)
                _answers(part, scope, found)
    return found


def _bodies_apart(rule: Node) -> Iterator[Node]:
    """The rule's head with its first body, and each other body: names of one have no meaning in another."""
    own = bodies(rule)
    yield {"head": head_of(rule), "body": own[:1]}
    yield from ({"body": [each]} for each in own[1:])


def _values(rule: Node) -> Iterator[Node]:
    """The values that a rule can have, as they are written; for a set, its elements as sets of one."""
    head = head_of(rule)
    if "args" in head:
        return
    if isinstance(head.get("assign"), dict):
        yield head["assign"]["value"]
    if isinstance(head.get("key"), dict):
        yield {"Set": {"items": [head["key"]]}}
    if isinstance(head.get("value"), dict):
        yield head["value"]
    for body in bodies(rule):
        if isinstance(body.get("assign"), dict):
            yield body["assign"]["value"]


def _bound(part: Node, scope: Scope) -> Scope:
    """The scope, with names that stand for one part of the input, or for texts. Twice: some stand for others."""
    for _ in range(2):
        meanings: Meanings = {}
        for assignment in nodes(part, "AssignExpr"):
            _name(assignment["lhs"], assignment["rhs"], scope, meanings, each=False)
        for some in (*nodes(part, "SomeIn"), *nodes(part, "Every")):
            _name(some["value"], some.get("collection") or some.get("domain"), scope, meanings, each=True)
            _name(some["key"], None, scope, meanings, each=True)
        for some in nodes(part, "SomeVars"):
            _name(some["vars"], None, scope, meanings, each=True)
        single = {name: found[0] for name, found in meanings.items() if len(found) == 1}
        paths = {name: found for name, found in single.items() if isinstance(found, tuple)}
        texts = {name: found for name, found in single.items() if isinstance(found, list)}
        scope = replace(scope, paths=paths, texts=texts)
    return scope


def _name(pattern: Any, value: Any, scope: Scope, meanings: Meanings, *, each: bool) -> None:
    """Note what a pattern's names stand for: None for what is not followed."""
    if kind_of(pattern) != "Var":
        for name in variables(pattern):
            meanings.setdefault(name, []).append(None)
        return
    path = _path(value, scope)
    meaning: Path | list[Text] | None = (*path, EACH) if path and each else path
    if path is None:
        meaning = (_texts(value, scope) if each else _text_values(value, scope)) or None
    known = meanings.setdefault(pattern["Var"]["value"], [])
    if meaning not in known:
        known.append(meaning)


def _path(node: Any, scope: Scope) -> Path | None:
    """The part of the input that a reference means; None for any other expression."""
    kind = kind_of(node)
    if kind == "Var":
        return _variable_path(str(node["Var"]["value"]), scope)
    if kind == "RefDot":
        base = _path(node[kind]["refr"], scope)
        return None if base is None else (*base, str(node[kind]["field"][1]))
    if kind == "RefBrack":
        base, index = _path(node[kind]["refr"], scope), node[kind]["index"]
        step = str(index[kind_of(index)]["value"]) if kind_of(index) in TEXT_KINDS else EACH
        return None if base is None else (*base, step)
    return None


def _variable_path(name: str, scope: Scope) -> Path | None:
    if name in scope.local:
        return scope.paths.get(name)
    if name == "input":
        return ("input",)
    imported = scope.module.imports.by_name.get(name)
    return imported if imported and imported[0] == "input" else None


def _texts(node: Any, scope: Scope) -> list[Text]:
    """The texts of a collection that is written out, or is a rule's value: elements, or keys of an object."""
    written = _written_texts(scope.module, node)
    return written or [text for module, value in _constants(node, scope) for text in _written_texts(module, value)]


def _written_texts(module: RegoModule, node: Any) -> list[Text]:
    match kind_of(node):
        case "Set" | "Array" as kind:
            items = node[kind]["items"]
        case "Object":
            items = [key for _, key, _ in node["Object"]["fields"]]
        case _:
            items = []
    return [text for item in items if (text := _text(module, item))]


def _text(module: RegoModule, node: Any) -> Text | None:
    kind = kind_of(node)
    return Text(module, node[kind]) if kind in TEXT_KINDS else None


def _constants(node: Any, scope: Scope) -> list[tuple[RegoModule, Node]]:
    """The values of the rule that a reference means."""
    return scope.constants.get(_rule_name(node, scope) or (), [])


def _rule_name(node: Any, scope: Scope) -> Path | None:
    """The full name of the rule that a reference means, if it may be one."""
    kind = kind_of(node)
    if kind == "Var":
        name = str(node["Var"]["value"])
        if name in scope.local:
            return None
        imported = scope.module.imports.by_name.get(name)
        return imported or (("data",) if name == "data" else (*scope.module.package, name))
    if kind == "RefDot":
        base = _rule_name(node[kind]["refr"], scope)
        return None if base is None else (*base, str(node[kind]["field"][1]))
    return None


def _compare(rule: Node, scope: Scope, found: Found) -> None:
    """Find all comparisons of a name of the input with texts."""
    for kind in ("BoolExpr", "AssignExpr"):
        for each in nodes(rule, kind):
            if each["op"] in COMPARING:
                _compare_both(each["lhs"], each["rhs"], scope, found)
    for each in nodes(rule, "Membership"):
        _add(_path(each["value"], scope), _texts(each["collection"], scope), found)
        if whole := _path(each["collection"], scope):
            _add((*whole, EACH), _text_values(each["value"], scope), found)
    for each in nodes(rule, "RefBrack"):
        _add(_path(each["index"], scope), _texts(each["refr"], scope), found)
    for each in nodes(rule, "Call"):
        _compare_call(each, scope, found)


def _compare_both(one: Any, other: Any, scope: Scope, found: Found) -> None:
    for name, value in ((one, other), (other, one)):
        if path := _path(name, scope):
            _add(path, _text_values(value, scope), found)
            if kind_of(value) == "Array":
                _add((*path, EACH), _written_texts(scope.module, value), found)


def _text_values(node: Any, scope: Scope) -> list[Text]:
    """The texts that an expression may be: itself, those that its variable goes through, or a rule's."""
    if own := _text(scope.module, node):
        return [own]
    if kind_of(node) == "Var" and node["Var"]["value"] in scope.texts:
        return scope.texts[node["Var"]["value"]]
    return [text for module, value in _constants(node, scope) if (text := _text(module, value))]


def _compare_call(call: Node, scope: Scope, found: Found) -> None:
    match ref_path(call["fcn"]), call["params"]:
        case ("startswith",), [name, beginning] if _path(name, scope) == FUNCTION:
            texts = _text_values(beginning, scope)
            found.literals.extend(text.literal(LiteralKind.FUNCTION_BEGINNING) for text in texts)
        case ("object", "get"), [table, name, _]:
            _add(_path(name, scope), _texts(table, scope), found)


def _add(path: Path | None, texts: list[Text], found: Found) -> None:
    """Keep the texts that are compared with a name of the input, and judge those of closed lists."""
    if path is None:
        return
    for text in texts:
        if path in NAMES:
            found.literals.append(text.literal(NAMES[path]))
        elif path in CLOSED and text.value not in CLOSED[path]:
            _refuse(text, f"{'.'.join(path)} is never {quoted(text.value)}", CLOSED[path], found)
        elif path in METHODS and text.value not in HTTP_METHODS:
            _refuse_method(text, found)
        elif path == SEGMENT and "/" in text.value:
            message = f"a segment of input.parsed_path never has a slash: {quoted(text.value)}"
            found.violations.append(violation(text.module, text.node, message, _segments(text.value)))


def _refuse_method(text: Text, found: Found) -> None:
    """Refuse a text that is no method of HTTP."""
    upper = text.value.upper()
    meant = f'"{upper}"' if upper in HTTP_METHODS else ""
    message = f"no HTTP method is {quoted(text.value)}{'' if meant else suggestion(upper, HTTP_METHODS)}"
    hint = f"methods are upper case: {meant}" if meant else "methods are upper case, such as GET and DELETE"
    found.violations.append(violation(text.module, text.node, message, hint))


def _segments(text: str) -> str:
    """What to write instead of a path where one segment is compared."""
    parts = text.strip("/").split("/")
    return f'write "{parts[0]}"' if len(parts) == 1 and parts[0] else "compare input.parsed_path[0], [1], … each"


def _refuse(text: Text, message: str, choices: Iterable[str], found: Found) -> None:
    hint = f"it is one of: {', '.join(sorted(choices))}"
    close = suggestion(text.value, choices)
    found.violations.append(violation(text.module, text.node, message + close, hint))


def _answers(part: Node, scope: Scope, found: Found) -> None:
    """Check the texts in objects that are answers, as far as they are written out."""
    for each in nodes(part, "Object"):
        fields = _fields(each)
        if len(fields) > 1 and "action" in fields and fields.keys() <= KEYS:
            _answer(fields, scope.module, found)
        elif "how" in fields and fields.keys() <= MASK_KEYS and len(fields) > 1:
            _mask_rule(fields, scope.module, found)


def _fields(tree: Node) -> dict[str, Node]:
    """An object's values by those of its keys that are texts; with a key `""` if it has others."""
    keys = (
        (key[kind_of(key)]["value"] if kind_of(key) in TEXT_KINDS else "", value)
        for _, key, value in tree["fields"]
    )
    return {str(key): value for key, value in keys}


def _answer(fields: Mapping[str, Node], module: RegoModule, found: Found) -> None:
    action, reason, rule = (_text(module, fields.get(name)) for name in ("action", "reason", "rule"))
    if action and action.value not in list(Action):
        _refuse(action, f"no action is {quoted(action.value)}", Action, found)
    elif action and reason and reason.value not in REASONS_OF[Action(action.value)]:
        message = f"policy may not give the reason {quoted(reason.value)} for {action.value}"
        _refuse(reason, message, REASONS_OF[Action(action.value)], found)
    if rule:
        found.literals.append(rule.literal(LiteralKind.RULE))
    for each in _written_masks(fields.get("mask")):
        if "how" not in each:  # the others are found as objects with `how`
            _mask_rule(each, module, found)


def _written_masks(mask: Any) -> Iterator[dict[str, Node]]:
    """The mask rules of an answer, as far as they are written out."""
    sides = _fields(mask["Object"]).values() if kind_of(mask) == "Object" else ()
    for rules in sides:
        items = rules["Array"]["items"] if kind_of(rules) == "Array" else ()
        yield from (_fields(item["Object"]) for item in items if kind_of(item) == "Object")


def _mask_rule(fields: Mapping[str, Node], module: RegoModule, found: Found) -> None:
    how, entity, path = (_text(module, fields.get(name)) for name in ("how", "entity", "path"))
    if how and how.value not in list(MaskOperator):
        _refuse(how, f"no mask operator is {quoted(how.value)}", MaskOperator, found)
    if entity and entity.value != EACH:
        found.literals.append(entity.literal(LiteralKind.ENTITY))
    if path:
        try:
            compile_path(path.value)
        except ValueError as error:
            hint = "docs/reference/masking.md lists what a path may contain"
            found.violations.append(violation(module, path.node, str(error), hint))
