"""Find answers that are written out in a policy, and that the guard can never read: such calls would be denied."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from extproc.model.call import Json
from extproc.model.decision import Action, ApprovalTerms
from extproc.model.quorum import Quorum
from extproc.policy.contract.opa_envoy_decision import KEYS as PLUGIN_KEYS
from extproc.policy.contract.read_decision import KEYS, UNREADABLE, read_decision
from extproc.policy.regorus.lint.rego_module import RegoModule, Violation, bodies, violation
from extproc.policy.regorus.lint.syntax_tree import TEXT_KINDS, Node, head_of, is_fixed, kind_of, rule_path

MESSAGE = "an answer that the guard cannot read"
HINT = "docs/reference/policy.md lists what an answer may contain"
PRIMITIVES = TEXT_KINDS | {"Number", "Bool", "Null"}
COMPUTED: Mapping[str, Sequence[Json]] = {
    "action": tuple(Action),
    "allowed": (True, False),
    "headers": ({},),
    "request_headers_to_remove": ([],),
    "response_headers_to_add": ({},),
    "query_parameters_to_remove": ([],),
    "query_parameters_to_set": ({},),
    "body": ("",),
    "http_status": (403,),
    "dynamic_metadata": ({},),
}
"""Values that are read without an error, for parts of an answer that only an evaluation gives."""


class Computed(Exception):
    """A value is not wholly written out."""


def unreadable_answers(modules: Sequence[RegoModule], query: str) -> list[Violation]:
    """Find the values of the query's rule that cannot be read, whatever the input is.

    Of an object that is only partly written out, the parts that are count.

    Args:
        modules: the policy, without its tests.
        query: the rule that decides, ``data.…``.
    """
    path = tuple(query.split("."))
    return [
        violation(module, value[kind_of(value)], f"{query} gives {MESSAGE}: {why}", HINT)
        for module in modules
        for rule in module.rules
        if rule_path(module.package, rule) == path and is_fixed(head_of(rule)["refr"])
        for value in _values(rule)
        if (why := _complaint(value))
    ]


def _values(rule: Node) -> Iterator[Node]:
    """The values that a rule, which is neither a set nor a function, can have."""
    head = head_of(rule)
    if head.get("args") or "key" in head:
        return
    if "Default" in rule:
        yield head["value"]
    for assigned in (head.get("assign"), *(body["assign"] for body in bodies(rule))):
        if assigned:
            yield assigned["value"]


def _complaint(value: Node) -> str:
    """Why an answer can never be read; empty if it may be."""
    try:
        answers = list(_answers(value))
    except Computed:
        return ""
    complaints = []
    for answer in answers:
        decision = read_decision(answer, revision="", defaults=ApprovalTerms(Quorum.any_of("anyone")))
        if decision.rule != UNREADABLE:
            return ""
        complaints.append(decision.detail)
    return complaints[0] if complaints else ""


def _answers(value: Node) -> Iterator[Json]:
    """All answers that a value may be, as far as it matters for reading them."""
    if kind_of(value) != "Object":
        yield _constant(value)
        return
    parts = {str(key): _part(str(key), node) for key, node in _fields(value)}
    for chosen in product(*parts.values()):
        yield {key: each for key, each in zip(parts, chosen, strict=True) if each is not Computed}


def _part(key: str, node: Node) -> Sequence[Any]:
    """What one part of an answer may be; ``Computed`` for a part that may be left out."""
    try:
        return (_constant(node),)
    except Computed:
        return COMPUTED.get(key, (Computed if key in KEYS | PLUGIN_KEYS else None,))


def _fields(value: Node) -> list[tuple[Json, Node]]:
    """The keys and values of an object.

    Raises:
        Computed: a key is not written out, or is there twice.
    """
    fields = [(_constant(key), node) for _, key, node in value["Object"]["fields"]]
    if not all(isinstance(key, str) for key, _ in fields) or len({str(key) for key, _ in fields}) < len(fields):
        raise Computed
    return fields


def _constant(node: Any) -> Json:
    """The value of an expression that is written out.

    Raises:
        Computed: it is not.
    """
    kind = kind_of(node)
    if kind in PRIMITIVES:
        return node[kind]["value"]  # type: ignore[no-any-return]
    if kind in ("Array", "Set"):
        return [_constant(item) for item in node[kind]["items"]]
    if kind == "Object":
        return {str(key): _constant(each) for key, each in _fields(node)}
    raise Computed
