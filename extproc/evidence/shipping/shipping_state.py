"""The shipper's durable state: the block in flight, and the last shipped sequence number of each writer."""

from dataclasses import dataclass
from pathlib import Path

from extproc.evidence.spool.spool_file import connect

TABLES = """
CREATE TABLE IF NOT EXISTS writers (
  writer TEXT PRIMARY KEY, through INTEGER NOT NULL, planned INTEGER
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class InFlightBlock:
    """A block that is being sent. Its boundaries never change: they are in the deduplication token."""

    writer: str
    first: int
    last: int
    in_doubt: bool = False
    """True if it may have been sent before."""


class ShippingState:
    """One row per writer in SQLite. Changes are durable on return; only the shipper opens the file."""

    def __init__(self, path: Path) -> None:
        """Open the file; create it if there is none.

        Raises:
            sqlite3.Error: the file cannot be opened.
        """
        self._db = connect(path)
        self._db.executescript(TABLES)

    def acked_seq(self, writer: str) -> int | None:
        """Return the last sequence number in ClickHouse; None for an unknown writer."""
        row = self._db.execute("SELECT through FROM writers WHERE writer = ?", (writer,)).fetchone()
        return None if row is None else int(row[0])

    def add_writer(self, writer: str, acked_seq: int) -> None:
        """Store a new writer."""
        self._db.execute("INSERT OR IGNORE INTO writers (writer, through) VALUES (?, ?)", (writer, acked_seq))

    def in_flight(self, writer: str) -> InFlightBlock | None:
        """Return the block that was started and not finished."""
        query = "SELECT through + 1, planned FROM writers WHERE writer = ? AND planned IS NOT NULL"
        row = self._db.execute(query, (writer,)).fetchone()
        return None if row is None else InFlightBlock(writer, int(row[0]), int(row[1]), in_doubt=True)

    def start(self, block: InFlightBlock) -> None:
        """Fix a block's boundaries before it is sent."""
        if not block.in_doubt:
            self._db.execute("UPDATE writers SET planned = ? WHERE writer = ?", (block.last, block.writer))

    def finish(self, block: InFlightBlock) -> None:
        """Confirm a block: it is in ClickHouse."""
        query = "UPDATE writers SET through = ?, planned = NULL WHERE writer = ?"
        self._db.execute(query, (block.last, block.writer))

    def close(self) -> None:
        """Close the file."""
        self._db.close()
