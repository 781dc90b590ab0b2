"""Find entities in the cells of tables: a cell is a text of its own, and its column's header is its name."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from extproc.detectors.analyzer import Analyzer, Context
from extproc.detectors.detector import Match
from extproc.detectors.detector_set import NONE, DetectorSet
from extproc.detectors.fold import fold
from extproc.detectors.vocabulary.key_roles import NAME_LONGEST, is_named
from extproc.masking.text.text_tables import Header, Row, Span

BETWEEN = "\n"
"""Between the names in a context."""
NAMES_REMEMBERED = 1_024
"""Names of cells that are remembered."""
RECORD = Header("", "")
_SIMPLE = re.compile(r"[ !#-$'-;@-\[\]-~]{0,40}", re.ASCII)
"""A cell in which no text is spelled in text."""


class _Names(NamedTuple):
    """The names of a cell."""

    told: DetectorSet
    """Detectors that may find something because of them."""
    context: str
    """With the keys above the text, one per line."""


class TableCells:
    """Finds the entities in the tables of one text."""

    def __init__(self, analyzer: Analyzer, text: str, context: Context, rows: Sequence[Row]) -> None:
        """Take a text.

        Args:
            analyzer: finds entities.
            text: the text.
            context: returns the keys above it.
            rows: those of its tables, in order.
        """
        self._analyzer = analyzer
        self._text = text
        self._context = context
        self._rows = [each for each in rows if each.header is not None]
        self._starts = [each.start for each in self._rows]
        self._names: dict[str, _Names] = {}
        self._columns: dict[Header, list[tuple[int, _Names]]] = {}
        """The columns whose names tell."""

    def matches(self, matches: list[Match]) -> list[Match]:
        """Return the matches in the text.

        Args:
            matches: those in the text read as prose. Matches in tables are left out, unless they are found again
                in a cell.
        """
        if not self._rows:
            return matches
        found: list[Match] = []
        doubtful: dict[int, list[Match]] = {}
        for match in matches:
            rows = self._rows_of(match)
            if not rows:
                found.append(match)
            for number in rows:
                doubtful.setdefault(number, []).append(match)
        for number, row in enumerate(self._rows):
            found += self._in_row(row, doubtful.get(number, ()))
        return sorted(set(found), key=self._analyzer.order)

    def _rows_of(self, match: Match) -> range:
        """Return the numbers of the rows in which a match lies; empty if it reaches out of a table."""
        first, last = self._row_at(match.start), self._row_at(match.end - 1)
        rows = range(first, last + 1) if first >= 0 and last >= 0 else range(0)
        return rows if all(_is_certain(self._rows[each]) for each in rows) else range(0)

    def _row_at(self, at: int) -> int:
        number = bisect_right(self._starts, at) - 1
        return number if number >= 0 and at < self._rows[number].end else -1

    def _in_row(self, row: Row, doubtful: Sequence[Match]) -> Iterator[Match]:
        for (start, end), names in self._named_cells(row, every=bool(doubtful)):
            if start == end:
                continue
            text = self._text[start:end]
            if any(match.start < end and start < match.end for match in doubtful) or (
                names.told is not NONE and not _SIMPLE.fullmatch(text)
            ):
                matches = self._analyzer.scan(text, partial(str, names.context))
            elif names.told is not NONE:
                matches = self._analyzer.run(names.told, text, partial(str, names.context))
            else:
                continue
            for first, last, entity in matches:
                yield Match(start + first, start + last, entity)

    def _named_cells(self, row: Row, *, every: bool) -> Iterator[tuple[Span, _Names]]:
        """Yield the cells of a row with their names: those whose names tell, or every one."""
        header, cells = row.header or RECORD, row.cells
        if not header.names:
            yield cells[0], self._named("")
            yield cells[1], self._named(self._cell(cells[0]))
            return
        by_row = self._name_by_row(row, header)
        if row.is_even and not by_row and not every:
            for number, names in self._telling(header):
                yield cells[number], names
            return
        for number, cell in enumerate(cells):
            yield cell, self._named(_names_of(number, len(cells), header, by_row))

    def _telling(self, header: Header) -> list[tuple[int, _Names]]:
        columns = self._columns.get(header)
        if columns is None:
            every = enumerate(map(self._named, header.names))
            columns = self._columns[header] = [each for each in every if each[1].told is not NONE]
        return columns

    def _name_by_row(self, row: Row, header: Header) -> str:
        """Return what a cell of a row says that the other cells are; empty if it says nothing."""
        if header.naming < 0 or header.naming >= len(row.cells):
            return ""
        name = self._cell(row.cells[header.naming])
        return name if self._analyzer.told_by(name) is not NONE else ""

    def _cell(self, cell: Span) -> str:
        start, end = cell
        return self._text[start:end] if end - start <= NAME_LONGEST else ""

    def _named(self, name: str) -> _Names:
        names = self._names.get(name)
        if names is None:
            if len(self._names) >= NAMES_REMEMBERED:
                self._names.clear()
            above, folded = self._context(), fold(name).text
            context = f"{above}{BETWEEN}{folded}" if above else folded
            names = self._names[name] = _Names(self._analyzer.told_by(name), context)
        return names


def _is_certain(row: Row) -> bool:
    return row.is_even and row.header is not None and row.header.is_strict


def _names_of(number: int, count: int, header: Header, by_row: str) -> str:
    """Return the names of a cell, the most telling one last.

    A row of another length may have lost or gained a cell anywhere: the columns count from both ends.

    Args:
        number: of the cell.
        count: of the cells in the row.
        header: of the table.
        by_row: what another cell of the row says that this one is.
    """
    width = len(header.names)
    name = header.names[number] if number < width else ""
    from_end = number - count + width
    if from_end != number and 0 <= from_end < width:
        name = f"{header.names[from_end]}{BETWEEN}{name}"
    if by_row and number != header.naming:
        return f"{name}{BETWEEN}{by_row}" if is_named(name) else f"{by_row}{BETWEEN}{name}"
    return name
