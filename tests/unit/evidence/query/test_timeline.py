"""A session for the eye."""

import io

from rich.console import Console
from rich.text import Text

from extproc.evidence.query.timeline import call_lines, timeline

START = 1_790_000_000_000_000_000


def row(call_id, kind, at_ms=0, **changes):
    values = {
        "call_id": call_id,
        "kind": kind,
        "time_ns": START + at_ms * 10**6,
        "function": "crm.get_customer",
        "subject": "ann@example.com",
        "source": "",
        "actor": "",
        "reason": "policy-allowed",
        "status": 200,
        "duration_ms": 0.0,
        "held_ms": 0.0,
        "findings": [],
        "approvers": [],
    }
    return values | changes


def found(count, side="request"):
    return {"entity": "US_SSN", "path": "$.ssn", "how": "redact", "count": count, "side": side}


SESSION = [
    row("a", "call.decided", 3, duration_ms=3.0, status=0),
    row("a", "call.completed", 41, duration_ms=41.0, findings=[found(2), found(1), found(4, "response")]),
    row("b", "call.denied", 1_000, status=403, reason="forbidden-argument", function="crm.delete_customer"),
    row("c", "call.held", 2_000, status=0, reason="approval-required", function="deploy.rollout"),
    row(
        "c", "call.completed", 96_000, duration_ms=94_200.0, held_ms=94_000.0, reason="approved",
        function="deploy.rollout", approvers=["https://id.example|bo", "https://id.example|cy"],
    ),
    row("d", "call.failed", 97_000, status=502, reason="upstream-error"),
    row("e", "call.held", 98_000, status=0, reason="approval-required", function="x" * 60),
]  # fmt: skip


def plain(value, style=""):
    return Text(str(value), style)


def draw(rows, width=100):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(timeline(rows, plain))
    return console.export_text()


def test_each_call_is_one_line_that_begins_when_it_began():
    lines = call_lines(SESSION)
    assert [line.kind for line in lines] == [
        "call.completed",
        "call.denied",
        "call.completed",
        "call.failed",
        "call.held",
    ]
    assert lines[0].start_ns == START
    assert (lines[0].findings, lines[0].response_findings) == (3, 4)
    assert lines[2].approvers[0] == "https://id.example|bo"


def test_the_drawing_says_everything_and_fits():
    drawn = draw(SESSION)
    for word in ("ann@example.com", "41ms", "1m 34s", "forbidden-", "403", "bo", "cy", "held", "3+4"):
        assert word in drawn
    assert "5 calls, 1 denied, 1 failed, 2 held" in drawn
    assert max(map(len, drawn.splitlines())) <= 100


def test_columns_that_stay_empty_are_left_out():
    drawn = draw([row("a", "call.completed")])
    assert "Function" in drawn
    assert not any(name in drawn for name in ("Held", "Found", "Approved"))


def test_findings_of_older_entries_have_no_side():
    assert " 2 " in draw([row("a", "call.completed", findings=[found(2, "")])])


def test_a_session_without_entries_is_drawn_too():
    assert "No entries" in draw([])


def test_markup_of_a_caller_is_text():
    assert "[red]x[/red]" in draw([row("a", "call.denied", reason="[red]x[/red]")])


def test_an_unreadable_entry_is_shown_as_such():
    assert "unreadable" in draw([row("a", "")])


def act(kind, at_ms, who="bob@example.com", reason="", note="", **changes):
    return row("a", kind, at_ms, subject=who, reason=reason, approval_note=note, **changes)


HELD_WITH_ACTS = [
    row("a", "call.held", 0, status=0, reason="approval-required", function="deploy.rollout"),
    act("approval.looked", 10_000),
    act("approval.refused", 11_000, "ann@example.com", "own-call"),
    act("approval.voted", 12_000, reason="approve", note="ticket 42"),
    act("approval.counted", 12_001, reason="approved"),
    row("a", "call.completed", 13_000, duration_ms=13_000.0, reason="approved", function="deploy.rollout"),
    act("approval.looked", 90_000, "", source="socket"),
]  # fmt: skip


def test_acts_are_lines_below_their_call_and_do_not_change_it():
    [line] = call_lines(HELD_WITH_ACTS)
    assert (line.kind, line.function, line.start_ns) == ("call.completed", "deploy.rollout", START)
    assert [(each.kind, each.who) for each in line.acts] == [
        ("approval.looked", "bob@example.com"),
        ("approval.refused", "ann@example.com"),
        ("approval.voted", "bob@example.com"),
        ("approval.looked", "socket"),
    ]
    drawn = draw(HELD_WITH_ACTS)
    order = ["deploy.rollout", "looked", "own-call", "approve:", "socket"]
    assert sorted(order, key=drawn.index) == order
    assert "1 call" in drawn
    assert max(map(len, drawn.splitlines())) <= 100


def test_acts_without_entries_of_their_call_are_drawn_too():
    assert "looked" in draw([act("approval.looked", 1)])
