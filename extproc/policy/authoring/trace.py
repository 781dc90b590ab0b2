"""One decision with the rules that led to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from extproc.model.call import Json
from extproc.model.decision import Action, ApprovalTerms, Decision
from extproc.model.errors import PolicyError
from extproc.model.reasons import Reason
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.regorus.evaluator import ANSWER, UNDEFINED, EmbeddedEngine, compile_modules, run
from extproc.policy.regorus.lint.rego_module import Unit, bodies, read_units
from extproc.policy.regorus.lint.syntax_tree import Node, head_of, nodes, rule_path
from extproc.policy.regorus.unambiguous_json import has_one_reading


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that was evaluated on the way to the decision, and has a value."""

    rule: str
    """``data.extproc.roles.granted``."""
    file: str
    line: int
    value: Json
    """May hold values of the input: for the author's eyes."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A rule's body that was tried and did not hold, or not for everything it went through."""

    rule: str
    file: str
    line: int
    """Of the last statement that was evaluated."""
    statement: str
    """That line's text."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the policy made of one input."""

    answer: Json
    """The query's value; None when there is none."""
    error: str
    """Why there is no answer; empty when there is one."""
    decision: Decision
    """As the guard would read it: an error denies."""
    fired: tuple[Fired, ...]
    """In the order of files and lines."""
    stopped: tuple[Stopped, ...] = ()
    """Why other rules have no value, and why an ``else`` was reached; in the same order."""


def trace(sources: Sources, document: bytes) -> Trace:
    """Decide on one input, and say which rules had a part in it.

    Args:
        sources: the policy, data and query.
        document: the input, JSON.

    Raises:
        ConfigError: the policy must not be loaded.
        PolicyError: the input is no JSON with one reading.
    """
    engine = EmbeddedEngine.from_sources(sources)
    if not has_one_reading(document):
        raise PolicyError("the input is not JSON, has duplicate keys, or numbers that are not exact")
    clone = engine.template.clone()
    clone.set_enable_coverage(enable=True)
    answer: Json = None
    error = ""
    try:
        found = run(clone, ANSWER, document, by="eval_rule_as_json")
        answer, error = (found["value"], "") if isinstance(found, dict) else (None, UNDEFINED)
    except PolicyError as failed:
        error = str(failed)
    decision = read_decision(answer, revision=engine.revision, defaults=ApprovalTerms(("approvers",)))
    if error:
        decision = Decision(Action.DENY, Reason.POLICY_ERROR, rule="policy", revision=engine.revision)
    reached = _reached(clone)
    units = read_units(orjson.loads(compile_modules(sources.modules, {}).get_ast_as_json()))
    fired = tuple(_fired(engine, units, reached, document))
    texts = {module.name: module.text.split("\n") for module in sources.modules}
    stopped = _stopped(units, reached, {one.rule for one in fired}, texts)
    return Trace(answer, error, decision, fired, tuple(stopped))


def _reached(engine: Any) -> set[tuple[str, int]]:
    """Lines that were evaluated. Empty after an error: the engine may be beyond asking."""
    try:
        report = orjson.loads(engine.get_coverage_report_as_json())
    except Exception:  # noqa: BLE001 - a report that is missing leaves the decision as it is
        return set()
    return {(file["path"], line) for file in report["files"] for line in file["covered"]}


def _fired(
    engine: EmbeddedEngine, units: tuple[Unit, ...], reached: set[tuple[str, int]], document: bytes
) -> Iterator[Fired]:
    seen: set[tuple[str, ...]] = set()
    for unit in sorted(units, key=lambda unit: unit.file):
        for rule in unit.rules:
            path, lines = rule_path(unit.package, rule), _lines(rule)
            is_function = "args" in head_of(rule)
            if path in seen or is_function or not any((unit.file, line) in reached for line in lines):
                continue
            seen.add(path)
            try:
                value = run(engine.template.clone(), ".".join(path), document, by="eval_rule_as_json")
            except PolicyError:
                continue
            if value != "<undefined>":
                yield Fired(".".join(path), unit.file, lines.start, value)


def _stopped(
    units: tuple[Unit, ...], reached: set[tuple[str, int]], valued: set[str], texts: Mapping[str, list[str]]
) -> Iterator[Stopped]:
    for unit in sorted(units, key=lambda unit: unit.file):
        for rule in unit.rules:
            name = ".".join(rule_path(unit.package, rule))
            is_function = "args" in head_of(rule)
            tried = [[(line, (unit.file, line) in reached) for line in _statements(body)] for body in bodies(rule)]
            for index, lines in enumerate(tried):
                last = max((line for line, was in lines if was), default=0)
                goes_on = any(was for later in tried[index + 1 :] for _, was in later)
                whole = last == max((line for line, _ in lines), default=0)
                if last and (goes_on or not whole or (name not in valued and not is_function)):
                    yield Stopped(name, unit.file, last, texts[unit.file][last - 1].strip())


def _statements(body: Node) -> list[int]:
    """The lines on which a body's statements begin."""
    return [_lines(statement).start for statement in body["query"]["stmts"]]


def _lines(rule: Node) -> range:
    spans = [int(node["line"]) for node in nodes(rule) if "line" in node and "col" in node]
    return range(min(spans), max(spans) + 1)
