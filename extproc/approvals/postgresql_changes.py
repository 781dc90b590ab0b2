"""Listens to the changes of the approvals in PostgreSQL, on a connection of its own."""

import selectors
import socket
import threading
import time
from contextlib import suppress

import psycopg

from extproc.approvals.postgresql_database import ANSWER_S, BoundedConnection, PostgresDatabase
from extproc.approvals.postgresql_schema import CHANNEL
from extproc.model.errors import ApprovalError

PAUSE_S = 0.2
"""Least seconds between the loss of a connection and the next one."""


class PostgresChanges:
    """Implements ``Changes`` by ``LISTEN``. A lost connection is made again by the next ``wait``.

    What changes while there is no connection is told by nobody: ``wait`` returns True once there is one again, and
    its caller asks the store by itself until then.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        """Listen to nothing yet: the first ``wait`` connects."""
        self._database = database
        self._db: BoundedConnection | None = None
        self._ending, self._end = socket.socketpair()
        self._in_use = threading.Lock()
        self._ended = False

    def wait(self, timeout_s: float) -> bool:
        """Wait until something changed, or may have changed unseen; False if nothing did in that time."""
        until = time.monotonic() + timeout_s
        with self._in_use:
            if self._ended:
                return False
            if self._db is None:
                return self._connect(until)
            try:
                return self._wait(self._db, until)
            except (psycopg.Error, OSError, ValueError):
                self._disconnect()
                self._rest(min(PAUSE_S, timeout_s))
                return True

    def close(self) -> None:
        """Stop listening, and wake who waits. Any thread may call it."""
        self._ended = True
        with suppress(OSError):
            self._end.send(b"x")
        with self._in_use:
            self._disconnect()
            self._ending.close()
            self._end.close()

    def _connect(self, until: float) -> bool:
        try:
            self._db = self._database.connect()
            self._db.deadline = time.monotonic() + ANSWER_S
            self._db.execute(f"LISTEN {CHANNEL}")
        except (ApprovalError, psycopg.Error):
            self._disconnect()
            self._rest(until - time.monotonic())
            return False
        return True

    def _wait(self, db: BoundedConnection, until: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(db.fileno(), selectors.EVENT_READ)
            selector.register(self._ending, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                ready = {key.fileobj for key, _ in selector.select(left)}
                if self._ending in ready:
                    return False
                if ready and self._told(db):
                    return True
        return False

    def _told(self, db: BoundedConnection) -> bool:
        db.deadline = time.monotonic() + ANSWER_S
        return bool(list(db.notifies(timeout=0)))

    def _rest(self, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ending, selectors.EVENT_READ)
            selector.select(max(0.0, seconds))

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()
