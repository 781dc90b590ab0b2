"""Tables in text: CSV and its kin, tables with rules of dashes, records with one column in each line.

Theory of operation
===================

A text is read line by line. A line of several short names with the same separator between them may be a header.
It is one if a rule of dashes follows, or a line with the same number of cells. The lines that follow are rows, up
to a line without the separator. A cell may be in quotes, with separators and line ends inside (RFC 4180).

In a dump of PostgreSQL, ``COPY t (a, b) FROM stdin;`` is a header.

``mysql`` and ``psql`` also write one column in each line, behind a line such as ``-[ RECORD 1 ]---``. There the
name stands in front of its value.

Whether a line belongs to a table depends on the lines before it and on the line itself, up to ``ROW_LONGEST``
characters. So streamed text can be read in pieces: ``Tables.may_cut`` tells where, and ``Tables.after`` returns
what has to be remembered.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

from extproc.detectors.vocabulary.key_roles import is_naming

ROW_LONGEST = 32_768
"""Most characters of a row. A longer line is no row, and ends the table."""
HEADER_LONGEST = 4_096
"""Most characters of a header line."""
FIRST_NAME_LONGEST, FIRST_NAME_BLANKS = 40, 3
"""Most characters and blanks in a header's first name: what is longer is prose, and need not wait for its line."""
NAME_LONGEST = 64
"""Most characters of the other names."""
SEPARATORS = "\t|;,"
RECORD_MARKS = ("***", "-[")
COPY_MARK = "COPY "
_COPY = re.compile(r"COPY [^()\n]{1,256}\((?P<names>[^()\n]{1,4096})\) FROM stdin\b[^\n]*", re.IGNORECASE)
"""PostgreSQL's ``COPY users (email, password) FROM stdin;``, with tabs in the rows behind it."""
RECORD_MARK_LONGEST = 128
_RECORD = re.compile(r"-\[ RECORD [0-9]{1,12} \][-+]{0,80}\r?|\*{3,40} [0-9]{1,12}\. row \*{3,40}\r?")
_RULE = re.compile(r"[ \t]*[|+]?[-:= ]*[-=]{2}[-:= ]*(?:[|+][-:= ]*)*\r?")
_BEGINS = r"(?:[^\W\d]|[#$]|[0-9]{1,3}[a-zA-Z_])"
_OF_NAME = r"[^\n{sep}\"=<>{{}}\[@:*\d]|\[(?![A-Z0-9_]{{3,41}}\])|[0-9](?![0-9]{{4}})"
"""What an entity or a label may have, a name does not: masking does not change which lines are headers."""
_QUOTED = r'"(?:[^"\n]|""){0,64}"[ ]*'
_PLAUSIBLE = re.compile(
    rf'^\ufeff?[ ]*(?:(?:"|{_BEGINS})[^\n\t|;,]{{0,66}})?[\t|;,]|^(?:-\[ RECORD |\*\*\*|COPY )', re.MULTILINE
)
"""The beginning of a line that may be a header."""
_SEPARATOR = re.compile(f"[{SEPARATORS}]")
_PIPE = re.compile(r"(?<!\\)\|")
"""A pipe in a cell of Markdown has a backslash in front (GitHub Flavored Markdown section 4.10)."""


def _name_pattern(separator: str) -> str:
    return rf"{_BEGINS}(?:{_OF_NAME.format(sep=re.escape(separator))}){{0,{NAME_LONGEST}}}"


def _names_pattern(separator: str) -> re.Pattern[str]:
    sep = re.escape(separator)
    cell = rf"[ ]*(?:{_name_pattern(separator)}|{_QUOTED})?"
    return re.compile(rf"\ufeff?{cell}(?:{sep}{cell}){{1,1000}}\r?")


def _beginning_pattern(separator: str) -> re.Pattern[str]:
    sep, name = re.escape(separator), _name_pattern(separator)
    last = rf'[ ]*(?:[0-9]{{0,3}}|{name}|"(?:[^"\n]|""){{0,64}}(?:"[ ]*)?)\r?'
    return re.compile(rf"\ufeff?(?:[ ]*(?:{name}|{_QUOTED})?{sep}){{0,1000}}{last}")


def _cell_pattern(separator: str) -> re.Pattern[str]:
    sep = re.escape(separator)
    bare = r"(?:[^|\n]|(?<=\\)\|)*" if separator == "|" else rf"[^{sep}\n]*"
    return re.compile(rf'[ ]*"(?P<quoted>(?>(?:[^"]+|"")*))"[ \r]*(?={sep}|\n|\Z)|{bare}')


_NAMES = {each: _names_pattern(each) for each in SEPARATORS}
_NAMES_BEGIN = {each: _beginning_pattern(each) for each in SEPARATORS}
_CELLS = {each: _cell_pattern(each) for each in SEPARATORS}
Span = tuple[int, int]


class Header(NamedTuple):
    """The names of a table's columns."""

    line: str
    """The header's line, which may come again between rows; empty for records with one column in each line."""
    separator: str
    names: tuple[str, ...] = ()
    naming: int = -1
    """The column whose cells name other cells of their row; -1 if there is none."""
    is_strict: bool = True
    """It is a table and not prose with commas: words outside of a cell say nothing about the cell."""


