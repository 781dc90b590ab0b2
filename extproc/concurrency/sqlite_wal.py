"""Switch an SQLite file to its write-ahead log while other processes open it too.

SQLite does not call its busy handler for this switch: of several that open a new file at once, all but one get
``SQLITE_BUSY`` at once (sqlite.org, "Write-Ahead Logging", section 3 and ``sqlite3_busy_handler``).
"""

import sqlite3
import time

PAUSE_S = 0.005
"""Seconds between two attempts."""


def switch_to_wal(connection: sqlite3.Connection, busy_s: float) -> None:
    """Switch the connection's file to a write-ahead log. A file that has one already stays as it is.

    Args:
        connection: to the file, outside of a transaction.
        busy_s: seconds to go on trying while others hold the file.

    Raises:
        sqlite3.OperationalError: the file stayed busy, or cannot be switched.
    """
    until = time.monotonic() + busy_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(PAUSE_S)
        else:
            return
