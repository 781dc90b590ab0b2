"""``extproc policy``: check, test and try policies; see which one is in force."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from extproc.cli.interrupting import ended_by_ctrl_c, until_ctrl_c
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption
from extproc.console.printable import console, plain, printable
from extproc.model.errors import ConfigError, ExtprocError, PolicyInvalid, SourceLocation
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND

if TYPE_CHECKING:
    from extproc.policy.authoring.trace import Trace
    from extproc.policy.bundle.policy_files import Fingerprint, PolicyFiles
    from extproc.policy.contract.policy_sources import Sources
    from extproc.policy.regorus.lint.rego_module import Violation
    from extproc.policy.regorus.rego_tests import TestRun

app = typer.Typer(help="Check, test and try policies; see which one is in force.", no_args_is_help=True)
PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Rego files or folders. None: those of the configuration, or the starter policies."),
]
DataOption = Annotated[
    list[Path] | None, typer.Option("--data", "-d", help="JSON or YAML file merged under data; repeat for more.")
]
QueryOption = Annotated[str | None, typer.Option("--query", "-q", help="The document that decides.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DEFAULT_QUERY = "data.extproc.decision"
STDIN = Path("-")
WATCH_S = 0.5
SOME = 3
"""Names that are told of many."""
SHOWN = 100
"""Characters of a value in a table."""


@app.command()
def check(
    paths: PathsArgument = None,
    data: DataOption = None,
    query: QueryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say everything that keeps a policy from being loaded: syntax, lint, data's shape, its own tests, samples."""
    from extproc.assembly.try_policy import try_policy
    from extproc.policy.regorus.evaluator import violations

    sources = policy_files(paths, data, query, config).read()
    found = violations((*sources.modules, *sources.tests))
    if not found and as_json:
        found = _tried(sources)
    elif not found:
        try_policy(sources)
        typer.echo(f"OK: {len(sources.modules)} modules, revision {sources.revision[:12]}")
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            typer.echo(f"{one.file}:{one.line}:{one.column}: {one.message}\n  {one.hint}", err=True)
    if found:
        raise typer.Exit(1)


def _tried(sources: "Sources") -> "list[Violation]":
    """What only shows when the policy is tried, as one finding; it has no place of its own."""
    from extproc.assembly.try_policy import try_policy
    from extproc.policy.regorus.lint.rego_module import Violation

    try:
        try_policy(sources)
    except PolicyInvalid as error:
        return [Violation("", 0, 0, str(error), "")]
    return []


@app.command("test")
def run_(
    paths: PathsArgument = None,
    *,
    data: DataOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    coverage: Annotated[bool, typer.Option("--coverage", help="Print each line no test reaches.")] = False,
    least: Annotated[float, typer.Option("--least", min=0, max=100, help="Fail below this coverage.")] = 0.0,
    junit: Annotated[Path | None, typer.Option(help="Write results as JUnit XML.")] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Processor seconds for all tests; one may never end.")
    ] = 30.0,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever a file changes, until Ctrl-C.")
    ] = False,
) -> None:
    """Run the `test_` rules of `_test.rego` files. Fails when one fails, and when there is none."""
    files = policy_files(paths, data, None, config)

    def once() -> bool:
        return _run_tests(files, coverage=coverage, least=least, junit=junit, timeout_s=timeout)

    if not watch:
        if not once():
            raise typer.Exit(1)
        return
    with until_ctrl_c():
        for at in _changes(files):
            typer.echo(at)
            try:
                once()
            except ExtprocError as error:
                typer.echo(f"error: {error}", err=True)


def _changes(files: "PolicyFiles") -> Iterator[str]:
    """Once at first, then after each change of a file: what to say of it."""
    seen = None
    while True:
        now = files.fingerprint()
        if now != seen:
            told = f"watching {len(now)} files; Ctrl-C ends" if seen is None else _changed(seen, now)
            seen = now
            yield f"\n{datetime.now().astimezone():%H:%M:%S} {told}"
        time.sleep(WATCH_S)