class State(NamedTuple):
    """What has to be remembered of a text to read on."""

    header: Header | None = None
    """That of the table that is not at its end yet."""
    possible: tuple[Header, ...] = ()
    """The last line, read with each separator with which it may be a header."""
    begin: str = ""
    """The beginning of the current line, which may be a header."""
    in_line: bool = False
    """The text goes on in the middle of a line that counts for no table."""

    @property
    def is_at_table(self) -> bool:
        """True if the next line may be a row."""
        return self.header is not None or bool(self.possible)


AT_START, IN_LINE = State(), State(in_line=True)


class Row(NamedTuple):
    """A line that counts for a table: a row, a header, a line that ends a table."""

    start: int
    end: int
    header: Header | None
    """None if it is no row."""
    cells: tuple[Span, ...]
    """The cells, without blanks and quotes around them."""
    after: State
    """What has to be remembered behind it."""

    @property
    def is_even(self) -> bool:
        """True if the row has one cell for each column."""
        return self.header is not None and len(self.cells) == (len(self.header.names) or 2)


class Tables:
    """The tables of a text."""

    def __init__(self, text: str, state: State = AT_START) -> None:
        """Read a text.

        Args:
            text: any text. Its end counts as the end of a line.
            state: what was remembered of the text before.
        """
        self._text = text
        self._before = state
        self._open = len(text)
        """Offset of the first row that has a quotation mark, and may go on behind the text."""
        self.rows = tuple(self._read())
        """All rows and other lines that count, in order."""

    def may_cut(self, at: int) -> bool:
        """Return whether text behind an offset cannot change which lines before it are rows."""
        if at > self._open:
            return False
        number = bisect_right(self.rows, at, key=attrgetter("start")) - 1
        if number < 0 or self._text[at - 1] == "\n" or at > self.rows[number].end:
            return number < 0 or not self.rows[number].start < at < self.rows[number].end
        before = self.rows[number - 1].after if number else self._before
        return not before.is_at_table or at - self.rows[number].start > ROW_LONGEST

    def after(self, at: int) -> State:
        """Return what has to be remembered at an offset where the text may be cut."""
        text, before = self._text, self._before
        if at == 0:
            return before
        if text[at - 1] == "\n":
            number = bisect_right(self.rows, at, key=attrgetter("end")) - 1
            return self.rows[number].after if number >= 0 and self.rows[number].end == at else AT_START
        start = text.rfind("\n", 0, at) + 1
        if at - start > HEADER_LONGEST or (start == 0 and before.in_line):
            return IN_LINE
        begin = text[start:at] if start else before.begin + text[:at]
        return State(begin=begin) if may_begin_header(begin) else IN_LINE

    def _read(self) -> Iterator[Row]:
        text, state, at = self._text, self._before, 0
        if state.begin or state.in_line:
            at = _line_end(text, 0)
            first = _as_header(0, at, "" if state.in_line else state.begin + text[:at].removesuffix("\n"))
            if first.after != AT_START:
                yield first
            state = first.after
        while at < len(text):
            if state == AT_START:
                plausible = _PLAUSIBLE.search(text, at)
                if plausible is None:
                    return
                at = plausible.start()
            row = self._row(at, state)
            if state != AT_START or row.after != AT_START:
                yield row
            at, state = row.end, row.after

    def _row(self, at: int, state: State) -> Row:
        end = _line_end(self._text, at)
        if end - at > ROW_LONGEST:
            return Row(at, end, None, (), AT_START)
        line = self._text[at:end].removesuffix("\n")
        if line.startswith(RECORD_MARKS) and _RECORD.fullmatch(line):
            return _as_header(at, end, line)
        if state.header is not None and (row := self._of_table(at, end, line, state.header)):
            return row
        for header in state.possible:
            if header.separator == "|" and _RULE.fullmatch(line):
                return Row(at, end, None, (), State(header))
            row = self._split(at, end, header)
            if row.is_even:
                return row
        return _as_header(at, end, line)

    def _of_table(self, at: int, end: int, line: str, header: Header) -> Row | None:
        """Return a line of an open table; None if the table is at its end."""
        if not header.names:
            cells = _name_and_value(self._text, at, at + len(line), header.separator)
            return Row(at, end, header, cells, State(header)) if cells else None
        if line == header.line or line.startswith("#") or (header.separator == "|" and _RULE.fullmatch(line)):
            return Row(at, end, None, (), State(header))
        row = self._split(at, end, header)
        return row if len(row.cells) > 1 else None

    def _split(self, at: int, end: int, header: Header) -> Row:
        """Split a row into cells. A quotation mark that is not closed counts as any other character.

        Args:
            at: where the row begins.
            end: the end of its first line.
            header: that of the table.
        """
        text, limit = self._text, at + ROW_LONGEST
        if text.find('"', at, end) >= 0:
            cells, stop, is_open = _quoted_cells(text, at, limit, header.separator)
            if is_open and limit >= len(text):
                self._open = min(self._open, at)
            if stop < limit:
                return Row(at, min(stop + 1, len(text)), header, cells, State(header))
        last = end - (text[end - 1] == "\n")
        return Row(at, end, header, _bare_cells(text, at, last, header.separator), State(header))


