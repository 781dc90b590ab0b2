"""Find entities in the cells of tables: a cell is a text of its own, and its column's header is its name."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from operator import attrgetter

from extproc.detectors.analyzer import Analyzer, Context
from extproc.detectors.detector import Match
from extproc.detectors.fold import fold
from extproc.masking.json.layout import NAME_LONGEST, is_named
from extproc.masking.text.tables import Header, Row, Span, State, Tables

BETWEEN = "\n"
"""Between the names in a context."""
NAMES_REMEMBERED = 1_024
"""Names for which it is remembered whether they may tell."""
NO_HEADER = Header("", "")


class TableCells:
    """Finds the entities in the tables of one text."""

    def __init__(self, analyzer: Analyzer, text: str, context: Context, state: State) -> None:
        """Read the tables.

        Args:
            analyzer: finds entities.
            text: the text.
            context: returns the keys above it.
            state: what is remembered of the text before.
        """
        self._analyzer = analyzer
        self._text = text
        self._context = context
        self._rows = [each for each in Tables(text, state).rows if each.header is not None]
        self._telling: dict[str, bool] = {}
        """Whether names may tell."""

    def matches(self, matches: list[Match]) -> list[Match]:
        """Return the matches in the text.

        Args:
            matches: those in the text read as prose. Matches in tables are left out, unless they are found again
                in a cell.
        """
        if not self._rows:
            return matches
        kept: list[Match] = []
        doubtful: dict[int, list[Match]] = {}
        for match in matches:
            rows = self._rows_of(match)
            if not rows:
                kept.append(match)
            for number in rows:
                doubtful.setdefault(number, []).append(match)
        found = list(kept)
        for number, row in enumerate(self._rows):
            found += self._in_row(row, doubtful.get(number, ()))
        return sorted(set(found), key=self._analyzer.order)

    def _rows_of(self, match: Match) -> range:
        """Return the numbers of the rows in which a match lies; empty if it reaches out of a table."""
        first, last = self._row_at(match.start), self._row_at(match.end - 1)
        rows = range(first, last + 1) if first >= 0 and last >= 0 else range(0)
        return rows if all(self._is_certain(self._rows[each]) for each in rows) else range(0)

    def _row_at(self, at: int) -> int:
        number = bisect_right(self._rows, at, key=attrgetter("start")) - 1
        return number if number >= 0 and at < self._rows[number].end else -1

    def _is_certain(self, row: Row) -> bool:
        return row.is_even and row.header is not None and row.header.is_strict

    def _in_row(self, row: Row, doubtful: Sequence[Match]) -> Iterator[Match]:
        for cell, names, tells in self._named_cells(row):
            start, end = cell
            if start < end and (tells or any(match.start < end and start < match.end for match in doubtful)):
                for first, last, entity in self._analyzer.scan(self._text[start:end], partial(self._keys, names)):
                    yield Match(start + first, start + last, entity)

    def _named_cells(self, row: Row) -> Iterator[tuple[Span, str, bool]]:
        """Yield the cells of a row, each with its names, the most telling one last, and whether they may tell."""
        header = row.header or NO_HEADER
        if not header.names:
            name = self._cell(row.cells[0])
            yield row.cells[0], "", False
            yield row.cells[1], name, self._tells(name)
            return
        by_row = self._name_by_row(row, header)
        beside = len(row.cells) - len(header.names)
        for number, cell in enumerate(row.cells):
            name = header.names[number] if number < len(header.names) else ""
            if beside and 0 <= number - beside < len(header.names):
                name = f"{header.names[number - beside]}{BETWEEN}{name}"
            if by_row and number != header.naming:
                name = f"{name}{BETWEEN}{by_row}" if is_named(name) else f"{by_row}{BETWEEN}{name}"
            yield cell, name, self._tells(name)

    def _name_by_row(self, row: Row, header: Header) -> str:
        """Return what a cell of a row says that the other cells are; empty if it says nothing."""
        if header.naming < 0 or header.naming >= len(row.cells):
            return ""
        name = self._cell(row.cells[header.naming])
        return name if self._analyzer.has_word(name) else ""

    def _cell(self, cell: Span) -> str:
        start, end = cell
        return self._text[start:end] if end - start <= NAME_LONGEST else ""

    def _tells(self, name: str) -> bool:
        tells = self._telling.get(name)
        if tells is None:
            if len(self._telling) >= NAMES_REMEMBERED:
                self._telling.clear()
            tells = self._telling[name] = self._analyzer.has_word(name)
        return tells

    def _keys(self, names: str) -> str:
        """Return the context of a cell: the keys above the text, and its names, folded."""
        above = self._context()
        return f"{above}{BETWEEN}{fold(names).text}" if above else fold(names).text
