"""A spool as other processes read it: the shipper, the next worker, the doctor."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row of a spool. The types are the ones that SQLite returns; a damaged file may hold anything."""

    seq: int
    time_ns: object
    document: object
    leaf_hash: object


class SpoolReader:
    """Reads another process's spool. Opened read-only, so that it can neither change nor checkpoint the file.

    Every method reads in one short transaction: the writer can reset its write-ahead log in between.
    """

    def __init__(self, path: Path) -> None:
        """Open the spool.

        Raises:
            sqlite3.Error: the file cannot be opened, or is not a spool (yet).
        """
        self._db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0, isolation_level=None)
        try:
            self.writer = str(self._db.execute("SELECT id FROM writer").fetchall()[0][0])
        except (sqlite3.Error, IndexError) as error:
            self._db.close()
            raise sqlite3.DatabaseError(f"it names no writer: {type(error).__name__}") from error

    def last(self) -> int:
        """Return the newest sequence number; 0 if there is none."""
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchall()[0][0])

    def block_end(self, after: int, max_rows: int, max_bytes: int) -> int | None:
        """Return the last sequence number of the next block; None if there are no more rows.

        A block has at most ``max_rows`` rows and ``max_bytes`` bytes of documents; a longer document is a block
        alone.
        """
        query = "SELECT seq, length(document) FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
        end, total = None, 0
        for seq, length in self._db.execute(query, (after, max_rows)).fetchall():
            total += length or 0
            if end is not None and total > max_bytes:
                break
            end = int(seq)
        return end

    def waiting(self, after: int) -> tuple[int, int]:
        """Return the oldest time (ns) and the total bytes of the rows after a sequence number."""
        query = "SELECT min(time_ns), coalesce(sum(length(document)), 0) FROM entries WHERE seq > ?"
        oldest_ns, size = self._db.execute(query, (after,)).fetchall()[0]
        return (oldest_ns if isinstance(oldest_ns, int) else 0), int(size)

    def newest_ns(self) -> int:
        """Return the newest row's time, wall-clock nanoseconds; 0 if there is none."""
        rows = self._db.execute("SELECT time_ns FROM entries ORDER BY seq DESC LIMIT 1").fetchall()
        return rows[0][0] if rows and isinstance(rows[0][0], int) else 0

    def read(self, first: int, last: int) -> list[StoredRow]:
        """Return the rows of a block, in order."""
        query = "SELECT seq, time_ns, document, leaf_hash FROM entries WHERE seq BETWEEN ? AND ? ORDER BY seq"
        return [StoredRow(*row) for row in self._db.execute(query, (first, last)).fetchall()]

    def mentioning(self, text: str, since_ns: int) -> list[bytes]:
        """Return the documents since then that contain a text. Reads the whole spool: for rare questions."""
        query = "SELECT document FROM entries WHERE time_ns >= ? AND instr(document, CAST(? AS BLOB))"
        return [row[0] for row in self._db.execute(query, (since_ns, text)).fetchall()]

    def newest_hashes(self, rows: int) -> list[bytes]:
        """Return the leaf hashes of that many rows, newest first."""
        query = "SELECT leaf_hash FROM entries ORDER BY seq DESC LIMIT ?"
        return [row[0] for row in self._db.execute(query, (rows,)).fetchall()]

    def close(self) -> None:
        """Close the file."""
        self._db.close()
