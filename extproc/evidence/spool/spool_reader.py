"""A spool as the shipper sees it, and its rows as ClickHouse takes them."""

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from extproc.evidence.shipping.tables import ENTRY_COLUMNS
from extproc.evidence.spool.entry_codec import DEFAULTS, decode_entry, leaf_hash
from extproc.model.entries import Entry

HASH_MISMATCH = "leaf-hash-mismatch"
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row of a spool. The types are what SQLite gives; a damaged file may hold anything."""

    seq: int
    time_ns: object
    document: object
    leaf_hash: object


class SpoolReader:
    """Reads another process's spool. Opened read-only, so it can neither change nor checkpoint it.

    Every method reads in one short transaction: the writer's log can be reset between them.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            sqlite3.Error: it cannot be opened, or is no spool yet.
        """
        self._db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0, isolation_level=None)
        try:
            self.writer = str(self._db.execute("SELECT id FROM writer").fetchall()[0][0])
        except (sqlite3.Error, IndexError) as error:
            self._db.close()
            raise sqlite3.DatabaseError(f"no writer is named in it: {type(error).__name__}") from error

    def last(self) -> int:
        """The newest sequence number; 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchall()[0][0])

    def block_end(self, after: int, rows: int, size: int) -> int | None:
        """Last sequence number of the next block: at most so many rows, and bytes unless one row has more."""
        query = "SELECT seq, length(document) FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
        end, total = None, 0
        for seq, length in self._db.execute(query, (after, rows)).fetchall():
            total += length or 0
            if end is not None and total > size:
                break
            end = int(seq)
        return end

    def waiting(self, after: int) -> tuple[int, int]:
        """Of the rows after a sequence number: the oldest one's time in nanoseconds, and all their bytes."""
        query = "SELECT min(time_ns), coalesce(sum(length(document)), 0) FROM entries WHERE seq > ?"
        oldest_ns, size = self._db.execute(query, (after,)).fetchall()[0]
        return (oldest_ns if isinstance(oldest_ns, int) else 0), int(size)

    def newest_ns(self) -> int:
        """The newest row's time, wall-clock nanoseconds; 0 when there is none."""
        rows = self._db.execute("SELECT time_ns FROM entries ORDER BY seq DESC LIMIT 1").fetchall()
        return rows[0][0] if rows and isinstance(rows[0][0], int) else 0

    def read(self, first: int, last: int) -> list[StoredRow]:
        """The rows of a block, in order."""
        query = "SELECT seq, time_ns, document, leaf_hash FROM entries WHERE seq BETWEEN ? AND ? ORDER BY seq"
        return [StoredRow(*row) for row in self._db.execute(query, (first, last)).fetchall()]

    def mentioning(self, text: str, since_ns: int) -> list[bytes]:
        """Documents of entries made since then that have this text in them. Reads all: for rare questions."""
        query = "SELECT document FROM entries WHERE time_ns >= ? AND instr(document, CAST(? AS BLOB))"
        return [row[0] for row in self._db.execute(query, (since_ns, text)).fetchall()]

    def newest_hashes(self, rows: int) -> list[bytes]:
        """Leaf hashes of that many rows, the newest first."""
        query = "SELECT leaf_hash FROM entries ORDER BY seq DESC LIMIT ?"
        return [row[0] for row in self._db.execute(query, (rows,)).fetchall()]

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def insert_row(writer: str, stored: StoredRow) -> tuple[list[object], str]:
    """Make a row for ``INSERT_COLUMNS``. Never refuses: a damaged row is shipped as what is left of it.

    Returns:
        The row, and what is damaged about it; empty when nothing is.
    """
    document = stored.document if isinstance(stored.document, bytes) else b""
    leaf = stored.leaf_hash if isinstance(stored.leaf_hash, bytes) else b""
    damage = "" if leaf_hash(document) == leaf else HASH_MISMATCH
    try:
        entry = decode_entry(document)
    except ValueError:
        entry, damage = replace(DEFAULTS, time_ns=_time(stored)), damage or UNREADABLE
    log = [writer, stored.seq, leaf.hex(), document.decode("utf-8", "backslashreplace"), damage]
    return log + _columns(entry, known=damage != UNREADABLE), damage


def _columns(entry: Entry, *, known: bool) -> list[object]:
    values = [getattr(entry, name) for name in ENTRY_COLUMNS]
    at = list(ENTRY_COLUMNS).index("findings")
    values[at] = [(one.entity, one.path, one.how, one.count) for one in entry.findings]
    if not known:
        values[list(ENTRY_COLUMNS).index("kind")] = ""
    return values


def _time(stored: StoredRow) -> int:
    return stored.time_ns if isinstance(stored.time_ns, int) else 0
