"""What the commands of ``extproc approvals`` do, once they have a server to ask."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import typer
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from extproc.cli.approval_tables import details, listing, outcome, past, taken_back
from extproc.cli.evidence_tables import print_json
from extproc.cli.short_ids import SHORTEST, WHOLE, meant
from extproc.console.afar.safe_address import console_origin
from extproc.console.client import AMBIGUOUS, ControlClient, Parameter
from extproc.console.expected_answers import ApprovalAnswer, ApprovalsAnswer, LinkAnswer, expect
from extproc.console.printable import display, plain, printable
from extproc.model.errors import ConfigError, ControlError, WhyRefused

WATCH_S = 2.0
"""Seconds between two updates of ``--watch``."""
LIST_MAX = 500
"""The newest approvals, whose ids may be given by their ends."""
MATCHES_MAX = 10
PENDING = "pending"
OLDER_SERVER = ("unknown", "not-found")
"""The answers of a server that cannot search: there is then nothing to compare with."""


def print_list(client: ControlClient, limit: int, *, decided: bool, as_json: bool) -> None:
    """Print the newest approvals.

    Args:
        client: the server to ask.
        limit: the largest number of them.
        decided: those that are not pending, too.
        as_json: print JSON, for programs.
    """
    answer = _recent(client, limit, decided=decided)
    _print_approvals(answer, listing, "No call waits for approval.", as_json=as_json)


def print_history(client: ControlClient, wanted: Mapping[str, Parameter], *, as_json: bool) -> None:
    """Print approvals of any state.

    Args:
        client: the server to ask.
        wanted: parameters of ``/api/approvals/search``.
        as_json: print JSON, for programs.
    """
    answer = client.get("approvals", "search", params=wanted)
    nothing = "There are no such approvals."
    if wanted.get("requester") and "|" not in str(wanted["requester"]):
        nothing += " --requester needs the caller's whole name, ISSUER|SUBJECT, as --json has it in requester."
    _print_approvals(answer, past, nothing, as_json=as_json)
    older = answer.get("before")
    if isinstance(older, str) and older and not as_json:
        Console(stderr=True).print(
            Text(f"There are older ones: --before {printable(older)}", "yellow"), soft_wrap=True
        )


def _print_approvals(
    answer: dict[str, Any],
    table: Callable[[Sequence[ApprovalAnswer], str], RenderableType],
    nothing: str,
    *,
    as_json: bool,
) -> None:
    found = expect(ApprovalsAnswer, answer).approvals
    if as_json:
        print_json(answer["approvals"])
    else:
        display(table(found, nothing))


def watch_list(client: ControlClient, limit: int, *, decided: bool, bell: bool) -> None:
    """Keep the list on the screen until Ctrl-C.

    Args:
        client: the server to ask.
        limit: the largest number of approvals.
        decided: those that are not pending, too.
        bell: ring the terminal's bell for each look that finds a new one.
    """
    console, known = Console(), None
    with Live(console=console, refresh_per_second=4, screen=sys.stdout.isatty()) as live:
        try:
            while True:
                found = expect(ApprovalsAnswer, _recent(client, limit, decided=decided)).approvals
                live.update(listing(found))
                ids = {each.approval_id for each in found}
                if bell and known is not None and ids - known:
                    console.bell()
                known = ids
                time.sleep(WATCH_S)
        except KeyboardInterrupt:
            return


def _recent(client: ControlClient, limit: int, *, decided: bool) -> dict[str, Any]:
    return client.get("approvals", params={"pending": "false" if decided else "true", "limit": limit})


def print_one(client: ControlClient, typed: str, *, as_json: bool) -> None:
    """Print one approval, by its id or a part of it."""
    answer, approval = find(client, typed)
    if as_json:
        print_json(answer)
    else:
        display(details(approval, _last_approved(client, approval)))


def _last_approved(client: ControlClient, approval: ApprovalAnswer) -> ApprovalAnswer | None:
    """Return the approved call of the same function that came last before this one, to compare with."""
    wanted: dict[str, Parameter] = {"function": approval.function, "state": ["approved"], "limit": 1}
    if len(approval.approval_id) == WHOLE:
        wanted["before"] = approval.approval_id
    try:
        answer = client.get("approvals", "search", params=wanted)
    except ControlError as error:
        if error.reason in OLDER_SERVER:
            return None
        raise
    found = expect(ApprovalsAnswer, answer).approvals
    return next((each for each in found if each.function == approval.function), None)


def vote(client: ControlClient, verb: str, typed: str, note: str, *, as_json: bool) -> None:
    """Vote on one approval, and print what it is now.

    Args:
        client: the server to ask, with the voter's token.
        verb: ``approve`` or ``deny``.
        typed: the approval's id or a part of it.
        note: the reason.
        as_json: print JSON, for programs.
    """
    _, seen = find(client, typed)
    _vote(client, verb, seen, {"note": note}, as_json=as_json)


def release_alone(client: ControlClient, typed: str, note: str, *, as_json: bool) -> None:
    """Break the glass: show the call, have the function's name typed, and release it by one vote.

    Args:
        client: the server to ask, with the voter's token.
        typed: the approval's id or a part of it.
        note: the reason.
        as_json: print JSON, for programs. The question goes to standard error.

    Raises:
        ConfigError: something else was typed. Nothing was sent then.
        ControlError: it does not wait, or policy lets nobody release it alone. Nothing was asked or sent then.
    """
    _, seen = find(client, typed)
    if seen.state != PENDING:
        raise ControlError(printable(f"It is already {seen.state}"), "", WhyRefused.NOT_PENDING)
    if not seen.break_glass:
        hint = "Vote without --break-glass."
        raise ControlError("Policy lets nobody release this call alone", hint, WhyRefused.NO_BREAK_GLASS)
    function = printable(seen.function)
    console = Console(stderr=True)
    console.print(details(seen))
    console.print(Text("Your vote alone will release this call. It is announced and recorded.", "bold red"))
    said = typer.prompt(f"Type {function} to go on", default="", show_default=False, err=True)
    if said.strip() != function:
        raise ConfigError("the glass is whole: that was not the function's name", hint="nothing was sent")
    _vote(client, "approve", seen, {"note": note, "break_glass": True}, as_json=as_json)


def _vote(
    client: ControlClient, verb: str, seen: ApprovalAnswer, body: dict[str, object], *, as_json: bool
) -> None:
    # The digests tie the vote to the call and to the preview that this id means now.
    body |= {"digest": seen.digest}
    if seen.preview_digest:
        body |= {"preview_digest": seen.preview_digest}
    _print_outcome(client.post("approvals", seen.approval_id, verb, body=body), outcome, as_json=as_json)


def take_back(client: ControlClient, verb: str, typed: str, *, as_json: bool) -> None:
    """Withdraw one's vote, or cancel one's own request, and print what the approval is now.

    Args:
        client: the server to ask, with the person's token.
        verb: ``withdraw`` or ``cancel``.
        typed: the approval's id or a part of it.
        as_json: print JSON, for programs.
    """
    _, seen = find(client, typed)
    _print_outcome(client.post("approvals", seen.approval_id, verb), taken_back, as_json=as_json)


def _print_outcome(answer: dict[str, Any], say: Callable[[ApprovalAnswer], Text], *, as_json: bool) -> None:
    after = expect(ApprovalAnswer, answer)
    if as_json:
        print_json(answer)
    else:
        display(say(after))


def print_link(client: ControlClient) -> None:
    """Print a link that signs the token's person in to this machine's console, once."""
    found = expect(LinkAnswer, client.post("sign-in-links"))
    display(plain(found.url))
    Console(stderr=True).print(Text(f"It works once, until {printable(found.expires)}.", "dim"), soft_wrap=True)


def print_page(client: ControlClient, server: str, typed: str) -> None:
    """Print the address of the console, or of one approval's page."""
    path = f"/approvals/{quote(find(client, typed)[1].approval_id, safe='')}" if typed else "/"
    display(plain(f"{console_origin(server)}{path}"))


def find(client: ControlClient, typed: str) -> tuple[dict[str, Any], ApprovalAnswer]:
    """Return the approval that was meant, as the server sends it and as it is read.

    Args:
        client: the server to ask.
        typed: the approval's id, or its first or last characters.

    Raises:
        ControlError: there is none, or several are meant.
    """
    answer = client.get("approvals", typed if len(typed) == WHOLE else _whole(client, typed))
    return answer, expect(ApprovalAnswer, answer)


def _whole(client: ControlClient, typed: str) -> str:
    """Return the whole id. An id that is not among the newest is left to the server, which knows beginnings."""
    if len(typed) < SHORTEST:
        raise ControlError(
            f"An id needs at least {SHORTEST} characters: the first or the last ones",
            "See `extproc approvals list`.",
            WhyRefused.UNKNOWN,
        )
    newest = expect(ApprovalsAnswer, _recent(client, LIST_MAX, decided=True)).approvals
    found = meant(typed, (each.approval_id for each in newest))
    if len(found) > 1:
        listed = printable(", ".join(found[:MATCHES_MAX]))
        raise ControlError("Several approvals have such an id", f"Give more of it: {listed}", AMBIGUOUS)
    return found[0] if found else typed