def _changed(before: "Fingerprint", after: "Fingerprint") -> str:
    names = sorted({printable(stamp[0]) for stamp in set(before) ^ set(after)})
    return f"changed: {', '.join(names[:SOME])}{' and more' if len(names) > SOME else ''}"


def _run_tests(
    files: "PolicyFiles", *, coverage: bool, least: float, junit: Path | None, timeout_s: float
) -> bool:
    from extproc.policy.authoring.junit import junit_xml
    from extproc.policy.bundle.policy_files import read_sources
    from extproc.policy.regorus.trial import try_tests

    sources = read_sources(files.paths, files.data, files.query)
    run = try_tests(sources, timeout_s=timeout_s)
    for result in run.results:
        if not result.passed:
            typer.echo(f"FAIL {result.file}:{result.line}: {result.name}: {result.message}")
    if coverage:
        _print_coverage(run, {module.name: module.text for module in sources.modules})
    passed = sum(result.passed for result in run.results)
    typer.echo(f"{passed} of {len(run.results)} tests passed; they reach {run.percent:.1f} % of the lines")
    if not run.results:
        typer.echo(
            "there is no test: rules whose names begin with test_, in files that end in _test.rego", err=True
        )
    if run.percent < least:
        typer.echo(f"that is below {least:g} % (--least); --coverage prints the others", err=True)
    if junit:
        _write(junit, junit_xml(run))
    return run.passed and run.percent >= least


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from error


def _print_coverage(run: "TestRun", texts: dict[str, str]) -> None:
    for file in run.coverage:
        total = len(file.covered) + len(file.missed)
        typer.echo(f"{file.file}: {len(file.covered)} of {total} lines")
        lines = texts[file.file].split("\n")
        for number in file.missed:
            typer.echo(f"  not reached {file.file}:{number}: {printable(lines[number - 1].strip())}")


