"""What the shipper must not forget: the block in flight and how far each writer is shipped."""

from dataclasses import dataclass
from pathlib import Path

from extproc.evidence.spool.spool_file import connect

TABLES = """
CREATE TABLE IF NOT EXISTS writers (
  writer TEXT PRIMARY KEY, through INTEGER NOT NULL, planned INTEGER
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """One block. Once planned, its boundaries never change: they are in the deduplication token."""

    writer: str
    first: int
    last: int
    in_doubt: bool = False
    """Whether it may have been sent before."""


class ShippingState:
    """One row per writer in SQLite. Durable on return; only the shipper opens it."""

    def __init__(self, path: Path) -> None:
        """Open or make it.

        Raises:
            Error: of ``sqlite3``; it cannot be opened.
        """
        self._db = connect(path)
        self._db.executescript(TABLES)

    def through(self, writer: str) -> int | None:
        """The last sequence number in ClickHouse; None for a writer not seen before."""
        row = self._db.execute("SELECT through FROM writers WHERE writer = ?", (writer,)).fetchone()
        return None if row is None else int(row[0])

    def begin(self, writer: str, through: int) -> None:
        """Remember a new writer."""
        self._db.execute("INSERT OR IGNORE INTO writers (writer, through) VALUES (?, ?)", (writer, through))

    def pending(self, writer: str) -> Plan | None:
        """The block that was planned and not confirmed."""
        query = "SELECT through + 1, planned FROM writers WHERE writer = ? AND planned IS NOT NULL"
        row = self._db.execute(query, (writer,)).fetchone()
        return None if row is None else Plan(writer, int(row[0]), int(row[1]), in_doubt=True)

    def plan(self, plan: Plan) -> None:
        """Fix a block's boundaries before it is sent."""
        if not plan.in_doubt:
            self._db.execute("UPDATE writers SET planned = ? WHERE writer = ?", (plan.last, plan.writer))

    def shipped(self, plan: Plan) -> None:
        """Confirm a block."""
        query = "UPDATE writers SET through = ?, planned = NULL WHERE writer = ?"
        self._db.execute(query, (plan.last, plan.writer))

    def close(self) -> None:
        """Close the file."""
        self._db.close()
