"""Run a policy's tests for ``extproc policy test``, and print the results."""

from pathlib import Path

import typer

from extproc.console.printable import printable
from extproc.model.errors import ConfigError
from extproc.policy.authoring.junit import junit_xml
from extproc.policy.authoring.opa_program import OpaProgram
from extproc.policy.bundle.policy_files import PolicyFiles, read_sources
from extproc.policy.regorus.test_results import TestRun
from extproc.policy.regorus.trial import TrialProcess


def run_once(
    tester: TrialProcess | OpaProgram,
    files: PolicyFiles,
    *,
    coverage: bool,
    least: float,
    junit: Path | None,
    timeout_s: float,
) -> bool:
    """Run all tests, and print the results.

    Args:
        tester: runs the tests: the embedded engine, or OPA's program.
        files: the policy.
        coverage: print each line that no test reaches.
        least: the lowest coverage that is enough, in percent.
        junit: a file for the results as JUnit XML.
        timeout_s: CPU seconds for all tests; with OPA's program, seconds for each.

    Returns:
        True if there was a test, none failed, and the coverage is enough.

    Raises:
        ConfigError, PolicyInvalid: the policy cannot be read or loaded, or a test did not end.
    """
    sources = read_sources(files.paths, files.data, files.query)
    program = isinstance(tester, OpaProgram)
    if isinstance(tester, OpaProgram):
        run = tester.test(sources, timeout_s=timeout_s, coverage=coverage or least > 0)
    else:
        run = tester.test(sources, timeout_s=timeout_s)
    for result in run.results:
        if not result.passed:
            typer.echo(f"FAIL {result.file}:{result.line}: {result.name}: {result.message}")
    if coverage:
        _print_coverage(run, {module.name: module.text for module in sources.modules})
    passed = sum(result.passed for result in run.results)
    reach = f"; they reach {run.percent:.1f} % of the lines" if run.coverage or not program else ""
    typer.echo(f"{passed} of {len(run.results)} tests passed{reach}")
    if not run.results:
        hint = "there is no test: rules whose names begin with test_, in files that end in _test.rego"
        typer.echo(hint, err=True)
    if run.percent < least and (run.coverage or not program):
        typer.echo(f"that is below {least:g} % (--least); --coverage prints the others", err=True)
    if junit:
        _write(junit, junit_xml(run))
    return run.passed and run.percent >= least


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from error


def _print_coverage(run: TestRun, texts: dict[str, str]) -> None:
    for file in run.coverage:
        total = len(file.covered) + len(file.missed)
        typer.echo(f"{file.file}: {len(file.covered)} of {total} lines")
        lines = texts[file.file].split("\n")
        for number in file.missed:
            typer.echo(f"  not reached {file.file}:{number}: {printable(lines[number - 1].strip())}")
