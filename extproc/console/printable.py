"""Text of calls on a terminal, escaped so that it cannot move the cursor, set a title, reorder or hide text."""

import io
import json
import sys
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from extproc.console.fitting import Fitting
from extproc.model.visible_text import UNSEEN, printable

__all__ = ["PADDED", "PIPE", "UNSEEN", "display", "plain", "pretty_json", "printable"]

PIPE = 10_000
"""Columns of output that does not go to a terminal. Text and tables have no limit there."""
PADDED = 60
"""The widest cell to which the others of its column are padded, in a file or a pipe."""


def plain(value: object, style: str = "") -> Text:
    """Return any value as the text of a table's cell: printable, and never read as markup."""
    if isinstance(value, list | tuple):
        value = ", ".join(str(item) for item in value)
    return Text("" if value is None else printable(str(value)), style=style)


def display(what: RenderableType, *, pipe: int = PIPE) -> None:
    """Print a table: as wide as the terminal; into a file or a pipe, nothing is cut, folded or padded.

    Args:
        what: the table, or anything else that rich can render.
        pipe: columns of a file or a pipe.
    """
    if sys.stdout.isatty():
        Console().print(what)
        return
    for line in _unwrapped(what, pipe):
        sys.stdout.write(line.rstrip(" ") + "\n")


def _unwrapped(what: RenderableType, pipe: int) -> Iterator[str]:
    """Yield lines of any length for what our commands print; rich wraps everything else at ``pipe`` columns."""
    match what:
        case Text():
            yield from what.plain.split("\n")
        case Fitting():
            yield from _aligned(what.table())
        case Table(box=None, title=None) if pipe == PIPE:
            yield from _aligned(what)
        case Group():
            for each in what.renderables:
                yield from _unwrapped(each, pipe)
        case Padding(renderable=Text() as text, left=left):
            yield from (" " * left + line for line in text.plain.split("\n"))
        case _:
            rendered = io.StringIO()
            Console(width=pipe, file=rendered).print(what)
            yield from rendered.getvalue().removesuffix("\n").split("\n")


def _aligned(table: Table) -> Iterator[str]:
    """Yield the rows of a table. A cell that is longer than ``PADDED`` moves the rest of its own row only."""
    columns = [[_cell(cell) for cell in column.cells] for column in table.columns]
    heads = [_cell(column.header) for column in table.columns] if table.show_header else []
    widths = [
        min(PADDED, max(map(cell_len, [*heads[at : at + 1], *cells]), default=0))
        for at, cells in enumerate(columns)
    ]
    for row in [*([heads] if heads else []), *zip(*columns, strict=True)]:
        yield "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))


def _cell(cell: object) -> str:
    return (cell.plain if isinstance(cell, Text) else str(cell)).replace("\n", " ")


def pretty_json(text: str) -> tuple[str, bool]:
    """Format JSON text over several lines, printable.

    Escapes made here are valid inside JSON strings, where a backslash of the value is doubled: no value can
    pretend to be an escape.

    Returns:
        The lines, and whether the text was JSON. Other text is returned as one printable line.
    """
    try:
        lines = json.dumps(json.loads(text), indent=2, ensure_ascii=False).split("\n")
    except (ValueError, RecursionError):
        return printable(text), False
    return "\n".join(printable(line) for line in lines), True
