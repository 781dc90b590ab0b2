"""``extproc policy``: check, test and try policies; see which one is in force."""

import contextlib
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from extproc.cli.interrupting import ended_by_ctrl_c, until_ctrl_c
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, EngineOption
from extproc.console.printable import display, plain, printable
from extproc.model.errors import ConfigError, ExtprocError, SourceLocation
from extproc.model.units import NANOSECONDS_PER_SECOND

app = typer.Typer(help="Check, test and try policies; see which one is in force.", no_args_is_help=True)
PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Rego files or folders. Default: those of the configuration (with `engine: opa`, the server's),"
        " or the starter policies."
    ),
]
DataOption = Annotated[
    list[Path] | None, typer.Option("--data", "-d", help="JSON or YAML file merged under data; repeat for more.")
]
QueryOption = Annotated[
    str | None,
    typer.Option(
        "--query",
        "-q",
        help="The rule that decides. Default: policy.query of the configuration, else data.extproc.decision.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
STDIN = Path("-")


@app.command()
def check(
    paths: PathsArgument = None,
    *,
    data: DataOption = None,
    query: QueryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    engine: EngineOption = None,
) -> None:
    """List everything that keeps a policy from being loaded: syntax, lint, names, data, tests, samples.

    Names of functions, connections, entities and arguments are checked against the configuration.
    """
    from extproc.policy.regorus.trial import TrialProcess

    with TrialProcess() as process:  # it loads its program meanwhile
        from extproc.cli.policy_selection import opa_decides, select_with_names

        if opa_decides(engine, config):
            from extproc.cli import policy_opa

            is_good = policy_opa.check(policy_opa.in_opa(paths, data, query, config), process, as_json=as_json)
        else:
            from extproc.cli.policy_checking import check_embedded

            is_good = check_embedded(process, select_with_names(paths, data, query, config), as_json=as_json)
    if not is_good:
        raise typer.Exit(1)


def _parts(place: SourceLocation | None) -> tuple[str, int, int]:
    return (str(place.file), place.line, place.column) if place else ("", 0, 0)


@app.command("test")
def run_(
    paths: PathsArgument = None,
    *,
    data: DataOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    engine: EngineOption = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Print each line that no test reaches.")] = False,
    least: Annotated[float, typer.Option("--least", min=0, max=100, help="Fail below this coverage.")] = 0.0,
    junit: Annotated[Path | None, typer.Option(help="Write results as JUnit XML.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="CPU seconds for all tests together.")] = 30.0,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever a file changes, until Ctrl-C.")
    ] = False,
) -> None:
    """Run the `test_` rules of `_test.rego` files. Fails if a test fails, and if there is none."""
    from extproc.policy.regorus.trial import TrialProcess

    # It loads its program meanwhile; where OPA decides, it is not used. A watch starts one for each run.
    with contextlib.nullcontext() if watch else TrialProcess() as first:
        from extproc.cli.policy_selection import changes, opa_decides, select_policy

        program = None
        if opa_decides(engine, config):
            from extproc.cli import policy_opa

            files, program = policy_opa.to_test(policy_opa.in_opa(paths, data, None, config))
        else:
            files = select_policy(paths, data, None, config)

        def once(process: TrialProcess) -> bool:
            from extproc.cli.policy_testing import run_once

            tester = program or process
            return run_once(tester, files, coverage=coverage, least=least, junit=junit, timeout_s=timeout)

        if first is not None:
            if not once(first):
                raise typer.Exit(1)
            return
    with until_ctrl_c():
        for change in changes(files):
            typer.echo(change)
            try:
                with TrialProcess() as process:
                    once(process)
            except ExtprocError as error:
                typer.echo(f"error: {error}", err=True)


@app.command("eval")
def eval_(
    paths: PathsArgument = None,
    *,
    file: Annotated[Path, typer.Option("--input", "-i", help="The input, JSON; - is standard input.")] = STDIN,
    data: DataOption = None,
    query: QueryOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    engine: EngineOption = None,
) -> None:
    """Decide on one input, and show which rules led to the decision."""
    from extproc.cli.policy_selection import opa_decides, select_policy
    from extproc.cli.policy_trace import print_trace, trace_document
    from extproc.policy.authoring.trace import trace

    document = _read(file)
    if opa_decides(engine, config):
        from extproc.cli import policy_opa

        found = policy_opa.trace(policy_opa.in_opa(paths, data, query, config), document)
    else:
        with ended_by_ctrl_c():
            found = trace(select_policy(paths, data, query, config).read(), document)
    if as_json:
        typer.echo(json.dumps(trace_document(found), indent=2))
    else:
        print_trace(found)


class Part(StrEnum):
    """The documents that have a schema."""

    INPUT = "input"
    ANSWER = "answer"


@app.command()
def schema(part: Annotated[Part, typer.Argument(help="Which document.")]) -> None:
    """Print the JSON Schema of policy's input, or of its answer."""
    from extproc.policy.contract.json_schemas import answer_schema, input_schema

    made = input_schema() if part is Part.INPUT else answer_schema()
    typer.echo(json.dumps(made, indent=2))


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show each worker's policy, since when, a candidate that was refused, and an engine in trouble.

    Fails if a candidate was refused, an engine is in trouble, running workers use different policies, or an OPA
    server cannot load a bundle.
    """
    from extproc.config.load import load_settings
    from extproc.policy.bundle.policy_status import STATUS_FOLDER, read_statuses

    settings = load_settings(config, to_serve=False)
    found = read_statuses(settings.state / STATUS_FOLDER)
    if as_json:
        typer.echo(json.dumps([asdict(one) | {"running": runs} for one, runs in found], indent=2))
    elif not found:
        typer.echo("no worker has run with this configuration")
    else:
        table = Table("process", "engine", "revision", "bundles", "since", "running", box=None)
        for one, runs in found:
            since = _time(one.since_ns)
            bundles = ", ".join(one.bundles)
            cells = (one.process, one.engine, one.revision[:12], bundles, since, "yes" if runs else "no")
            table.add_row(*(plain(cell) for cell in cells))
        display(table)
        for one, runs in found:
            if runs and one.trouble:
                typer.echo(f"{one.process} is in trouble since {_time(one.since_ns)}:\n  {printable(one.trouble)}")
            if runs and one.refused:
                why = "\n  ".join(printable(line) for line in one.refused.why.split("\n"))
                typer.echo(f"{one.process} refused a candidate at {_time(one.refused.at_ns)}:\n  {why}")
    bundles_good = True
    if settings.policy.engine == "opa" and not as_json:
        from extproc.cli.policy_opa import print_bundles

        bundles_good = print_bundles(settings)
    running = [one for one, runs in found if runs]
    revisions = {one.revision for one in running if one.revision}  # a worker learns OPA's with its first answer
    if not bundles_good or any(one.refused or one.trouble for one in running) or len(revisions) > 1:
        raise typer.Exit(1)


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // NANOSECONDS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _read(file: Path) -> bytes:
    """Read an input.

    Raises:
        ConfigError: it cannot be read, or is not JSON; says where.
    """
    if file == STDIN and sys.stdin.isatty():
        typer.echo("the input is read from standard input; Ctrl-D ends it", err=True)
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        json.loads(raw)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        hint = "`extproc policy explain CALL_ID --input` prints a recorded one"
        raise ConfigError(error.msg, SourceLocation(_name_of(file), error.lineno, error.colno), hint) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("not JSON", SourceLocation(_name_of(file))) from error
    return raw


def _name_of(file: Path) -> Path | str:
    return "standard input" if file == STDIN else file
