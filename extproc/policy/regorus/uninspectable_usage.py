"""Find out whether a policy certainly reads the facts about requests and responses that cannot be read.

A rule counts only if the query can reach it, and only if it names the fact: ``input.body.uninspectable`` by its
full path, or ``uninspectable`` as a key of something that is ``input.body``. What is less certain does not count.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from extproc.policy.contract.input_shape import Path
from extproc.policy.contract.uninspectable_reads import RESPONSE_PARTS, UninspectableReads
from extproc.policy.regorus.builtins import ALLOWED
from extproc.policy.regorus.input_usage import ROOT
from extproc.policy.regorus.lint.input_references import Full, InputReference, rule_reads
from extproc.policy.regorus.lint.rego_module import RegoModule, declared
from extproc.policy.regorus.lint.rule_uses import RulePath, full_path, references
from extproc.policy.regorus.lint.syntax_tree import (
    REFERENCE_KINDS,
    TEXT_KINDS,
    Node,
    kind_of,
    nodes,
    parts_of,
    rule_path,
)

FACT = "uninspectable"
LACKS_FORMS = frozenset({"call", "findings"})
"""Keys of the input that show nothing of a form."""
OTHER = {"body": "response", "response": "body"}
"""The two parts of the input that have the fact."""
LOOKUP = "object.get"


def find_uninspectable_reads(
    modules: tuple[RegoModule, ...],
    rules: Sequence[tuple[RegoModule, Node]],
    followed: Sequence[InputReference],
    input_keys: frozenset[str] | None,
) -> UninspectableReads:
    """Find what the query certainly reads of these facts.

    Args:
        modules: the policy, without its tests.
        rules: those that the query can depend on: see ``rules_of_query``.
        followed: their references to the input: see ``input_references``.
        input_keys: the keys of the input that any rule may use; None: all.
    """
    paths = {path for module, rule in rules for path in _input_paths(module, rule)}
    paths |= {(ROOT, *_fixed(each.keys)) for each in followed}
    names = {names for module, rule in rules for names in _named(module, rule)}
    sees_form = any(path[:2] == (ROOT, "parsed_body") for path in paths)
    sees_stream = any(path[:3] == (ROOT, "call", "arguments") for path in paths)
    return UninspectableReads(
        request=_reads_fact("body", paths, names),
        forms=sees_form and input_keys is not None and input_keys.isdisjoint(LACKS_FORMS),
        streams=sees_stream or (input_keys is not None and "parsed_body" not in input_keys),
        response=_reads_fact("response", paths, names),
        response_parts=_response_parts(modules),
    )


def _response_parts(modules: tuple[RegoModule, ...]) -> frozenset[str]:
    """The parts of ``input.response`` that some rule may read, reached or not."""
    every = {path for module in modules for rule in module.rules for path in _input_paths(module, rule)}
    if {(ROOT,), (ROOT, "response")} & every:
        return RESPONSE_PARTS
    return RESPONSE_PARTS & {path[2] for path in every if path[:2] == (ROOT, "response")}


def _reads_fact(part: str, paths: set[RulePath], names: set[RulePath]) -> bool:
    """True if the fact of ``input.<part>`` is certainly read.

    Args:
        part: ``body`` or ``response``.
        paths: the fixed beginnings of references to the input. One that ends early stands for all below it.
        names: keys that are read of local values, as far as they are fixed.
    """
    if any(path[:3] == (ROOT, part, FACT) for path in paths):
        return True
    if (ROOT,) in paths and any((part, FACT) in pairwise(each) for each in names):
        return True
    is_other = (ROOT, OTHER[part]) in paths  # then the key may be read of that
    return (ROOT, part) in paths and not is_other and any(FACT in each for each in names)


def _input_paths(module: RegoModule, rule: Node) -> Iterator[RulePath]:
    """The fixed beginnings of a rule's references to the input, with imports resolved."""
    local = declared(rule)
    for path in references(rule):
        if path[0] not in local and (full := full_path(module, path))[0] == ROOT:
            yield full


def _fixed(keys: Path) -> Iterator[str]:
    """The keys up to one that varies."""
    for key in keys:
        if key is None:
            return
        yield key


def _named(module: RegoModule, rule: Node) -> Iterator[RulePath]:
    """Keys that a rule reads of values which are not named by a path into the input or the data."""
    local = declared(rule) - _names_elsewhere(module, rule)
    own = {rule_path(module.package, each)[len(module.package)] for each in module.rules}
    for node in (each for part in parts_of(rule) for each in nodes(part)):
        kind = kind_of(node)
        if kind in REFERENCE_KINDS:
            root, keys = _chain(node)
            if root == "" or root in local or root in own:
                yield keys
        elif kind == "Call":
            yield from _keys_of_call(node["Call"])
        elif kind in ("BoolExpr", "Membership"):
            sides = [each for each in node[kind].values() if isinstance(each, dict)]
            if not any(_is_fixed(each) for each in sides):
                yield tuple(_text(side) for side in sides if _text(side))


def _is_fixed(side: Node) -> bool:
    """True for a path into the input or the data: what is compared with it is a value, and no key of it."""
    return kind_of(side) in REFERENCE_KINDS and _chain(side)[0] in (ROOT, "data")


def _names_elsewhere(module: RegoModule, rule: Node) -> set[str]:
    """Local names of what is certainly not ``input.body`` or ``input.response``: their keys are not the fact."""
    aliases = rule_reads(module, rule).aliases
    return {name for name, full in aliases.items() if full[0] == "data" or (full[0] == ROOT and _leads_past(full))}


def _leads_past(full: Full) -> bool:
    return len(full) > 1 and full[1] is not None and full[1] not in OTHER


def _chain(reference: Any) -> tuple[str, RulePath]:
    """The name at the root of a reference, empty if that is no name; and its keys, empty where they vary."""
    keys: list[str] = []
    while kind_of(reference) in REFERENCE_KINDS:
        inner = reference[kind_of(reference)]
        keys.append(str(inner["field"][1]) if "field" in inner else _text(inner["index"]))
        reference = inner["refr"]
    root = str(reference["Var"]["value"]) if kind_of(reference) == "Var" else ""
    return root, tuple(reversed(keys))


def _keys_of_call(call: Node) -> Iterator[RulePath]:
    """The texts that a call is given as keys: by ``object.get``, or by a function of the policy's own."""
    root, keys = _chain(call["fcn"])
    name = ".".join((root, *keys))
    if name in ALLOWED and name != LOOKUP:
        return
    for given in call["params"]:
        items: Sequence[Any] = given["Array"]["items"] if kind_of(given) == "Array" else (given,)
        yield tuple(_text(each) for each in items)


def _text(node: Any) -> str:
    """The value of a text in the policy; empty for anything else."""
    kind = kind_of(node)
    return str(node[kind]["value"]) if kind in TEXT_KINDS else ""
