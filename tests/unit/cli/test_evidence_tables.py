"""Tables of evidence, on a terminal and in a pipe."""

import io

from rich.columns import Columns
from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from extproc.cli.evidence_tables import make_table
from extproc.console.printable import display

ID = "01a1fd42-3776-7e3a-9b79-4940fe449b07"
TABLE = make_table(("call_id", "function", "reason"), [[ID, "crm." + "x" * 60, "forbidden-argument"]])


def test_into_a_pipe_nothing_is_cut_or_folded(capsys):
    display(TABLE)
    _, row = capsys.readouterr().out.splitlines()
    assert row.split() == [ID, "crm." + "x" * 60, "forbidden-argument"]


def test_into_a_pipe_no_line_ends_with_blanks(capsys):
    for what in (TABLE, Group(Text("one"), Padding("two", (0, 1)), Panel("three")), Columns(["a", "b"])):
        display(what)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert "one" in lines


def test_on_a_narrow_terminal_an_id_is_whole():
    shown = io.StringIO()
    Console(file=shown, width=80).print(TABLE)
    assert ID in shown.getvalue()
    assert "…" not in shown.getvalue()
