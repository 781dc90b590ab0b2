"""``extproc approvals``: list the calls that wait for approval, and vote on them."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, examples
from extproc.model.errors import ConfigError

app = typer.Typer(help="List the calls that wait for approval, and vote on them.", no_args_is_help=True)

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The approval's id, or its first or last characters (8 or more).")
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
SHOW_EXAMPLES = examples(("extproc approvals show 7f3a91c2", "read the masked arguments before you vote."))
APPROVE_EXAMPLES = examples(
    ('extproc approvals approve 7f3a91c2 -m "ticket 4711" --token-file token', "vote with your own token."),
    (
        'EXTPROC_TOKEN=… extproc approvals approve 7f3a91c2 -m "ticket 4711"',
        "the same, where a file is not wanted.",
    ),
)
DENY_EXAMPLES = examples(
    ('extproc approvals deny 7f3a91c2 -m "wrong customer" --token-file token', "refuse the call at once."),
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
    from extproc.cli.approval_acts import print_list, watch_list
    from extproc.console.client import connect

    client = connect(config)
    if watch and not as_json:
        watch_list(client, limit, decided=all_)
    else:
        print_list(client, limit, decided=all_, as_json=as_json)


@app.command(epilog=SHOW_EXAMPLES)
def show(approval_id: IdArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show one approval: caller, function, reason, masked arguments, and the time left."""
    from extproc.cli.approval_acts import print_one
    from extproc.console.client import connect

    print_one(connect(config), approval_id, as_json=as_json)


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
    from extproc.cli.approval_acts import vote
    from extproc.console.client import connect, read_token

    if not note.strip():
        raise ConfigError("a vote needs a reason", hint='give it with --note, e.g. -m "ticket 4711, checked"')
    vote(connect(config, read_token(token_file)), verb, approval_id, note, as_json=as_json)
