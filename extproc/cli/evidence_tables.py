"""Print rows of evidence: as a table for people, as JSON or CSV for programs."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence

from rich.table import Table

from extproc.console.printable import plain, printable


def make_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table whose cells cannot steer the terminal. Ids are never cut, so that they can be copied."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(plain(name), no_wrap=str(name).endswith("_id"), overflow="fold")
    for row in rows:
        table.add_row(*(plain(_cell_value(value)) for value in row))
    return table


def _cell_value(value: object) -> object:
    """Return nested values as JSON, and lists of words as they are."""
    nested = isinstance(value, dict) or (
        isinstance(value, list) and not all(isinstance(each, str) for each in value)
    )
    return json.dumps(value, ensure_ascii=False) if nested else value


def print_json(document: object) -> None:
    """Print JSON. ASCII only: characters that could steer a terminal are escaped."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def print_csv(rows: Iterable[Sequence[object]]) -> None:
    """Print CSV (RFC 4180): exact into a file or a pipe; on a terminal, escaped so that it cannot steer it."""
    shown = printable if sys.stdout.isatty() else str
    writer = csv.writer(sys.stdout)
    for row in rows:
        writer.writerow(shown(_csv_value(value)) for value in row)


def _csv_value(value: object) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
