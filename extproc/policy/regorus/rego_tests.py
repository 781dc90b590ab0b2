"""``_test.rego`` files under the embedded engine, as ``opa test`` runs them under OPA."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.model.errors import PolicyError
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.regorus.evaluator import UNDEFINED, compile_checked, only_value, run
from extproc.policy.regorus.lint.rego_module import Unit, bodies
from extproc.policy.regorus.lint.syntax_tree import Node, nodes, rule_path

EMPTY = b"{}"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test."""

    __test__ = False

    name: str
    """``data.<package>.test_<what>``."""
    file: str
    passed: bool
    message: str = ""
    """Why it did not pass."""
    line: int = 0
    """Where the test begins."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which lines of one file the tests reached."""

    file: str
    covered: tuple[int, ...]
    missed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TestRun:
    """All results, and what they covered of the modules without tests."""

    __test__ = False

    results: tuple[TestResult, ...]
    coverage: tuple[Coverage, ...]

    @property
    def passed(self) -> bool:
        """Whether there was a test, and none failed."""
        return bool(self.results) and all(result.passed for result in self.results)

    @property
    def percent(self) -> float:
        """Lines reached, of all that can be."""
        covered = sum(len(file.covered) for file in self.coverage)
        total = covered + sum(len(file.missed) for file in self.coverage)
        return 100.0 * covered / total if total else 0.0


def run_tests(sources: Sources, begin: Callable[[str], None] = lambda _name: None) -> TestRun:
    """Run every ``test_`` rule of the test modules: it passes when it is true.

    Args:
        sources: the policy, its tests, data.
        begin: told the place and name of each test before it runs, since one may never end.

    Raises:
        ConfigError: a module cannot be compiled, or must not be loaded.
    """
    template, units = compile_checked((*sources.modules, *sources.tests), sources.data)
    template.set_enable_coverage(enable=True)
    reports: list[Any] = []
    tested = {module.name for module in sources.tests}
    results = []
    for unit in units:
        for name, line in _tests(unit) if unit.file in tested else ():
            begin(f"{unit.file}:{line}: {name}")
            results.append(_run_test(template, name, (unit.file, line), reports))
    policy = {unit.file: _statement_lines(unit) for unit in units if unit.file not in tested}
    return TestRun(tuple(results), _merge_coverage(reports, policy))


def _tests(unit: Unit) -> list[tuple[str, int]]:
    """Names of the tests, and the line on which each begins first."""
    found: dict[str, int] = {}
    for rule in unit.rules:
        path = rule_path(unit.package, rule)
        if path[-1].startswith("test_"):
            found.setdefault(".".join(path), min(_lines(rule), default=0))
    return sorted(found.items())


def _run_test(template: Any, name: str, at: tuple[str, int], reports: list[Any]) -> TestResult:
    engine = template.clone()
    file, line = at
    try:
        value = only_value(run(engine, name, EMPTY))
    except PolicyError as error:
        message = "false or undefined" if str(error) == UNDEFINED else str(error)
        return TestResult(name, file, passed=False, message=message, line=line)
    reports.append(json.loads(engine.get_coverage_report_as_json()))
    passed = value is True
    return TestResult(name, file, passed, "" if passed else "not true", line)


def _statement_lines(unit: Unit) -> frozenset[int]:
    """Where statements begin, and rules that have none."""
    queries = [node for rule in unit.rules for node in nodes(rule, "query")]
    statements = [statement for query in queries for statement in query["stmts"]]
    without = [rule for rule in unit.rules if not bodies(rule)]
    return frozenset(min(_lines(part)) for part in (*statements, *without) if _lines(part))


def _lines(part: Node) -> list[int]:
    return [int(node["line"]) for node in nodes(part) if "line" in node]


def _merge_coverage(reports: Sequence[Any], policy: Mapping[str, frozenset[int]]) -> tuple[Coverage, ...]:
    """One report for all tests. The engine is silent about files that no test has touched: nothing was reached."""
    covered: dict[str, set[int]] = {file: set() for file in policy}
    missed: dict[str, set[int]] = {file: set() for file in policy}
    for report in reports:
        for file in report["files"]:
            if file["path"] in policy:
                covered[file["path"]].update(file["covered"])
                missed[file["path"]].update(file["not_covered"])
    for file in policy:
        if not covered[file]:
            missed[file].update(policy[file])
    return tuple(
        Coverage(file, tuple(sorted(covered[file])), tuple(sorted(missed[file] - covered[file])))
        for file in sorted(policy)
    )
