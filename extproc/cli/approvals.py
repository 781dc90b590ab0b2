"""``extproc approvals``: list the calls that wait for approval, and vote on them."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, examples
from extproc.console.printable import display, plain, pretty_json
from extproc.model.errors import ConfigError

app = typer.Typer(help="List the calls that wait for approval, and vote on them.", no_args_is_help=True)

WATCH_S = 2.0
"""Seconds between two updates of ``--watch``."""
RISKY = 70
"""The risk from which its number is shown in red."""
STATE_STYLES = {"pending": "yellow", "approved": "green", "denied": "red"}

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The approval's id, or its first characters (8 or more).")
]
NoteOption = Annotated[
    str, typer.Option("--note", "-m", help="Give the reason for your vote: 3 to 1,000 characters. Mandatory.")
]
TokenOption = Annotated[
    Path | None,
    typer.Option("--token-file", help="Read your token from this file. Default: from the variable EXTPROC_TOKEN."),
]


LIST_EXAMPLES = examples(
    ("extproc approvals list", "see what waits, and its ids."),
    ("extproc approvals list --watch", "keep the list on the screen."),
    ("extproc approvals list --all --json | jq '.[0].votes'", "see who decided the last one."),
)
SHOW_EXAMPLES = examples(("extproc approvals show 01933b2e", "read the masked arguments before you vote."))
APPROVE_EXAMPLES = examples(
    ('extproc approvals approve 01933b2e -m "ticket 4711" --token-file token', "vote with your own token."),
    (
        'EXTPROC_TOKEN=… extproc approvals approve 01933b2e -m "ticket 4711"',
        "the same, where a file is not wanted.",
    ),
)
DENY_EXAMPLES = examples(
    ('extproc approvals deny 01933b2e -m "wrong customer" --token-file token', "refuse the call at once."),
)


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    all_: Annotated[bool, typer.Option("--all", help="List decided approvals too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most this many approvals.")] = 50,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Update the list until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the calls that wait for approval, newest first."""
    from extproc.console.client import connect

    client = connect(config)

    def ask() -> list[dict[str, Any]]:
        answer = client.get("approvals", params={"pending": "false" if all_ else "true", "limit": limit})
        listed: list[dict[str, Any]] = answer["approvals"]
        return listed

    if as_json:
        _print_json(ask())
    elif watch:
        _watch(ask)
    else:
        display(_listing(ask()))


