"""Rows of SQL: ``INSERT INTO users (email, password) VALUES ('…', '…')``. The list of columns names the values.

Without a list, as ``mysqldump`` writes, the columns of ``CREATE TABLE`` in the same text count.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from extproc.masking.text.text_tables import AT_START, ROW_LONGEST, Header, Row, Span

GATES = ("VALUES", "values", "Values")
COLUMNS_LONGEST = 4_096
"""Most characters of a list of columns."""
SEPARATOR = "("
_INTO = r"\b(?:INSERT|REPLACE)\s{1,8}(?:[A-Z_]{1,16}\s{1,8}){0,2}?INTO\s{1,8}"
_TABLE = r"""(?P<table>[\w.`"\[\]$-]{1,128})"""
_INSERT = re.compile(
    rf"{_INTO}{_TABLE}\s{{0,8}}(?:\((?P<columns>[^()]{{1,{COLUMNS_LONGEST}}})\)\s{{0,8}})?"
    r"(?:OVERRIDING \w{1,8} VALUE\s{1,8})?VALUES?\s{0,8}(?=\()",
    re.IGNORECASE,
)
_BEGUN = re.compile(
    rf"{_INTO}(?:{_TABLE}\s{{0,8}}(?:\([^()]{{0,{COLUMNS_LONGEST}}}(?:\)[^();]{{0,64}})?)?)?\Z"
    r"|\b(?:INSERT|REPLACE)\s{1,8}(?:[A-Z_]{1,16}\s{1,8}){0,2}\Z",
    re.IGNORECASE,
)
"""A text that ends in a statement of which the values are still to come."""
_CREATE = re.compile(
    rf"\bCREATE\s{{1,8}}TABLE\s{{1,8}}(?:IF NOT EXISTS\s{{1,8}})?{_TABLE}\s{{0,8}}\(", re.IGNORECASE
)
_COLUMN = re.compile(r"""[ \t]*(?P<quote>[`"\[])?(?P<name>\w{1,64})[`"\]]?[ \t][^\n]{0,512}(?:\n|\Z)|[ \t\r]*\n""")
_NO_COLUMN = frozenset(
    {"primary", "key", "unique", "constraint", "index", "foreign", "check", "fulltext", "spatial"}
)
_STRING = r"(?>(?:[^'\\]|''|\\.)*)"
_VALUE = re.compile(
    rf"\s*(?:[NEBX]?'(?P<single>{_STRING})'"
    r'|"(?P<double>(?>(?:[^"\\]|""|\\.)*))"'
    r"|(?P<number>[+-]?[0-9][0-9.]*)(?=\s*[,)])"
    rf"|[\w.:]{{1,64}}\s?\(\s*(?:[NEX]?'(?P<inner>{_STRING})')?[^()']{{0,512}}"
    r"(?:\([^()]{0,512}\)[^()']{0,64})?\)"
    r"|[^,()'\"]{0,512})"
    r"(?:::?[\w ]{1,32})?\s*(?P<end>[,)]?)",
    re.DOTALL,
)
"""A string, a number, a call of a function with a string, or something else that is no value: ``?``, ``NULL``."""
_NOTHING_ELSE = re.compile(r"[\s,]*\Z")
_BETWEEN = re.compile(r"\s*,\s*(?=\()")
_MARKS = '`"[] \t\r\n'


class _Statement(NamedTuple):
    """A statement with values."""

    start: int
    header: Header
    rows: tuple[Row, ...]
    end: int
    is_open: bool
    """More values may follow."""


def sql_rows(text: str) -> Iterator[Row]:
    """Yield the rows of all statements, each with the names of its columns."""
    for statement in _statements(text):
        yield from statement.rows


def unbroken(text: str, tells: Callable[[str], bool]) -> Iterator[Span]:
    """Yield the ranges of statements with a column that tells, and of one that is not at its values yet."""
    for statement in _statements(text):
        if any(map(tells, statement.header.names)):
            yield statement.start, len(text) if statement.is_open else statement.end
    last = text[-COLUMNS_LONGEST - 512 :]
    small = last.lower()
    if ("insert" in small or "replace" in small) and (begun := _BEGUN.search(last)):
        yield len(text) - len(last) + begun.start(), len(text)


def _statements(text: str) -> Iterator[_Statement]:
    if not any(gate in text for gate in GATES):
        return
    tables: dict[str, tuple[str, ...]] | None = None
    for insert in _INSERT.finditer(text):
        if insert["columns"] is None:
            tables = tables if tables is not None else dict(_tables(text))
            names = tables.get(_bare(insert["table"]), ())
        else:
            names = tuple(map(_bare, insert["columns"].split(",")))
        if names:
            header = Header("", SEPARATOR, names)
            rows, end = _rows(text, insert.end(), header)
            is_cut_off = text[end - 1] != ")" and len(text) - end < ROW_LONGEST
            is_open = is_cut_off or _NOTHING_ELSE.match(text, end) is not None
            yield _Statement(insert.start(), header, tuple(rows), end, is_open)


def _rows(text: str, at: int, header: Header) -> tuple[list[Row], int]:
    rows: list[Row] = []
    while text.startswith("(", at):
        start, cells = at, list[Span]()
        at += 1
        while value := _VALUE.match(text, at):
            kind = next((each for each in ("single", "double", "number", "inner") if value[each] is not None), "")
            cells.append(value.span(kind) if kind else (value.start("end"), value.start("end")))
            at = value.end()
            if value["end"] != ",":
                break
        rows.append(Row(start, at, header, tuple(cells), AT_START))
        if text[at - 1] != ")":
            return rows, at
        if between := _BETWEEN.match(text, at):
            at = between.end()
    return rows, at


def _tables(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the tables that a text creates, with their columns: one in each line."""
    read = 0
    for create in _CREATE.finditer(text):
        if create.start() < read:
            continue
        names, at = list[str](), text.find("\n", create.end(), create.end() + 8) + 1
        while at > 0 and (line := _COLUMN.match(text, at)):
            if line["name"] and (line["quote"] or line["name"].lower() not in _NO_COLUMN):
                names.append(line["name"])
            at = read = line.end() if line.end() > at else -1
        yield _bare(create["table"]), tuple(names)


def _bare(name: str) -> str:
    """Return a name without quotation marks, and without that of its schema."""
    return name.rpartition(".")[2].strip(_MARKS)
