"""The file of one spool: rows, their sequence, the writer's identity. One process, one thread at a time."""

import contextlib
import fcntl
import os
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from extproc.evidence.spool.entry_codec import leaf_hash
from extproc.model.errors import EvidenceError

SUFFIX = ".spool"
"""Of a spool's file; SQLite puts ``-wal`` and ``-shm`` beside it."""

BUSY_MS = 2_000
"""How long a write waits for a reader to leave, milliseconds. Readers hold no transaction open."""

TABLES = """
CREATE TABLE IF NOT EXISTS writer (
  only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, probe INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS entries (
  seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, document BLOB NOT NULL, leaf_hash BLOB NOT NULL
);
"""

Connect = Callable[[Path], sqlite3.Connection]
"""Opens the file. Tests give one that fails on purpose."""


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing: every commit is on the disk when it returns (write-ahead log, ``synchronous=FULL``).

    Raises:
        sqlite3.Error: the file cannot be opened or is no database.
    """
    db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    return db


@dataclass(frozen=True, slots=True)
class Line:
    """One entry on its way to the file."""

    time_ns: int
    document: bytes


class Ledger:
    """Appends batches with a gapless sequence from 1, which goes on where it was after any crash.

    Guarantees: when ``append`` returns, the batch is durable. When it raises, the file is shut; ``recover``
    opens it again and says whether the batch happened all the same. A second process is refused by a lock,
    which the kernel releases when its holder dies.
    """

    def __init__(self, path: Path, worker: str, *, connect: Connect = connect) -> None:
        """Lock, open and read the spool; make it where there is none.

        Raises:
            EvidenceError: the folder is not writable, another process holds the spool, or it is no spool.
        """
        self.path = path
        self._connect = connect
        self._db: sqlite3.Connection | None = None
        self._lock = -1
        self.last = 0
        """Sequence number of the newest row; 0 before the first."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _lock(path)
            self.writer = self._begin(worker)
            _sync_folder(path.parent)
        except (OSError, sqlite3.Error) as error:
            self.shut()
            raise EvidenceError(f"the spool {path.name} cannot be opened: {describe(error)}") from error

    def append(self, lines: Sequence[Line]) -> None:
        """Store lines under the next sequence numbers, all or none.

        Raises:
            sqlite3.Error: not stored, or stored without our knowing: call ``recover`` before anything else.
        """
        db = self._open()
        first = self.last + 1
        rows = [(first + i, line.time_ns, line.document, leaf_hash(line.document)) for i, line in enumerate(lines)]
        try:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO entries (seq, time_ns, document, leaf_hash) VALUES (?, ?, ?, ?)", rows)
            db.execute("COMMIT")
        except BaseException:
            self._close()
            raise
        self.last += len(rows)

    def recover(self) -> bool:
        """Open again after a failure and prove that writing works.

        What the log holds is moved to the database and synced first: after a failed sync the kernel may call
        pages clean that never reached the disk, and later commits must not stand on such a log.

        Returns:
            Whether the batch whose ``append`` raised is in the file.

        Raises:
            sqlite3.Error: it still does not work.
        """
        expected = self.last
        try:
            db = self._open()
            if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise sqlite3.OperationalError("a reader holds the log")
            self.last = _last(db)
            if self.last < expected:
                raise sqlite3.DatabaseError("durable rows are gone: their numbers must not be used again")
            db.execute("UPDATE writer SET probe = probe + 1")
        except sqlite3.Error:
            self.last = expected
            self._close()
            raise
        return self.last > expected

    def unshipped_bytes(self, through: int) -> int:
        """Bytes of the documents after a sequence number."""
        query = "SELECT coalesce(sum(length(document)), 0) FROM entries WHERE seq > ?"
        return int(self._open().execute(query, (through,)).fetchone()[0])

    def trim(self, through: int, before_ns: int, limit: int) -> int:
        """Delete some of the rows up to ``through`` that are older than ``before_ns``, oldest first.

        The newest row stays: it carries the sequence over a restart.

        Returns:
            How many were deleted; at most ``limit``.
        """
        db = self._open()
        span = "SELECT seq FROM entries WHERE seq <= ? AND time_ns < ? ORDER BY seq LIMIT ?"
        query = f"DELETE FROM entries WHERE seq IN ({span})"  # noqa: S608 - both parts are ours
        return db.execute(query, (min(through, self.last - 1), before_ns, limit)).rowcount

    def shut(self) -> None:
        """Close the file and let go of the lock."""
        self._close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _begin(self, worker: str) -> str:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = self._open()
        db.executescript(TABLES)
        name = f"{worker}-{uuid.uuid4().hex}"
        db.execute("INSERT OR IGNORE INTO writer (only, id, probe) VALUES (1, ?, 0)", (name,))
        self.last = _last(db)
        return str(db.execute("SELECT id FROM writer").fetchone()[0])

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = self._connect(self.path)
        return self._db

    def _close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._db is not None:
                self._db.close()
        self._db = None


def describe(error: Exception) -> str:
    """The kind of failure, without paths or values: the name that SQLite, the system or ClickHouse gives it."""
    names = (getattr(error, name, None) for name in ("sqlite_errorname", "strerror", "name"))
    return str(next(filter(None, names), type(error).__name__))


def _last(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchone()[0])


def _lock(path: Path) -> int:
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