@app.command(epilog=SHOW_EXAMPLES)
def show(approval_id: IdArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show one approval: caller, function, reason, masked arguments, and the time left."""
    from extproc.console.client import connect

    approval = connect(config).get("approvals", approval_id)
    if as_json:
        _print_json(approval)
    else:
        display(_details(approval))


@app.command(epilog=APPROVE_EXAMPLES)
def approve(
    approval_id: IdArgument,
    note: NoteOption = "",
    token_file: TokenOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Vote for the call. It continues when enough people have voted for it."""
    _vote("approve", approval_id, note, token_file, config, as_json=as_json)


@app.command(epilog=DENY_EXAMPLES)
def deny(
    approval_id: IdArgument,
    note: NoteOption = "",
    token_file: TokenOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Vote against the call. One such vote refuses it."""
    _vote("deny", approval_id, note, token_file, config, as_json=as_json)


def _vote(verb: str, approval_id: str, note: str, token_file: Path | None, config: Path, *, as_json: bool) -> None:
    from extproc.console.client import connect, read_token

    if not note.strip():
        raise ConfigError("a vote needs a reason", hint='give it with --note, e.g. -m "ticket 4711, checked"')
    client = connect(config, read_token(token_file))
    # The digest ties the vote to the call that this id means now.
    seen = client.get("approvals", approval_id)
    body = {"note": note, "digest": seen["digest"]}
    after = client.post("approvals", seen["approval_id"], verb, body=body)
    if as_json:
        _print_json(after)
    else:
        display(_outcome(after))


def _print_json(document: object) -> None:
    # ASCII only: characters that could steer a terminal are escaped.
    typer.echo(json.dumps(document, indent=2))


def _watch(ask: Callable[[], list[dict[str, Any]]]) -> None:
    with Live(console=Console(), refresh_per_second=4, screen=sys.stdout.isatty()) as live:
        try:
            while True:
                live.update(_listing(ask()))
                time.sleep(WATCH_S)
        except KeyboardInterrupt:
            return


def _listing(approvals: list[dict[str, Any]]) -> Table | Text:
    if not approvals:
        return Text("No call waits for approval.")
    table = Table("id", "state", "function", "who", "risk", "reason", "votes", "left", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for each in approvals:
        table.add_row(
            plain(each["approval_id"]),
            _state(each),
            plain(each["function"]),
            plain(_person(each["requester"])[1]),
            _risk(each),
            plain(each["reason"]),
            plain(_tally(each)),
            plain(_left(each)),
        )
    return table


def _details(approval: dict[str, Any]) -> Group:
    issuer, subject = _person(approval["requester"])
    facts = Table.grid(padding=(0, 2))
    rows: list[tuple[str, Text]] = [
        ("function", plain(approval["function"], "bold")),
        ("who", plain(subject, "bold")),
        ("acting agent", plain(_person(approval["actor"])[1] or "none")),
        ("issuer", plain(issuer)),
        ("from", plain(approval["source"])),
        ("risk", _risk(approval)),
        ("held because", plain(f"{approval['reason']} (rule {approval['rule'] or 'unnamed'})")),
        ("state", _state(approval)),
        ("time left", plain(_left(approval), "bold")),
        ("approvers", plain(f"{approval['minimum']} of {', '.join(approval['groups']) or 'nobody'}")),
        *(("voted", _vote_line(vote)) for vote in approval["votes"]),
        *([("definition", _definition(approval))] if approval["definition"] else []),
        ("found", plain(_findings(approval["findings"]))),
        ("digest", plain(approval["digest"])),
        ("call", plain(approval["call_id"])),
        ("approval", plain(approval["approval_id"])),
    ]
    for name, value in rows:
        facts.add_row(Text(name, style="dim"), value)
    return Group(facts, Text(), *_arguments(approval["arguments"]))


def _arguments(preview: str) -> list[RenderableType]:
    """The masked arguments, and a warning if approvers do not see all of them."""
    if not preview:
        return [Text("No arguments are shown: the connection does not record them.", style="bold red")]
    text, complete = pretty_json(preview)
    # Indented, so that a value which wraps cannot pass for a line of this command.
    shown: list[RenderableType] = [Text("arguments, masked:", style="dim"), Padding(Text(text), (0, 0, 0, 2))]
    return shown if complete else [*shown, Text("The arguments are cut off: the call has more.", style="bold red")]


def _outcome(approval: dict[str, Any]) -> Text:
    function = plain(approval["function"]).plain
    if approval["state"] == "pending":
        return Text(f"Counted: {_tally(approval)} approvals for {function}; it still waits.")
    return Text(f"{approval['state'].capitalize()}: {function}", style=STATE_STYLES.get(approval["state"], ""))


def _person(name: str) -> tuple[str, str]:
    """Split ``issuer|subject``."""
    issuer, bar, subject = name.partition("|")
    return (issuer, subject) if bar else ("", name)


def _state(approval: dict[str, Any]) -> Text:
    return plain(approval["state"], STATE_STYLES.get(approval["state"], "dim"))


def _definition(approval: dict[str, Any]) -> Text:
    if approval["definition"] != "changed":
        return plain(approval["definition"])
    function = plain(approval["function"]).plain
    return Text(f"changed: see `extproc tools diff {function}` before you vote", style="bold red")


def _risk(approval: dict[str, Any]) -> Text:
    return plain(approval["risk"], "bold red" if approval["risk"] >= RISKY else "")


def _tally(approval: dict[str, Any]) -> str:
    return f"{sum(vote['approve'] for vote in approval['votes'])}/{approval['minimum']}"


def _left(approval: dict[str, Any]) -> str:
    if approval["state"] != "pending":
        return "-"
    minutes, seconds = divmod(int(approval["seconds_left"]), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def _vote_line(vote: dict[str, Any]) -> Text:
    verb = "approved" if vote["approve"] else "denied"
    return plain(f"{_person(vote['voter'])[1]} {verb} at {vote['at']}: {vote['note']}")


def _findings(findings: list[dict[str, Any]]) -> str:
    shown = (
        f"{each['entity']} at {each['path']}" + (f" ({each['how']})" if each["how"] else "") for each in findings
    )
    return "; ".join(shown) or "nothing"
