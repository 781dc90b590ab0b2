"""The SQLite file of one spool: rows, their sequence, the writer's identity. One process and one thread use it."""

import contextlib
import os
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from extproc.concurrency.locked_file import open_locked
from extproc.evidence.spool.entry_codec import leaf_hash
from extproc.model.errors import EvidenceError

SUFFIX = ".spool"
"""Suffix of a spool's file; SQLite puts ``-wal`` and ``-shm`` files beside it."""

BUSY_MS = 2_000
"""Milliseconds that a write waits for a reader to finish. Readers keep no transaction open."""

TABLES = """
CREATE TABLE IF NOT EXISTS writer (
  only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, probe INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS entries (
  seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, document BLOB NOT NULL, leaf_hash BLOB NOT NULL
);
"""

Connect = Callable[[Path], sqlite3.Connection]
"""Opens the file. Tests pass one that fails on purpose."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a database for writing. A commit that returns is on the disk (write-ahead log, ``synchronous=FULL``).

    Raises:
        sqlite3.Error: the file cannot be opened, or is not a database.
    """
    db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    return db


@dataclass(frozen=True, slots=True)
class NewRow:
    """One entry that is about to be stored."""

    time_ns: int
    document: bytes


class SpoolFile:
    """Appends batches under a gapless sequence from 1, which continues after any crash.

    Guarantees: when ``append`` returns, the batch is durable. When ``append`` raises, the file is closed;
    ``recover`` opens it again and tells whether the batch was stored nevertheless. A second process is refused
    by a lock, which the kernel releases when its holder dies.
    """

    def __init__(self, path: Path, worker: str, *, connect: Connect = connect) -> None:
        """Lock and open the spool; create it if there is none.

        Raises:
            EvidenceError: the folder is not writable, another process holds the spool, or the file is not a spool.
        """
        self.path = path
        self._connect = connect
        self._db: sqlite3.Connection | None = None
        self._lock = -1
        self.last = 0
        """Sequence number of the newest row; 0 before the first."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = open_locked(path.with_suffix(".lock"), os.O_CREAT)
            self.writer = self._initialize(worker)
            _sync_folder(path.parent)
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise EvidenceError(f"the spool {path.name} cannot be opened: {describe(error)}") from error

    def append(self, new: Sequence[NewRow]) -> None:
        """Store rows under the next sequence numbers, all or none.

        Raises:
            sqlite3.Error: the rows may or may not be stored; call ``recover`` before anything else.
        """
        db = self._connected()
        first = self.last + 1
        rows = [(first + i, one.time_ns, one.document, leaf_hash(one.document)) for i, one in enumerate(new)]
        try:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO entries (seq, time_ns, document, leaf_hash) VALUES (?, ?, ?, ?)", rows)
            db.execute("COMMIT")
        except BaseException:
            self._disconnect()
            raise
        self.last += len(rows)

    def recover(self) -> bool:
        """Open the file again after a failure, and prove that writing works.

        The content of the write-ahead log is first moved to the database and synced: after a failed sync the
        kernel may mark pages as clean that never reached the disk, and later commits must not build on such a
        log.

        Returns:
            True if the batch whose ``append`` raised is in the file.

        Raises:
            sqlite3.Error: writing still fails.
        """
        expected = self.last
        try:
            db = self._connected()
            if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise sqlite3.OperationalError("a reader holds the log")
            self.last = _last(db)
            if self.last < expected:
                raise sqlite3.DatabaseError("durable rows are gone: their numbers must not be used again")
            db.execute("UPDATE writer SET probe = probe + 1")
        except sqlite3.Error:
            self.last = expected
            self._disconnect()
            raise
        return self.last > expected

    def unshipped_bytes(self, acked_seq: int) -> int:
        """Return the total size of the documents after a sequence number, in bytes."""
        query = "SELECT coalesce(sum(length(document)), 0) FROM entries WHERE seq > ?"
        return int(self._connected().execute(query, (acked_seq,)).fetchone()[0])

    def trim(self, acked_seq: int, before_ns: int, limit: int) -> int:
        """Delete rows up to ``acked_seq`` that are older than ``before_ns``, oldest first.

        The newest row stays: it carries the sequence over a restart.

        Returns:
            The number of deleted rows, at most ``limit``.
        """
        db = self._connected()
        span = "SELECT seq FROM entries WHERE seq <= ? AND time_ns < ? ORDER BY seq LIMIT ?"
        query = f"DELETE FROM entries WHERE seq IN ({span})"  # noqa: S608 - both parts are ours
        return db.execute(query, (min(acked_seq, self.last - 1), before_ns, limit)).rowcount

    def close(self) -> None:
        """Close the file and release the lock."""
        self._disconnect()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _initialize(self, worker: str) -> str:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = self._connected()
        db.executescript(TABLES)
        name = f"{worker}-{uuid.uuid4().hex}"
        db.execute("INSERT OR IGNORE INTO writer (only, id, probe) VALUES (1, ?, 0)", (name,))
        self.last = _last(db)
        return str(db.execute("SELECT id FROM writer").fetchone()[0])

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = self._connect(self.path)
        return self._db

    def _disconnect(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._db is not None:
                self._db.close()
        self._db = None


def describe(error: Exception) -> str:
    """Return the name that SQLite, the system or ClickHouse gives to a failure: no path, and no value."""
    names = (getattr(error, name, None) for name in ("sqlite_errorname", "strerror", "name"))
    return str(next(filter(None, names), type(error).__name__))


def _last(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchone()[0])


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