def may_begin_header(begin: str) -> bool:
    """Return whether a line that begins like this may become a header, or the mark of a record."""
    if len(begin) > HEADER_LONGEST:
        return False
    if begin.startswith(RECORD_MARKS) and len(begin) <= RECORD_MARK_LONGEST:
        return True
    if begin.startswith(COPY_MARK) or COPY_MARK.startswith(begin):
        return True
    separator = _SEPARATOR.search(begin)
    first = begin[: separator.start()] if separator else begin
    return _is_short(first) and any(each.fullmatch(begin) for each in _NAMES_BEGIN.values())


def _as_header(at: int, end: int, line: str) -> Row:
    """Return a line that is no row, with the table that may begin behind it."""
    if line.startswith(RECORD_MARKS) and _RECORD.fullmatch(line):
        return Row(at, end, None, (), State(Header("", "|" if line[0] == "-" else ":")))
    if line.startswith(COPY_MARK) and (copied := _COPY.fullmatch(line)):
        names = tuple(name.strip(' "') for name in copied["names"].split(","))
        return Row(at, end, None, (), State(Header(line, "\t", names)))
    return Row(at, end, None, (), State(None, tuple(_headers(line))))


def _line_end(text: str, at: int) -> int:
    """Return the offset behind the end of the line."""
    return text.find("\n", at) + 1 or len(text)


def _headers(line: str) -> Iterator[Header]:
    """Yield a line as a header, with each of the separators that may be its own."""
    separator = _SEPARATOR.search(line)
    if separator is None or len(line) > HEADER_LONGEST or not _is_short(line[: separator.start()]):
        return
    for each in SEPARATORS:
        if each in line and _NAMES[each].fullmatch(line):
            names = _names_of(line, each)
            if sum(map(bool, names)) > (each != "|"):
                is_strict = each not in ",;" or f"{each} " not in line
                if not is_strict and not all(map(_is_short, names)):
                    continue  # prose with commas
                yield Header(line, each, names, naming_column(names), is_strict)


def _names_of(line: str, separator: str) -> tuple[str, ...]:
    if '"' in line:
        cells, _, _ = _quoted_cells(line, 0, len(line), separator)
        return tuple(line[start:end] for start, end in cells)
    return tuple(name.strip("\ufeff \r") for name in line.split(separator))


def _is_short(first: str) -> bool:
    """Return whether a name is as short as the first one of a header."""
    bare = first.strip("\ufeff \r")
    return len(bare) <= FIRST_NAME_LONGEST and bare.count(" ") <= FIRST_NAME_BLANKS


def naming_column(names: tuple[str, ...]) -> int:
    """Return the column whose cells name others: one that is called ``field``; of two columns the first."""
    filled = [number for number, name in enumerate(names) if name]
    if not filled:
        return -1
    if is_naming(names[filled[0]]) or len(filled) == 2:  # noqa: PLR2004 - a name and a value
        return filled[0]
    return -1


def _quoted_cells(text: str, at: int, limit: int, separator: str) -> tuple[tuple[Span, ...], int, bool]:
    """Split a row that may have cells in quotes.

    Returns:
        The cells, the end of the row, and whether a quotation mark is not closed.
    """
    pattern, cells, is_open = _CELLS[separator], list[Span](), False
    limit = min(limit, len(text))
    while True:
        match = pattern.match(text, at, limit)
        stop = match.end() if match else at
        if match and match["quoted"] is not None:
            cells.append(match.span("quoted"))
        else:
            cells.append(_bare(text, at, stop))
            is_open = is_open or text[at:stop].lstrip(" ").startswith('"')
        if stop >= limit or text[stop] == "\n":
            return tuple(cells), stop, is_open
        at = stop + 1


def _bare_cells(text: str, at: int, end: int, separator: str) -> tuple[Span, ...]:
    """Split a row without quotes."""
    if separator == "|" and text.find("\\", at, end) >= 0:
        stops = [match.start() for match in _PIPE.finditer(text, at, end)]
        return tuple(
            _bare(text, start + 1, stop) for start, stop in zip([at - 1, *stops], [*stops, end], strict=True)
        )
    cells: list[Span] = []
    for cell in text[at:end].split(separator):
        cells.append(_bare(text, at, at + len(cell)))
        at += len(cell) + 1
    return tuple(cells)


def _bare(text: str, start: int, end: int) -> Span:
    """Return a range without blanks at its ends."""
    cell = text[start:end]
    first = start + len(cell) - len(cell.lstrip(" \ufeff"))
    return first, max(first, start + len(cell.rstrip(" \r")))


def _name_and_value(text: str, at: int, end: int, separator: str) -> tuple[Span, ...]:
    """Return the name and the value in a line of a record; nothing if the line has no name."""
    middle = text.find(separator, at, min(end, at + HEADER_LONGEST))
    return (_bare(text, at, middle), _bare(text, middle + 1, end)) if middle >= 0 else ()
