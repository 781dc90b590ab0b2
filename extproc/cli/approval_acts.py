"""What the commands of ``extproc approvals`` do, once they have a server to ask."""

import sys
import time
from typing import Any

from rich.console import Console
from rich.live import Live

from extproc.cli.approval_tables import details, listing, outcome
from extproc.cli.evidence_tables import print_json
from extproc.cli.short_ids import WHOLE, meant
from extproc.console.client import AMBIGUOUS, ControlClient
from extproc.console.expected_answers import ApprovalAnswer, ApprovalsAnswer, expect
from extproc.console.printable import display, printable
from extproc.model.errors import ControlError

WATCH_S = 2.0
"""Seconds between two updates of ``--watch``."""
LIST_MAX = 500
"""The newest approvals, whose ids may be given by their ends."""
MATCHES_MAX = 10


def print_list(client: ControlClient, limit: int, *, decided: bool, as_json: bool) -> None:
    """Print the newest approvals.

    Args:
        client: the server to ask.
        limit: the largest number of them.
        decided: those that are not pending, too.
        as_json: print JSON, for programs.
    """
    answer = _recent(client, limit, decided=decided)
    found = expect(ApprovalsAnswer, answer).approvals
    if as_json:
        print_json(answer["approvals"])
    else:
        display(listing(found))


def watch_list(client: ControlClient, limit: int, *, decided: bool) -> None:
    """Keep the list on the screen until Ctrl-C. The arguments are those of ``print_list``."""
    with Live(console=Console(), refresh_per_second=4, screen=sys.stdout.isatty()) as live:
        try:
            while True:
                live.update(listing(expect(ApprovalsAnswer, _recent(client, limit, decided=decided)).approvals))
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
        display(details(approval))


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
    # The digest ties the vote to the call that this id means now.
    answer = client.post("approvals", seen.approval_id, verb, body={"note": note, "digest": seen.digest})
    after = expect(ApprovalAnswer, answer)
    if as_json:
        print_json(answer)
    else:
        display(outcome(after))


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
    newest = expect(ApprovalsAnswer, _recent(client, LIST_MAX, decided=True)).approvals
    found = meant(typed, (each.approval_id for each in newest))
    if len(found) > 1:
        listed = printable(", ".join(found[:MATCHES_MAX]))
        raise ControlError("Several approvals have such an id", f"Give more of it: {listed}", AMBIGUOUS)
    return found[0] if found else typed
