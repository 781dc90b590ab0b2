"""Count each caller's calls, for rules about rates and budgets. All workers of a machine share the counters.

Every call that reaches policy is counted, whatever the decision. A window's count may be too high by the calls in
its oldest part (5 s of a minute, a minute of an hour, an hour of a day), but never too low.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from extproc.concurrency.sqlite_wal import switch_to_wal
from extproc.model.errors import PolicyError
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.policy.contract.call_usage import Usage
from extproc.policy.contract.text_digest import digest

PARTS = {"minute": (5, 12), "hour": (60, 60), "day": (3_600, 24)}
"""For each window: seconds of one part, and how many whole parts are counted besides the current one."""
BUSY_S = 0.5
"""The longest wait for another worker's write."""
CLEAN_EVERY = 1_000
"""Counted calls between two removals of rows that no window reaches."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS usage (
  key TEXT NOT NULL, window TEXT NOT NULL, part INTEGER NOT NULL, calls INTEGER NOT NULL,
  PRIMARY KEY (key, window, part)
) WITHOUT ROWID
"""
COUNT = "INSERT INTO usage VALUES (?, ?, ?, 1) ON CONFLICT (key, window, part) DO UPDATE SET calls = calls + 1"
SUM = "SELECT coalesce(sum(calls), 0) FROM usage WHERE key = ? AND window = ? AND part BETWEEN ? AND ?"
CLEAN = "DELETE FROM usage WHERE window = ? AND part < ?"


class UsageStore:
    """One SQLite file, safe for threads and processes. A counter is not evidence: no call waits for the disk."""

    def __init__(self, path: Path | None, *, clean_every: int = CLEAN_EVERY) -> None:
        """Make a store. The file is opened with the first count.

        Args:
            path: the file, made with its folder if it is missing; None: memory.
            clean_every: counted calls between two removals of old rows.
        """
        self._path, self._clean_every = path, clean_every
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._counted = 0

    def count(self, issuer: str, subject: str, function: str, now_ns: int) -> Usage:
        """Count one call.

        Args:
            issuer: with ``subject``, the caller. Only a digest of both is stored.
            subject: see ``issuer``.
            function: ``connection.name``.
            now_ns: wall-clock nanoseconds.

        Returns:
            The calls so far, this one included.

        Raises:
            PolicyError: the store cannot be used. The call must not go on as if nothing had been counted.
        """
        now_s = now_ns // NANOSECONDS_PER_SECOND
        caller = digest([issuer, subject])
        try:
            with self._lock, self._transaction() as connection:
                usage = Usage(
                    _count(connection, caller, now_s), _count(connection, digest([caller, function]), now_s)
                )
                self._clean(connection, now_s)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise PolicyError(f"the usage store cannot be used ({type(error).__name__})") from None
        return usage

    def close(self) -> None:
        """Close the file. The next count opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection = self._connection or _open(self._path)
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")

    def _clean(self, connection: sqlite3.Connection, now_s: int) -> None:
        self._counted += 1
        if self._counted % self._clean_every == 1:
            for window, (seconds, parts) in PARTS.items():
                connection.execute(CLEAN, (window, now_s // seconds - parts))


def _count(connection: sqlite3.Connection, key: str, now_s: int) -> dict[str, int]:
    found = {}
    for window, (seconds, parts) in PARTS.items():
        part = now_s // seconds
        connection.execute(COUNT, (key, window, part))
        found[window] = int(connection.execute(SUM, (key, window, part - parts, part)).fetchone()[0])
    return found


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path or ":memory:", timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    if path is not None:
        path.chmod(0o600)
    switch_to_wal(connection, BUSY_S)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(SCHEMA)
    return connection
