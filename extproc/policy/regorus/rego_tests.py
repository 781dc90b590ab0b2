"""Run ``_test.rego`` files in the embedded engine, as ``opa test`` runs them in OPA."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from extproc.model.errors import PolicyError
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.regorus.evaluator import UNDEFINED, compile_checked, run_query
from extproc.policy.regorus.import_regorus import RegorusEngine
from extproc.policy.regorus.lint.rego_module import RegoModule, bodies
from extproc.policy.regorus.lint.syntax_tree import Node, nodes, rule_path

EMPTY = b"{}"
CoverageReport: TypeAlias = dict[str, list[dict[str, Any]]]
"""As regorus gives it: below ``files``, each file's ``path``, ``covered`` and ``not_covered`` lines."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """The result of one test."""

    __test__ = False

    name: str
    """``data.<package>.test_<what>``."""
    file: str
    passed: bool
    message: str = ""
    """Why it did not pass."""
    line: int = 0
    """The line on which the test begins."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The lines of one file that the tests reached, and those that they did not."""

    file: str
    covered: tuple[int, ...]
    missed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TestRun:
    """All results, and their coverage of the modules without tests."""

    __test__ = False

    results: tuple[TestResult, ...]
    coverage: tuple[Coverage, ...]

    @property
    def passed(self) -> bool:
        """True if there was a test, and none failed."""
        return bool(self.results) and all(result.passed for result in self.results)

    @property
    def percent(self) -> float:
        """The share of reachable lines that were reached."""
        covered = sum(len(file.covered) for file in self.coverage)
        total = covered + sum(len(file.missed) for file in self.coverage)
        return 100.0 * covered / total if total else 0.0


def run_tests(sources: Sources, begin: Callable[[str], None] = lambda _name: None) -> TestRun:
    """Run every ``test_`` rule of the test modules. A test passes if its value is true.

    Args:
        sources: the policy, its tests, data.
        begin: called with the place and name of each test before it runs, since a test may never end.

    Raises:
        ConfigError: a module cannot be compiled, or must not be loaded.
    """
    template, modules = compile_checked((*sources.modules, *sources.tests), sources.data)
    template.set_enable_coverage(enable=True)
    reports: list[CoverageReport] = []
    tested = {module.name for module in sources.tests}
    results = []
    for module in modules:
        for name, line in _tests(module) if module.file in tested else ():
            begin(f"{module.file}:{line}: {name}")
            results.append(_run_test(template, name, (module.file, line), reports))
    policy = {module.file: _statement_lines(module) for module in modules if module.file not in tested}
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
    template: RegorusEngine, name: str, at: tuple[str, int], reports: list[CoverageReport]
) -> TestResult:
    engine = template.clone()
    file, line = at
    try:
        value = run_query(engine, name, EMPTY)
    except PolicyError as error:
        message = "false or undefined" if str(error) == UNDEFINED else str(error)
        return TestResult(name, file, passed=False, message=message, line=line)
    reports.append(json.loads(engine.get_coverage_report_as_json()))
    passed = value is True
    return TestResult(name, file, passed, "" if passed else "not true", line)


def _statement_lines(module: RegoModule) -> frozenset[int]:
    """The lines on which statements begin, and rules without statements."""
    queries = [node for rule in module.rules for node in nodes(rule, "query")]
    statements = [statement for query in queries for statement in query["stmts"]]
    without = [rule for rule in module.rules if not bodies(rule)]
    return frozenset(min(_lines(part)) for part in (*statements, *without) if _lines(part))


def _lines(part: Node) -> list[int]:
    return [int(node["line"]) for node in nodes(part) if "line" in node]


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
