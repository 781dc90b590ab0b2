"""Decide on one input, and show which rules led to the decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from extproc.model.call import Json
from extproc.model.decision import Action, ApprovalTerms, Decision
from extproc.model.errors import PolicyError
from extproc.model.quorum import Quorum
from extproc.model.reasons import Reason
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.contract.uninspectable_reads import not_asked
from extproc.policy.regorus.evaluator import ANSWER, UNDEFINED, EmbeddedEngine, compile_modules, run_rule
from extproc.policy.regorus.import_regorus import RegorusEngine
from extproc.policy.regorus.lint.rego_module import RegoModule, bodies, read_modules
from extproc.policy.regorus.lint.syntax_tree import Node, head_of, nodes, rule_path
from extproc.policy.regorus.unambiguous_json import has_one_reading

Reached: TypeAlias = set[tuple[str, int]]
"""Files and lines that were evaluated."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that was evaluated for the decision, and has a value."""

    rule: str
    """``data.extproc.roles.granted``."""
    file: str
    line: int
    value: Json
    """May hold values of the input: for the author's eyes."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A rule's body that was tried and did not hold, or not for every element that it iterated over."""

    rule: str
    file: str
    line: int
    """The line of the last statement that was evaluated."""
    statement: str
    """That line's text."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The decision on one input, and how the policy came to it."""

    answer: Json
    """The query's value; None if it has none."""
    error: str
    """Why there is no answer; empty if there is one."""
    decision: Decision
    """As the guard would read the answer: an error denies."""
    fired: tuple[Fired, ...]
    """In the order of files and lines."""
    stopped: tuple[Stopped, ...] = ()
    """Why other rules have no value, and why an ``else`` was reached; in the same order."""
    note: str = ""
    """Why the guard would not ask policy about this input; empty if it would, or if that is not known."""


def trace(sources: Sources, document: bytes) -> Trace:
    """Decide on one input, and find the rules that led to the decision.

    Args:
        sources: the policy, data and query.
        document: the input, JSON.

    Raises:
        ConfigError: the policy must not be loaded.
        PolicyError: the input is not JSON with one reading.
    """
    engine = EmbeddedEngine.from_sources(sources)
    if not has_one_reading(document):
        raise PolicyError("the input is not JSON, has duplicate keys, or numbers that are not exact")
    clone = engine.template.clone()
    clone.set_enable_coverage(enable=True)
    answer, error = _evaluate(clone, document)
    decision = read_decision(answer, revision=engine.revision, defaults=ApprovalTerms(Quorum.any_of("approvers")))
    if error:
        decision = Decision(Action.DENY, Reason.POLICY_ERROR, rule="policy", revision=engine.revision)
    reached = _reached(clone)
    syntax = read_modules(orjson.loads(compile_modules(sources.modules, {}).get_ast_as_json()))
    modules = sorted(syntax, key=lambda module: module.file)
    fired = tuple(_fired(engine, modules, reached, document))
    texts = {module.name: module.text.split("\n") for module in sources.modules}
    stopped = _stopped(modules, reached, {one.rule for one in fired}, texts)
    note = not_asked(orjson.loads(document), engine.uninspectable_reads)
    return Trace(answer, error, decision, fired, tuple(stopped), note)


def _evaluate(engine: RegorusEngine, document: bytes) -> tuple[Json, str]:
    """The query's value, and why it has none."""
    try:
        found = run_rule(engine, ANSWER, document)
    except PolicyError as error:
        return None, str(error)
    return (found["value"], "") if isinstance(found, dict) else (None, UNDEFINED)


def _reached(engine: RegorusEngine) -> Reached:
    """Lines that were evaluated. Empty after an error: the engine may be unable to report."""
    try:
        report = orjson.loads(engine.get_coverage_report_as_json())
    except Exception:  # noqa: BLE001 - a report that is missing leaves the decision as it is
        return set()
    return {(file["path"], line) for file in report["files"] for line in file["covered"]}


def _fired(
    engine: EmbeddedEngine, modules: Sequence[RegoModule], reached: Reached, document: bytes
) -> Iterator[Fired]:
    seen: set[tuple[str, ...]] = set()
    for module in modules:
        for rule in module.rules:
            path, lines = rule_path(module.package, rule), _lines(rule)
            is_function = "args" in head_of(rule)
            if path in seen or is_function or not any((module.file, line) in reached for line in lines):
                continue
            seen.add(path)
            try:
                value = run_rule(engine.template.clone(), ".".join(path), document)
            except PolicyError:
                continue
            if value != "<undefined>":
                yield Fired(".".join(path), module.file, lines.start, value)


def _stopped(
    modules: Sequence[RegoModule], reached: Reached, valued: set[str], texts: Mapping[str, list[str]]
) -> Iterator[Stopped]:
    """Find the bodies that did not hold.

    Args:
        modules: the policy's syntax.
        reached: lines that were evaluated.
        valued: names of rules that have a value.
        texts: each file's lines.
    """
    for module in modules:
        for rule in module.rules:
            name = ".".join(rule_path(module.package, rule))
            is_function = "args" in head_of(rule)
            tried = [_statements(module.file, body, reached) for body in bodies(rule)]
            for index, lines in enumerate(tried):
                last = max((line for line, was_reached in lines if was_reached), default=0)
                goes_on = any(was_reached for later in tried[index + 1 :] for _, was_reached in later)
                whole = last == max((line for line, _ in lines), default=0)
                if last and (goes_on or not whole or (name not in valued and not is_function)):
                    yield Stopped(name, module.file, last, texts[module.file][last - 1].strip())


def _statements(file: str, body: Node, reached: Reached) -> list[tuple[int, bool]]:
    """The line on which each statement of a body begins, and whether it was reached."""
    lines = [_lines(statement).start for statement in body["query"]["stmts"]]
    return [(line, (file, line) in reached) for line in lines]


def _lines(rule: Node) -> range:
    spans = [node["span"][0] for node in nodes(rule) if "span" in node]
    return range(min(spans), max(spans) + 1)
