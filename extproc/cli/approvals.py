"""``extproc approvals``: see the calls that wait for approval, and decide about them, here and from afar."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, ServerOption, examples

app = typer.Typer(
    help="See the calls that wait for approval, and decide about them: here, or with --server from afar.",
    no_args_is_help=True,
)

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The approval's id, or its first or last characters (8 or more).")
]
NoteOption = Annotated[
    str, typer.Option("--note", "-m", help="Give the reason for your vote: 3 to 1,000 characters. Mandatory.")
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="Read your token from this file. Default: with --server that of `extproc login`, else the variable"
        " EXTPROC_TOKEN.",
    ),
]
LimitOption = Annotated[int, typer.Option(min=1, max=500, help="At most this many approvals.")]


class StateChoice(StrEnum):
    """States of an approval."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


LIST_EXAMPLES = examples(
    ("extproc approvals list", "see what waits, and its ids."),
    ("extproc approvals list --watch --bell", "keep the list on the screen, and ring for each new call."),
    ("extproc approvals list --server https://approve.example.com", "the same from another machine."),
    ("extproc approvals list --all --json | jq '.[0].votes'", "see who decided the last one."),
)
SHOW_EXAMPLES = examples(("extproc approvals show 7f3a91c2", "read the masked arguments before you vote."))
APPROVE_EXAMPLES = examples(
    ('extproc approvals approve 7f3a91c2 -m "ticket 4711" --token-file token', "vote with your own token."),
    (
        'extproc approvals approve 7f3a91c2 -m "ticket 4711" --server https://approve.example.com',
        "vote from another machine, signed in by extproc login.",
    ),
    (
        'extproc approvals approve 7f3a91c2 -m "pager 12, shop is down" --break-glass',
        "release the call alone in an emergency, where policy lets you.",
    ),
)
DENY_EXAMPLES = examples(
    ('extproc approvals deny 7f3a91c2 -m "wrong customer" --token-file token', "refuse the call at once."),
)
WITHDRAW_EXAMPLES = examples(
    ("extproc approvals withdraw 7f3a91c2 --token-file token", "take your vote back while others are awaited."),
)
CANCEL_EXAMPLES = examples(
    ("extproc approvals cancel 7f3a91c2 --token-file token", "give up a call that you have made yourself."),
)
HISTORY_EXAMPLES = examples(
    ("extproc approvals history --state denied --function crm.delete_customer", "see who refused what, and why."),
    ("extproc approvals history --state approved --json | jq -r '.[].votes[].voter'", "count for an audit."),
)
OPEN_EXAMPLES = examples(
    ("extproc approvals open --token-file token", "print a link that signs you in to the console here, once."),
    (
        "extproc approvals open 7f3a91c2 --server https://approve.example.com",
        "print the address of one approval's page.",
    ),
)


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    *,
    all_: Annotated[bool, typer.Option("--all", help="List decided approvals too.")] = False,
    limit: LimitOption = 50,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Update the list until Ctrl-C.")] = False,
    bell: Annotated[
        bool, typer.Option("--bell", help="With --watch: ring the terminal's bell for new calls.")
    ] = False,
    token_file: TokenOption = None,
    server: ServerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the calls that wait for approval, newest first."""
    from extproc.cli.approval_acts import print_list, watch_list
    from extproc.cli.connecting import connect_to

    client = connect_to(server, config, token_file)
    if watch and not as_json:
        watch_list(client, limit, decided=all_, bell=bell)
    else:
        print_list(client, limit, decided=all_, as_json=as_json)


@app.command(epilog=SHOW_EXAMPLES)
def show(
    approval_id: IdArgument,
    *,
    token_file: TokenOption = None,
    server: ServerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show one approval: who calls, what and why, what is risky, what is new, the votes, and the time left."""
    from extproc.cli.approval_acts import print_one
    from extproc.cli.connecting import connect_to

    print_one(connect_to(server, config, token_file), approval_id, as_json=as_json)


