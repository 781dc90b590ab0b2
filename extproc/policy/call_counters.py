"""How often a caller has called: counters that all workers of a machine share, for rules about rates and budgets.

Counted is every call that policy is asked about, whatever it then says. A window's count may be too high by what
falls out of its oldest part (5 s of a minute, a minute of an hour, an hour of a day), never too low.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from extproc.model.errors import PolicyError
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.policy.contract.call_usage import Usage
from extproc.policy.contract.text_digest import digest

PARTS = {"minute": (5, 12), "hour": (60, 60), "day": (3_600, 24)}
"""For each window: seconds of one part, and how many whole parts are counted besides the current one."""
BUSY_S = 0.5
"""Longest wait for another worker's write."""
CLEAN_EVERY = 1_000
"""Counts between two removals of what no window reaches."""
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
    """One SQLite file, safe for threads and processes. A counter is not evidence: nothing waits for the disk."""

    def __init__(self, path: Path) -> None:
        """Open it when it is needed.

        Args:
            path: made if missing, with its folder.
        """
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._counted = 0

    def count(self, issuer: str, subject: str, function: str, now_ns: int) -> Usage:
        """Count one call, and say how many there were.

        Args:
            issuer: with ``subject``, who calls; kept as a digest only.
            subject: see there.
            function: ``connection.name``.
            now_ns: wall-clock nanoseconds.

        Raises:
            PolicyError: the store cannot be used; nobody may then go on as if nothing had been counted.
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
        """Close the file. Counting opens it again."""
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
        if self._counted % CLEAN_EVERY == 1:
            for window, (seconds, parts) in PARTS.items():
                connection.execute(CLEAN, (window, now_s // seconds - parts))


def _count(connection: sqlite3.Connection, key: str, now_s: int) -> dict[str, int]:
    found = {}
    for window, (seconds, parts) in PARTS.items():
        part = now_s // seconds
        connection.execute(COUNT, (key, window, part))
        found[window] = int(connection.execute(SUM, (key, window, part - parts, part)).fetchone()[0])
    return found


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    path.chmod(0o600)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(SCHEMA)
    return connection
