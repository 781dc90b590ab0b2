"""Tables of HTML in a whole text (HTML Standard section 4.9): rows under names, and pairs of cells."""

import re
from collections.abc import Iterator

from extproc.masking.text.text_tables import AT_START, NAME_LONGEST, Header, Row, Span, naming_column

_TAG = re.compile(r"<(?P<end>/?)(?P<name>table|tr|th|td)\b[^<>]{0,1000}>", re.IGNORECASE)
_AROUND = re.compile(r"(?:\s|<[^<>]{1,1000}>)*")
_INNER = re.compile(r"<[^<>]{1,1000}>")
_NAME = re.compile(rf"[^\W\d][^\n<>]{{0,{NAME_LONGEST}}}")
SEPARATOR = "<"
PAIR = Header("", SEPARATOR, is_strict=False)
LAST = "</table>"


def html_rows(text: str) -> Iterator[Row]:
    """Yield the rows of all tables. What is read as prose in them still counts: tags have names, too."""
    names: tuple[str, ...] = ()
    cells: list[Span] = []
    kinds: set[str] = set()
    row = cell = -1
    for tag in _TAG.finditer(text + LAST):
        name, is_end = tag["name"].lower(), bool(tag["end"])
        if cell >= 0:
            cells.append(_inside(text, cell, tag.start()))
            cell = -1
        if name in ("th", "td"):
            if not is_end and row >= 0:
                cell = tag.end()
                kinds.add(name)
            continue
        if row >= 0 and cells:
            if _is_labelled(text, cells):
                yield Row(row, tag.start(), PAIR, tuple(cells), AT_START)
            elif names or (len(cells) == 2 and not _may_head(text, cells, kinds)):  # noqa: PLR2004 - name and value
                header = Header(SEPARATOR, SEPARATOR, names, naming_column(names), is_strict=False)
                yield Row(row, tag.start(), header if names else PAIR, tuple(cells), AT_START)
            elif _may_head(text, cells, kinds):
                names = tuple(_text(text, each) for each in cells)
        if name == "table":
            names = ()
        row, cells, kinds = (tag.start() if name == "tr" and not is_end else -1), [], set()


def _is_labelled(text: str, cells: list[Span]) -> bool:
    """Return whether a row is a label with a colon, and its value."""
    return len(cells) == 2 and _ends_label(text, cells[0]) and not _ends_label(text, cells[1])  # noqa: PLR2004


def _ends_label(text: str, cell: Span) -> bool:
    return _text(text, cell).endswith((":", "："))  # noqa: RUF001 - as Chinese writes it


def _may_head(text: str, cells: list[Span], kinds: set[str]) -> bool:
    """Return whether the first row of a table has names only, all in cells of one kind."""
    found = [_text(text, each) for each in cells]
    return len(kinds) == 1 and any(found) and all(not each or _NAME.fullmatch(each) for each in found)


def _text(text: str, cell: Span) -> str:
    start, end = cell
    return _INNER.sub("", text[start : min(end, start + 4 * NAME_LONGEST)]).strip()


def _inside(text: str, start: int, end: int) -> Span:
    """Return the range of a cell without blanks and tags at its ends."""
    found = _AROUND.match(text, start, end)
    start = found.end() if found else start
    while end > start and (text[end - 1].isspace() or text[end - 1] == ">"):
        opens = text.rfind("<", start, end) if text[end - 1] == ">" else end - 1
        if opens < 0:
            break
        end = opens
    return start, end