@app.command(epilog=APPROVE_EXAMPLES)
def approve(
    approval_id: IdArgument,
    *,
    note: NoteOption = "",
    break_glass: Annotated[
        bool,
        typer.Option(
            "--break-glass", help="Release the call alone, in an emergency, where policy lets you. Asks first."
        ),
    ] = False,
    token_file: TokenOption = None,
    server: ServerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Vote for the call. It continues when enough people have voted for it.

    With `--break-glass`, your vote alone releases it. Everybody who watches approvals is told so, and the evidence
    keeps it. You have to type the function's name.
    """
    from extproc.cli.approval_acts import release_alone, vote
    from extproc.cli.connecting import connect_to

    _check_note(note)
    client = connect_to(server, config, token_file, as_person=True)
    if break_glass:
        release_alone(client, approval_id, note, as_json=as_json)
    else:
        vote(client, "approve", approval_id, note, as_json=as_json)


@app.command(epilog=DENY_EXAMPLES)
def deny(
    approval_id: IdArgument,
    *,
    note: NoteOption = "",
    token_file: TokenOption = None,
    server: ServerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Vote against the call. One such vote refuses it."""
    from extproc.cli.approval_acts import vote
    from extproc.cli.connecting import connect_to

    _check_note(note)
    vote(connect_to(server, config, token_file, as_person=True), "deny", approval_id, note, as_json=as_json)


@app.command(epilog=WITHDRAW_EXAMPLES)
def withdraw(
    approval_id: IdArgument,
    *,
    token_file: TokenOption = None,
    server: ServerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Take your vote back, while the call still waits for others."""
    from extproc.cli.approval_acts import take_back
    from extproc.cli.connecting import connect_to

    take_back(connect_to(server, config, token_file, as_person=True), "withdraw", approval_id, as_json=as_json)


@app.command(epilog=CANCEL_EXAMPLES)
def cancel(
    approval_id: IdArgument,
    *,
    token_file: TokenOption = None,
    server: ServerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Give up a call of your own that waits for approval."""
    from extproc.cli.approval_acts import take_back
    from extproc.cli.connecting import connect_to

    take_back(connect_to(server, config, token_file, as_person=True), "cancel", approval_id, as_json=as_json)


@app.command(epilog=HISTORY_EXAMPLES)
def history(
    *,
    function: Annotated[str, typer.Option(help="Only of this function, such as crm.delete_customer.")] = "",
    requester: Annotated[
        str, typer.Option(help="Only of this caller, by the whole name ISSUER|SUBJECT, as --json has it.")
    ] = "",
    state: Annotated[
        list[StateChoice] | None, typer.Option(help="Only in this state. Repeat the option for more.")
    ] = None,
    before: Annotated[str, typer.Option(metavar="ID", help="Only older ones than this whole id.")] = "",
    limit: LimitOption = 50,
    token_file: TokenOption = None,
    server: ServerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List approvals of any state, newest first."""
    from extproc.cli.approval_acts import print_history
    from extproc.cli.connecting import connect_to

    wanted = {
        "function": function or None,
        "requester": requester or None,
        "state": [each.value for each in state or ()],
        "before": before or None,
        "limit": limit,
    }
    print_history(connect_to(server, config, token_file), wanted, as_json=as_json)


@app.command("open", epilog=OPEN_EXAMPLES)
def open_(
    approval_id: Annotated[
        str, typer.Argument(metavar="[ID]", help="With --server: the approval whose page you want.")
    ] = "",
    *,
    token_file: TokenOption = None,
    server: ServerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Print the console's address. On this machine it is a link that signs you in once, within minutes.

    Treat such a link as a password: whoever opens it first is you.
    """
    from extproc.cli.approval_acts import print_link, print_page
    from extproc.cli.connecting import connect_to

    if approval_id and not server:
        raise typer.BadParameter("an ID needs --server; here, open the console without it", param_hint="ID")
    client = connect_to(server, config, token_file, as_person=True)
    if server:
        print_page(client, server, approval_id)
    else:
        print_link(client)


def _check_note(note: str) -> None:
    if not note.strip():
        raise typer.BadParameter('a vote needs a reason, e.g. -m "ticket 4711, checked"', param_hint="--note")
