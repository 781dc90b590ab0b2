"""The list of approvals on terminals of any width, and in pipes."""

import io

import pytest
from rich.console import Console

from extproc.cli import approval_tables
from extproc.cli.approval_tables import details, listing, outcome, past
from extproc.console.expected_answers import ApprovalAnswer
from extproc.console.printable import display

ID = "01a1fd42-3776-7e3a-9b79-4940fe449b07"
EVIL = "\x1b[2J\u202e\u2066[bold red]x[/]\r\nid\u200b"


def approval(**changes):
    given = {
        "approval_id": ID,
        "state": "pending",
        "function": "crm.delete_customer",
        "requester": "https://idp|alice",
    }
    return ApprovalAnswer(
        **{**given, "digest": "d" * 64, "risk": 80, "reason": "high-risk", "seconds_left": 90, **changes}
    )


def on_terminal(what, width):
    shown = io.StringIO()
    Console(file=shown, width=width, force_terminal=True, color_system=None).print(what)
    return shown.getvalue()


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(approval_tables.sys.stdout, "isatty", lambda: True, raising=False)


@pytest.mark.parametrize("width", [12, 20, 40, 60, 80, 120, 300])
def test_an_id_is_whole_at_any_width(terminal, width):
    """What is shown is what can be typed."""
    others = [approval(approval_id=f"01a1fd42-3776-7e3a-9b79-4940fe44{n:04}") for n in range(3)]
    shown = on_terminal(listing([approval(), *others]), width)
    for short in ("fe449b07", "fe440000", "fe440002"):
        assert short in shown
    assert all(len(line) <= width for line in shown.splitlines())


@pytest.mark.parametrize("width", [24, 40, 80, 200])
def test_nothing_of_a_row_is_lost_at_any_width(terminal, width):
    shown = "".join(on_terminal(listing([approval()]), width).split())
    for part in ("pending", "alice", "80", "0/1", "1min30s"):
        assert part in shown


def test_a_pipe_gets_whole_ids_and_whole_cells(capsys):
    long = "crm." + "x" * 30_000
    display(listing([approval(function=long), approval(approval_id=ID[:-1] + "8")]))
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "id"
    assert first.split()[0] == ID
    assert long in first
    assert len(second) < 300


def test_a_hostile_name_does_not_fill_a_terminal(terminal):
    """A name of a million characters is cut there, and says so."""
    shown = on_terminal(listing([approval(function="x" * 1_000_000), approval(approval_id=ID[:-1] + "8")]), 80)
    assert len(shown) < 5_000
    assert "999800 more characters" in shown.replace("\n", " ").replace("  ", " ") or "999800" in "".join(
        shown.split()
    )
    assert "fe449b08" in shown


@pytest.mark.parametrize("width", [30, 80])
def test_hostile_text_cannot_steer_the_terminal_or_look_like_an_id(terminal, width):
    shown = on_terminal(listing([approval(function=EVIL, requester=EVIL, reason=EVIL, state=EVIL)]), width)
    assert not any(char in shown for char in "\x1b\u202e\u2066\u200b\r")


def test_a_value_that_wraps_stays_beside_its_name(terminal):
    """It cannot pass for another line of the command."""
    padded = ("x" * 50 + " ") * 3 + "state approved"
    for width in (30, 60):
        lines = on_terminal(details(approval(function=padded)), width).splitlines()
        assert [line.split() for line in lines if line.startswith("state")] == [["state", "pending"]]
    narrow = on_terminal(listing([approval(function=padded)]), 30).splitlines()
    assert [line for line in narrow if line.strip().startswith("state")] == ["  state    pending".ljust(30)]


def lines_of(what):
    return [" ".join(line.split()) for line in on_terminal(what, 300).splitlines()]


def styled(what):
    shown = io.StringIO()
    Console(file=shown, width=300, force_terminal=True, color_system="standard").print(what)
    return next(line for line in shown.getvalue().splitlines() if "also releases" in line)


RED = "\x1b[1;31m"


def test_show_warns_in_red_where_one_approval_releases_any_arguments():
    one = approval(reuse={"seconds": 120, "same": ["function"], "until": "2026-01-01T00:02:00.000Z"})
    (line,) = (each for each in lines_of(details(one)) if each.startswith("reuse"))
    assert "WITH ANY ARGUMENTS, for 2 min 00 s after the approval, until 2026-01-01T00:02:00.000Z" in line
    assert RED in styled(details(one))


def test_show_says_where_one_approval_releases_the_same_arguments():
    one = approval(reuse={"seconds": 120, "same": ["arguments", "function"], "until": None})
    assert any(
        each.endswith("the same arguments, for 2 min 00 s after the approval") for each in lines_of(details(one))
    )
    assert RED not in styled(details(one))
    assert not any(each.startswith("reuse") for each in lines_of(details(approval())))


@pytest.mark.parametrize(
    ("alternatives", "groups", "approvers"),
    [
        ([["sres"]], ["sres", "deployers"], "1 of sres"),
        ([["sres"], ["deployers"]], ["sres", "deployers"], "1 of sres, deployers"),
        ([], ["sres", "deployers"], "1 of sres"),
        ([], ["deployers"], "1 of nobody"),
    ],
)
def test_show_names_break_glass_groups_apart_from_approvers(alternatives, groups, approvers):
    shown = lines_of(details(approval(alternatives=alternatives, groups=groups, break_glass=["deployers"])))
    assert f"approvers {approvers}" in shown
    assert "break-glass one of deployers" in shown


NOOR = {"voter": "https://idp|noor", "approve": True, "note": "pager 12", "at": "2026-01-01T00:01:00.000Z"}


@pytest.mark.parametrize(
    ("changes", "votes", "said"),
    [
        ({}, "1/1", "noor approved: pager 12"),
        ({"approve": False}, "0/1", "noor denied: pager 12"),
        ({"break_glass": True}, "1/1 break-glass", "noor broke the glass: pager 12"),
        ({"break_glass": True, "withdrawn": "2026"}, "0/1", "noor broke the glass: pager 12 (withdrawn)"),
    ],
)
def test_history_has_who_voted_what_when_and_why(changes, votes, said):
    one = approval(state="approved", closed="2026-01-01T00:01:00.000Z", votes=[NOOR | changes])
    row = lines_of(past([one], "none"))[1]
    assert row.endswith(f"{votes} {said}")
    assert "2026-01-01T00:01:00.000Z" in row
    assert ("break-glass" in lines_of(listing([one]))[1]) == ("break-glass" in votes)


def test_an_approved_ticket_says_that_the_caller_has_to_come_back():
    ticket = approval(state="approved", ticketed=True, usable_until="2026-01-01T00:06:00.000Z")
    again = "It runs when the caller makes the call again, until 2026-01-01T00:06:00.000Z."
    assert outcome(ticket).plain == f"Approved: crm.delete_customer. {again}"
    assert outcome(approval(state="approved")).plain == "Approved: crm.delete_customer"
    assert outcome(approval(state="denied", ticketed=True)).plain == "Denied: crm.delete_customer"
    assert any(each.endswith("good until 2026-01-01T00:06:00.000Z") for each in lines_of(details(ticket)))
