"""The results of a policy's own tests."""

from dataclasses import dataclass


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
