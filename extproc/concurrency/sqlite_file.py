"""A store in one SQLite file, which the processes of a machine share: its opening, versions, reads and writes.

Not done here: the meaning of its tables. Every failure becomes the store's own error, on which users fail closed.
"""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from extproc.concurrency.sqlite_wal import switch_to_wal

T = TypeVar("T")
PAUSE_S = (0.000_2, 0.001_5)
"""Seconds between two attempts to begin to write."""
PRIMARY = 0xFF
"""The bits of an error code that say its kind."""
FileId: TypeAlias = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """The marks by which a store's file differs from other databases, and from its other versions."""

    name: str
    """The store's name in errors: ``the approvals store``."""
    application_id: int
    """``PRAGMA application_id``."""
    version: int
    """``PRAGMA user_version``."""
    schema: str
    """SQL statements of a new file, each with its semicolon."""
    error: type[Exception]
    """Raised with a message, whatever fails."""
    passes: type[Exception]
    """Errors that the work on the store raises on purpose: they pass, and the connection stays good."""
    migrations: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Statements that bring an older version to this one."""


class SqliteFile:
    """One store's file. Make one per process; its methods may be called from any thread.

    Only the constructor creates the file. A file that disappears later is an error, never an empty store; a file
    that was replaced is opened again.
    """

    def __init__(
        self,
        path: Path,
        file_format: FileFormat,
        *,
        busy_s: float,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        """Open the file; create it if there is none.

        Args:
            path: the file.
            file_format: of the store.
            busy_s: seconds to wait for another process's transaction.
            factory: the class of connections. Tests pass one that fails on purpose.

        Raises:
            Exception: ``file_format.error``: the file cannot be used, or belongs to another program.
        """
        self._path = path
        self._format = file_format
        self._busy_s = busy_s
        self._factory = factory
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._file: FileId | None = None
        with self._our_errors():
            self._create()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run one transaction; durable on return. If it raises, nothing is stored, unless the commit failed."""

        def transaction(db: sqlite3.Connection) -> T:
            self._begin(db)
            try:
                result = work(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return result

        with self._turn_to_write():
            return self.read(transaction)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run queries. Each sees what is committed by then."""
        with self._our_errors(), self._connection() as db:
            return work(db)

    def close(self) -> None:
        """Close the idle connections. The store may be used again afterwards."""
        with self._lock:
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        """Let one thread at a time write: SQLite makes waiters sleep, and those that come later overtake them.

        Raises:
            Exception: the format's error: the others were not done in time.
        """
        if not self._writing.acquire(timeout=self._busy_s):
            raise self._format.error(f"{self._format.name} failed: SQLITE_BUSY")
        try:
            yield
        finally:
            self._writing.release()

    def _begin(self, db: sqlite3.Connection) -> None:
        """Begin a transaction once no other process writes.

        SQLite's own waiters sleep longer and longer, so that a process which writes without a pause starves them.
        """
        deadline = time.monotonic() + self._busy_s
        db.execute("PRAGMA busy_timeout = 0")
        while True:
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
                time.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - no secret
            else:
                break
        db.execute(f"PRAGMA busy_timeout = {int(self._busy_s * 1_000)}")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection to the file that is at the path now. A connection that failed is not used again."""
        file, db = self._take()
        try:
            yield db
        except self._format.passes:
            self._give_back(file, db)
            raise
        except BaseException:
            db.close()
            raise
        self._give_back(file, db)

    def _take(self) -> tuple[FileId, sqlite3.Connection]:
        if os.getpid() != self._pid:
            raise self._format.error(f"{self._format.name} was opened in another process")
        file = self._drop_connections_to_a_replaced_file()
        with self._lock:
            if self._idle:
                return file, self._idle.pop()
        return file, self._connect()

    def _drop_connections_to_a_replaced_file(self) -> FileId:
        # SQLite goes on writing to an unlinked file, which nobody else reads.
        stat = self._path.stat()
        file = (stat.st_dev, stat.st_ino)
        with self._lock:
            stale, self._idle = (self._idle, []) if file != self._file else ([], self._idle)
            self._file = file
        for db in stale:
            db.close()
        return file

    def _give_back(self, file: FileId, db: sqlite3.Connection) -> None:
        with self._lock:
            if file == self._file:
                self._idle.append(db)
                return
        db.close()

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """Turn whatever SQLite or the file system raises into the store's own error."""
        try:
            yield
        except (self._format.passes, self._format.error):
            raise
        except Exception as error:  # noqa: BLE001 - an unforeseen error fails closed, too
            # The name alone: SQLite's message may quote a row.
            name = getattr(error, "sqlite_errorname", "") or type(error).__name__
            raise self._format.error(f"{self._format.name} failed: {name}") from None

    def _create(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None)) as db:
            (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables:
                self._migrate(db)
                self._check_ours(db)
                return
            switch_to_wal(db, self._busy_s)
            db.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id = {self._format.application_id};"
                f"PRAGMA user_version = {self._format.version}; {self._format.schema} COMMIT;"
            )

    def _migrate(self, db: sqlite3.Connection) -> None:
        """Bring a file of an older version to this version. Processes that start together do so once."""
        if not self._migration(db):
            return  # without a lock: neither a busy store nor another program's file is waited for
        db.execute("BEGIN IMMEDIATE")
        for statement in (migration := self._migration(db)):
            db.execute(statement)
        if migration:
            db.execute(f"PRAGMA user_version = {self._format.version}")
        db.execute("COMMIT")

    def _migration(self, db: sqlite3.Connection) -> tuple[str, ...]:
        application, version = _version(db)
        return self._format.migrations.get(version, ()) if application == self._format.application_id else ()

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        db = sqlite3.connect(
            uri,
            uri=True,
            timeout=self._busy_s,
            isolation_level=None,
            check_same_thread=False,
            factory=self._factory,
        )
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            self._check_ours(db)
        except BaseException:
            db.close()
            raise
        return db

    def _check_ours(self, db: sqlite3.Connection) -> None:
        if _version(db) != (self._format.application_id, self._format.version):
            raise self._format.error(f"{self._format.name}'s file is not a store of this version")


def _version(db: sqlite3.Connection) -> tuple[int, int]:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return application, version