@app.command("eval")
def eval_(
    paths: PathsArgument = None,
    *,
    file: Annotated[Path, typer.Option("--input", "-i", help="The input, JSON; - is standard input.")] = STDIN,
    data: DataOption = None,
    query: QueryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Decide on one input, and show which rules had a part in it."""
    from extproc.policy.authoring.trace import trace

    document = _read(file)
    with ended_by_ctrl_c():
        found = trace(policy_files(paths, data, query, config).read(), document)
    if as_json:
        typer.echo(json.dumps(_trace_document(found), indent=2))
    else:
        print_trace(found)


def _trace_document(found: "Trace") -> dict[str, Any]:
    decision = asdict(found.decision)
    return {
        "answer": found.answer,
        "error": found.error,
        "decision": decision,
        "rules": [asdict(one) for one in found.fired],
        "stopped": [asdict(one) for one in found.stopped],
    }


def print_trace(found: "Trace") -> None:
    """The decision as the guard reads it, the rules that have a value, and where others stopped."""
    decision = found.decision
    typer.echo(f"decision  {decision.action.value}  {decision.reason.value}")
    parts = {
        "rule": decision.rule,
        "risk": str(decision.risk) if decision.risk else "",
        "mask": _masks(found),
        "shadow": ", ".join(decision.shadow),
        "error": found.error or (decision.detail if decision.reason is Reason.POLICY_ERROR else ""),
        "revision": decision.revision[:12],
    }
    for name, value in parts.items():
        if value:
            typer.echo(f"{name:9} {printable(value)}")
    if decision.approval:
        terms = decision.approval
        typer.echo(f"approval  {terms.minimum} of {printable(', '.join(terms.groups))}, {terms.mode.value}")
    table = Table(Column("rule", no_wrap=True), Column("value", overflow="fold"), "where", box=None)
    for one in found.fired:
        value = json.dumps(one.value, ensure_ascii=False)
        short = value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
        table.add_row(*(plain(text) for text in (one.rule, short, f"{one.file}:{one.line}")))
    why = Table(Column("did not hold", no_wrap=True), Column("stopped at", overflow="fold"), "where", box=None)
    for stop in found.stopped:
        why.add_row(*(plain(text) for text in (stop.rule, stop.statement, f"{stop.file}:{stop.line}")))
    for each in (table, why):
        if each.row_count:
            console().print(each)


def _masks(found: "Trace") -> str:
    plan = found.decision.mask
    return "; ".join(
        f"{way} {rule.path or rule.entity} {rule.how.value}"
        for way, rules in (("request", plan.request), ("response", plan.response))
        for rule in rules
    )


class Part(StrEnum):
    """What has a schema."""

    INPUT = "input"
    ANSWER = "answer"


@app.command()
def schema(part: Annotated[Part, typer.Argument(help="The document.")]) -> None:
    """Print the JSON Schema of what policy reads, or of what it answers."""
    from extproc.policy.contract.json_schemas import answer_schema, input_schema

    made = input_schema() if part is Part.INPUT else answer_schema()
    typer.echo(json.dumps(made, indent=2))


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show what each worker decides by, since when, the last candidate that was refused, and an engine in trouble.

    Fails when a candidate was refused, an engine is in trouble, or workers that run disagree.
    """
    from extproc.config.load import load_settings
    from extproc.policy.bundle.policy_status import STATUS_FOLDER, read_statuses

    found = read_statuses(load_settings(config, to_serve=False).state / STATUS_FOLDER)
    if as_json:
        typer.echo(json.dumps([asdict(one) | {"running": runs} for one, runs in found], indent=2))
    elif not found:
        typer.echo("no worker has run with this configuration")
    else:
        table = Table("process", "engine", "revision", "since", "running", box=None)
        for one, runs in found:
            since = _time(one.since_ns)
            cells = (one.process, one.engine, one.revision[:12], since, "yes" if runs else "no")
            table.add_row(*(plain(cell) for cell in cells))
        console().print(table)
        for one, runs in found:
            if runs and one.trouble:
                typer.echo(f"{one.process} is in trouble since {_time(one.since_ns)}:\n  {printable(one.trouble)}")
            if runs and one.refused:
                why = "\n  ".join(printable(line) for line in one.refused.why.split("\n"))
                typer.echo(f"{one.process} refused a candidate at {_time(one.refused.at_ns)}:\n  {why}")
    running = [one for one, runs in found if runs]
    revisions = {one.revision for one in running if one.revision}  # a worker learns OPA's with its first answer
    if any(one.refused or one.trouble for one in running) or len(revisions) > 1:
        raise typer.Exit(1)


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // NANOSECONDS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _read(file: Path) -> bytes:
    """An input, which must be JSON: what is wrong with it is said with its place."""
    if file == STDIN and sys.stdin.isatty():
        typer.echo("the input is read from standard input; Ctrl-D ends it", err=True)
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        json.loads(raw)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        hint = "`extproc policy explain CALL_ID --input` prints a recorded one"
        raise ConfigError(error.msg, SourceLocation(_called(file), error.lineno, error.colno), hint) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("not JSON", SourceLocation(_called(file))) from error
    return raw


def _called(file: Path) -> Path | str:
    return "standard input" if file == STDIN else file


def policy_files(
    paths: list[Path] | None, data: list[Path] | None, query: str | None, config: Path
) -> "PolicyFiles":
    """What the command names, else what the configuration does, else the starter policies."""
    from extproc.config.load import load_settings
    from extproc.policy.bundle.policy_files import PolicyFiles

    if paths or data or (config == DEFAULT_CONFIG and not config.exists()):
        return PolicyFiles(tuple(paths or ()), tuple(data or ()), query or DEFAULT_QUERY)
    policy = load_settings(config).policy
    if policy.engine == "opa" and not policy.paths:
        raise ConfigError(
            "the configuration's policy is in an OPA server",
            None,
            "name files, or use `opa check` and `opa test`",
        )
    return PolicyFiles(tuple(policy.paths), tuple(policy.data), query or policy.query)
