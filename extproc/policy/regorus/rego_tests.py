"""Run ``_test.rego`` files in the embedded engine, as ``opa test`` runs them in OPA."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from extproc.model.errors import PolicyError
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.regorus.evaluator import NO_VALUE, compile_checked, run_rule
from extproc.policy.regorus.import_regorus import RegorusEngine
from extproc.policy.regorus.lint.rego_module import RegoModule, bodies
from extproc.policy.regorus.lint.syntax_tree import Node, nodes, rule_path
from extproc.policy.regorus.test_results import Coverage, TestResult, TestRun

EMPTY = b"{}"
FALSE = "false or undefined"
CoverageReport: TypeAlias = dict[str, list[dict[str, Any]]]
"""As regorus gives it: below ``files``, each file's ``path``, ``covered`` and ``not_covered`` lines."""


def run_tests(
    sources: Sources, begin: Callable[[str], None] = lambda _name: None, *, coverage: bool = True
) -> TestRun:
    """Run every ``test_`` rule of the test modules. A test passes if its value is true.

    Args:
        sources: the policy, its tests, data.
        begin: called with the place and name of each test before it runs, since a test may never end.
        coverage: record which lines the tests reach.

    Raises:
        ConfigError: a module cannot be compiled, or must not be loaded.
    """
    return run_compiled(*compile_checked(sources.modules, sources.data, sources.tests), begin, coverage=coverage)


def run_compiled(
    template: RegorusEngine,
    modules: Sequence[RegoModule],
    begin: Callable[[str], None] = lambda _name: None,
    *,
    coverage: bool = True,
) -> TestRun:
    """As ``run_tests``, with a policy and its tests that are compiled and checked.

    Args:
        template: the engine that holds both.
        modules: their syntax.
        begin: as in ``run_tests``.
        coverage: as in ``run_tests``.
    """
    template.set_enable_coverage(enable=coverage)
    reports: list[CoverageReport] = []
    results = []
    for module in modules:
        for name, line in _tests(module) if module.is_test else ():
            begin(f"{module.file}:{line}: {name}")
            results.append(_run_test(template, name, (module.file, line), reports if coverage else None))
    policy = {module.file: _statement_lines(module) for module in modules if coverage and not module.is_test}
    return TestRun(tuple(results), _merge_coverage(reports, policy))


def _tests(module: RegoModule) -> list[tuple[str, int]]:
    """Names of the tests, and the first line on which each begins."""
    found: dict[str, int] = {}
    for rule in module.rules:
        path = rule_path(module.package, rule)
        if path[-1].startswith("test_"):
            found.setdefault(".".join(path), min(_lines(rule), default=0))
    return sorted(found.items())


def _run_test(
    template: RegorusEngine, name: str, at: tuple[str, int], reports: list[CoverageReport] | None
) -> TestResult:
    engine = template.clone()
    file, line = at
    try:
        value = run_rule(engine, name, EMPTY)
    except PolicyError as error:
        return TestResult(name, file, passed=False, message=str(error), line=line)
    if reports is not None:
        reports.append(json.loads(engine.get_coverage_report_as_json()))
    message = "" if value is True else FALSE if value is False or value == NO_VALUE else "not true"
    return TestResult(name, file, not message, message, line)


def _statement_lines(module: RegoModule) -> frozenset[int]:
    """The lines on which statements begin, and rules without statements."""
    queries = [node for rule in module.rules for node in nodes(rule, "query")]
    statements = [statement for query in queries for statement in query["stmts"]]
    without = [rule for rule in module.rules if not bodies(rule)]
    return frozenset(min(_lines(part)) for part in (*statements, *without) if _lines(part))


def _lines(part: Node) -> list[int]:
    return [node["span"][0] for node in nodes(part) if "span" in node]


def _merge_coverage(
    reports: Sequence[CoverageReport], policy: Mapping[str, frozenset[int]]
) -> tuple[Coverage, ...]:
    """One report for all tests. A file that is in no report was not reached at all."""
    covered: dict[str, set[int]] = {file: set() for file in policy}
    missed: dict[str, set[int]] = {file: set() for file in policy}
    for report in reports:
        for found in report["files"]:
            if found["path"] in policy:
                covered[found["path"]].update(found["covered"])
                missed[found["path"]].update(found["not_covered"])
    for file in policy:
        if not covered[file]:
            missed[file].update(policy[file])
    return tuple(
        Coverage(file, tuple(sorted(covered[file])), tuple(sorted(missed[file] - covered[file])))
        for file in sorted(policy)
    )
