"""``extproc sessions`` and ``extproc query``: read the evidence."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from extproc.cli.evidence_tables import make_table, print_csv, print_json
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, ServerOption, examples
from extproc.console.printable import display, plain

sessions = typer.Typer(help="See what callers did, session by session.", no_args_is_help=True)

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
LIST_EXAMPLES = examples(
    ("extproc sessions list --subject alice", "find what one caller did."),
    ("extproc sessions list --function crm.export_customers", "find who called a function."),
)
SHOW_EXAMPLES = examples(
    ("extproc sessions show SESSION_ID", "read one line for each call."),
    ("extproc sessions show SESSION_ID --entries", "read each entry, with its rule and its call's id."),
)
QUERY_EXAMPLES = examples(
    ('extproc query "SELECT reason, count() FROM calls GROUP BY reason"', "count calls by reason."),
    ("extproc query \"SELECT * FROM entries WHERE kind = 'call.reported'\"", "find calls that no guard finished."),
    ('extproc query "SELECT * FROM sessions" --format csv > sessions.csv', "export a table."),
)


class Format(StrEnum):
    """Formats of a result."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@sessions.command("list", epilog=LIST_EXAMPLES)
def list_(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    server: ServerOption = "",
    subject: Annotated[str | None, typer.Option(help="List sessions of this caller only.")] = None,
    function: Annotated[str | None, typer.Option(help="List sessions with calls of this function only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="List at most this many sessions.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List sessions, newest first."""
    from extproc.cli.connecting import connect_to
    from extproc.console.expected_answers import SessionsAnswer, expect

    params = {"subject": subject, "function": function, "limit": limit}
    found = expect(SessionsAnswer, connect_to(server, config).get("sessions", params=params)).sessions
    if as_json:
        print_json(found)
    elif found:
        rows = [[row.get(name) for name in SESSION_COLUMNS] for row in found]
        display(make_table(SESSION_COLUMNS, rows))
    else:
        Console().print(Text("There are no sessions."))


@sessions.command(epilog=SHOW_EXAMPLES)
def show(
    session_id: Annotated[str, typer.Argument(metavar="ID", help="The session's id.")],
    config: ConfigOption = DEFAULT_CONFIG,
    server: ServerOption = "",
    entries: Annotated[
        bool, typer.Option("--entries", help="Print each entry on its own line, with its rule and call.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what happened in one session: a timeline with a line for each call. Print every field with --json."""
    from extproc.cli.connecting import connect_to
    from extproc.console.expected_answers import EntriesAnswer, TimelineAnswer, expect
    from extproc.evidence.query.timeline import timeline

    answer = connect_to(server, config).get("sessions", session_id)
    rows = expect(EntriesAnswer, answer).entries
    if as_json:
        print_json(rows)
    elif entries:
        display(make_table(ENTRY_COLUMNS, [[row.get(name) for name in ENTRY_COLUMNS] for row in rows]))
    else:
        expect(TimelineAnswer, answer)
        display(timeline(rows, plain))


def query(
    sql: Annotated[
        str,
        typer.Argument(
            metavar="SQL",
            help="One SELECT over `entries`, `calls`, `sessions`, `session_calls`, `policies`, `findings` or "
            "`approval_acts`.",
        ),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    server: ServerOption = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Print at most this many rows.")] = 1_000,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to print the result.")] = Format.TABLE,
) -> None:
    """Query the evidence in SQL. Reads only; values were masked before they were stored."""
    from extproc.cli.connecting import connect_to
    from extproc.console.expected_answers import RowsAnswer, expect

    answer = expect(RowsAnswer, connect_to(server, config).post("query", body={"sql": sql, "limit": limit}))
    columns, rows = answer.columns, answer.rows
    match format_:
        case Format.TABLE:
            display(make_table(columns, rows))
        case Format.JSON:
            print_json([dict(zip(columns, row, strict=True)) for row in rows])
        case Format.CSV:
            print_csv([columns, *rows])
    if answer.truncated:
        Console(stderr=True).print(Text(f"There are more than {limit} rows: see --limit.", style="yellow"))
