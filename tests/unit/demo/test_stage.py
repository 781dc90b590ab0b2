"""The narration of the demo."""

import io

from rich.console import Console

from extproc.demo.stage import Stage


def test_no_line_ends_with_blanks():
    out = io.StringIO()
    stage = Stage(None, Console(file=out, width=20), {}, None, "", "")
    stage.tell("  ")
    stage.tell("one " * 20)
    assert out.getvalue() == "\n   " + ("one " * 20).rstrip() + "\n"
