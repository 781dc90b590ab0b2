"""Tables that fit any terminal: where the columns do not fit, each row becomes a short paragraph."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

LONGEST_CELL = 200
"""Characters of a cell on a terminal; one hostile name must not push the other rows off the screen."""

READABLE = 12
"""Columns below which a cell is not folded further: the row becomes a paragraph."""


class Fitting:
    """Rows under names of columns. Cells must be printable: see ``plain``."""

    def __init__(
        self, columns: Sequence[str], rows: Sequence[Sequence[Text]], *, whole: Sequence[str] = ()
    ) -> None:
        """Make a table.

        Args:
            columns: their names.
            rows: a cell for each column.
            whole: columns that are never folded or cut, such as ids.
        """
        self._columns, self._rows, self._whole = list(columns), [list(row) for row in rows], set(whole)

    def table(self) -> Table:
        """Return the table with whole cells, for a file or a pipe."""
        return self._table(self._rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = [
            [self._shown(name, cell) for name, cell in zip(self._columns, row, strict=True)] for row in self._rows
        ]
        if self._readable_width(rows) <= options.max_width:
            yield self._table(rows)
            return
        for row in rows:
            yield row[0]
            yield Padding(self._paragraph(row), (0, 0, 0, 2))

    def _table(self, rows: list[list[Text]]) -> Table:
        table = Table(box=None, pad_edge=False)
        for name in self._columns:
            table.add_column(Text(name), no_wrap=name in self._whole, overflow="fold")
        for row in rows:
            table.add_row(*row)
        return table

    def _readable_width(self, rows: list[list[Text]]) -> int:
        """Return the columns of a terminal that the table needs to be read with ease."""
        widths = [
            max([cell_len(name), *(row[at].cell_len for row in rows)]) for at, name in enumerate(self._columns)
        ]
        least = [
            width if name in self._whole else min(width, READABLE)
            for name, width in zip(self._columns, widths, strict=True)
        ]
        return sum(least) + len(least) - 1

    def _shown(self, name: str, cell: Text) -> Text:
        if name in self._whole or len(cell) <= LONGEST_CELL:
            return cell
        return cell[:LONGEST_CELL].append(f" … ({len(cell) - LONGEST_CELL} more characters)")

    def _paragraph(self, row: list[Text]) -> Table:
        """The cells after the first, each beside its name. A value that wraps stays beside its name too."""
        grid = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 1))
        for name, cell in zip(self._columns[1:], row[1:], strict=True):
            if cell.plain:
                grid.add_row(Text(name, style="dim"), cell)
        return grid
