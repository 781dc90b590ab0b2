"""``extproc sessions`` and ``extproc query``: what happened."""

import csv
import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption
from extproc.console.printable import console, plain, printable

sessions = typer.Typer(help="See what callers did, session by session.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
SESSION_COLUMNS = (
    "session_id",
    "started",
    "subject",
    "actors",
    "functions",
    "calls",
    "denied",
    "held",
    "failed",
    "risk",
)
ENTRY_COLUMNS = ("time", "kind", "function", "reason", "rule", "risk", "status", "duration_ms", "call_id")


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@sessions.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    subject: Annotated[str | None, typer.Option(help="Only of this caller.")] = None,
    function: Annotated[str | None, typer.Option(help="Only with calls of this function.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most this many sessions.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List sessions, newest first."""
    from extproc.console.client import connect

    params = {"subject": subject, "function": function, "limit": limit}
    found: list[dict[str, Any]] = connect(config).get("sessions", params=params)["sessions"]
    if as_json:
        _print_json(found)
    elif found:
        console().print(_table(SESSION_COLUMNS, [[row.get(name) for name in SESSION_COLUMNS] for row in found]))
    else:
        Console().print(Text("There are no sessions."))


@sessions.command()
def show(
    session_id: Annotated[str, typer.Argument(metavar="ID", help="The session's id.")],
    config: ConfigOption = DEFAULT_CONFIG,
    entries: Annotated[
        bool, typer.Option("--entries", help="Each entry by itself, with its rule and call.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what happened in one session: a timeline with a line for each call; everything there is with --json."""
    from extproc.console.client import connect
    from extproc.evidence.query.timeline import timeline

    rows: list[dict[str, Any]] = connect(config).get("sessions", session_id)["entries"]
    if as_json:
        _print_json(rows)
    elif entries:
        console().print(_table(ENTRY_COLUMNS, [[row.get(name) for name in ENTRY_COLUMNS] for row in rows]))
    else:
        Console().print(timeline(rows, plain))


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT over `entries`, `calls` or `sessions`.")],
    config: ConfigOption = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most rows.")] = 1_000,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to print the answer.")] = Format.TABLE,
) -> None:
    """Ask the evidence in SQL. Reads only; everything in it was masked before it was stored."""
    from extproc.console.client import connect

    answer = connect(config).post("query", body={"sql": sql, "limit": limit})
    columns, rows = answer["columns"], answer["rows"]
    match format_:
        case Format.TABLE:
            console().print(_table(columns, rows))
        case Format.JSON:
            _print_json([dict(zip(columns, row, strict=True)) for row in rows])
        case Format.CSV:
            _print_csv([columns, *rows])
    if answer["truncated"]:
        Console(stderr=True).print(Text(f"There are more rows than {limit}: see --limit.", style="yellow"))


def _table(columns: Any, rows: Any) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        is_id = str(name).endswith("_id")  # to be copied: never cut
        table.add_column(plain(name), no_wrap=is_id, overflow="fold")
    for row in rows:
        table.add_row(*(plain(_text(value)) for value in row))
    return table


def _text(value: Any) -> object:
    """Nested values as JSON; lists of words as words."""
    nested = isinstance(value, dict) or (
        isinstance(value, list) and not all(isinstance(each, str) for each in value)
    )
    return json.dumps(value, ensure_ascii=False) if nested else value


def _print_json(document: object) -> None:
    # ASCII: what would steer a terminal is escaped.
    typer.echo(json.dumps(document, indent=2))


def _print_csv(rows: Any) -> None:
    """RFC 4180. Exact into a file or a pipe; on a terminal nothing in it may steer."""
    show_as = printable if sys.stdout.isatty() else str
    writer = csv.writer(sys.stdout)
    for row in rows:
        writer.writerow(show_as(_cell(value)) for value in row)


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
