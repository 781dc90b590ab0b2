"""Connections to the approvals database: a few per process, and a time limit for each operation.

Not bounded here: the name lookup of the server's host, which is the system's.
"""

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from extproc.approvals.postgresql_address import connection_parameters
from extproc.approvals.postgresql_schema import MIGRATION_S, READ_VERSION, VERSIONS, bring_up_to_date, is_current
from extproc.model.errors import ApprovalError, ExtprocError

T = TypeVar("T")
CONNECTIONS = 4
"""Most connections of one process, without the one that listens."""
TURN_S = 2.0
"""Seconds that a thread waits for one of them."""
ANSWER_S = 4.0
"""Seconds of one operation, after which its connection is given up: a server may be there and not answer."""
LOCK_MS, STATEMENT_MS, IDLE_MS = 2_000, 3_000, 10_000
"""Milliseconds after which the server ends a wait for a lock, a statement, and a transaction that does nothing."""
TRIES = 3
"""Attempts at a transaction that the server rolls back because it crossed another one."""
CHECK_S = 0.1
SESSION = (
    f"SET statement_timeout = {STATEMENT_MS}; SET lock_timeout = {LOCK_MS};"
    f" SET idle_in_transaction_session_timeout = {IDLE_MS};"
    # Nobody else's function or table is taken for one of ours.
    " SET search_path = pg_catalog, pg_temp; SET client_min_messages = error;"
    " SET default_transaction_isolation = 'read committed';"
    # A commit is on disk when it returns. Where the server waits for a replica too, it goes on doing so.
    " SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
)
BEGIN = f"BEGIN; {READ_VERSION}"
COMMIT = "SET LOCAL statement_timeout = 0; COMMIT"
"""The server confirms a commit that times out while it waits for a replica: only the client may give it up."""
WHY_NO_CONNECTION = {
    "password authentication failed": "the server refused the role or its password",
    "no password supplied": "the server asks for a password: see PGPASSFILE",
    "no pg_hba.conf entry": "the server's pg_hba.conf refuses this role, database or address",
    "is not permitted to log in": "the role may not log in",
    "does not exist": "the role or the database does not exist",
    "certificate verify failed": "the server's certificate is not trusted: see sslrootcert",
    "does not match host name": "the server's certificate is for another name",
    "does not support SSL": "the server does not speak TLS, which sslmode asks for",
    "root certificate file": "the file of sslrootcert cannot be read",
    "session is read-only": "the server takes no writes",
    "hot standby": "the server takes no writes",
    "too many": "the server has no connection left",
    "remaining connection slots": "the server has no connection left",
    "starting up": "the server is starting up",
    "shutting down": "the server is shutting down",
    "Connection refused": "connection refused",
    "No such file or directory": "no server at this socket",
    "translate host name": "the host name is unknown",
    "failed to resolve": "the host name is unknown",
    "timeout": "no answer in time",
}
"""Texts of libpq, and our words in their place: libpq's own words may hold what a server sends."""


class StoreAwayError(ApprovalError):
    """The database cannot be reached, or cannot do what it does at other times. It may come back by itself."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up waiting for its server at a deadline."""

    deadline = float("inf")
    """On the monotonic clock."""

    def wait(self, gen: PQGen[T], interval: float = CHECK_S, timeout: float | None = None) -> T:
        """Wait for the server, until the deadline at most."""
        left = max(0.0, self.deadline - time.monotonic())
        return super().wait(gen, interval, left if timeout is None else min(timeout, left))


class PostgresDatabase:
    """One database. Make one per process; its methods may be called from any thread.

    Nothing is connected before it is needed, and a server that is away at first may come later.
    """

    def __init__(self, url: str, *, factory: type[BoundedConnection] = BoundedConnection) -> None:
        """Read the URL.

        Args:
            url: see ``extproc.approvals.postgresql_address``.
            factory: the class of connections. Tests pass one that fails on purpose.

        Raises:
            ApprovalError: the URL cannot be used.
        """
        self._parameters = connection_parameters(url)
        self._factory = factory
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(CONNECTIONS)
        self._idle: list[BoundedConnection] = []

    def write(self, work: Callable[[BoundedConnection], T]) -> T:
        """Run one transaction; durable on return. If it raises, nothing is stored, unless the commit failed.

        Each statement of it sees what is committed by then. Rows that it decides about have to be locked.

        Raises:
            ApprovalError: the database cannot be used, or its tables are of another version by now.
        """

        def transaction(db: BoundedConnection) -> T:
            _begin(db)
            try:
                result = work(db)
                db.execute(COMMIT, prepare=False)
            except BaseException:
                with suppress(psycopg.Error):
                    db.execute("ROLLBACK")
                raise
            return result

        with self._our_errors():
            for _ in range(TRIES - 1):
                with suppress(psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                    return self._run(transaction)
            return self._run(transaction)

    def read(self, work: Callable[[BoundedConnection], T]) -> T:
        """Run queries. Each sees what is committed by then.

        Raises:
            ApprovalError: the database cannot be used.
        """
        with self._our_errors():
            return self._run(work)

    def connect(self) -> BoundedConnection:
        """Return a new connection to tables of this version, which are made or migrated if need be.

        Raises:
            ApprovalError: there is no connection, or the tables are not ours.
        """
        with self._our_errors():
            return self._connect()

    def look(self, work: Callable[[BoundedConnection], T]) -> T:
        """Run queries on a connection of their own, which makes and migrates no tables.

        Raises:
            ApprovalError: there is no connection, or a query fails.
        """
        with self._our_errors(), closing(self._connect_only()) as db:
            return work(db)

    def close(self) -> None:
        """Close the idle connections. The database may be used again afterwards."""
        with self._lock:
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()

    def _run(self, work: Callable[[BoundedConnection], T]) -> T:
        if os.getpid() != self._pid:
            raise ApprovalError("the approvals store was opened in another process")
        if not self._turns.acquire(timeout=TURN_S):
            raise ApprovalError("the approvals store failed: all of its connections are busy")
        try:
            with self._connection() as db:
                return work(db)
        finally:
            self._turns.release()

    @contextmanager
    def _connection(self) -> Iterator[BoundedConnection]:
        """Lend a connection. One that failed is not used again."""
        db = self._take()
        db.deadline = time.monotonic() + ANSWER_S
        try:
            yield db
        except ExtprocError:
            self._give_back(db)
            raise
        except BaseException as error:
            db.close()
            if isinstance(error, psycopg.OperationalError | psycopg.errors.ReadOnlySqlTransaction):
                self.close()  # the others lead to the same server
            raise
        self._give_back(db)

    def _take(self) -> BoundedConnection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                db = self._idle.pop()
            if not _is_lost(db):
                return db
            db.close()
        return self._connect()

    def _give_back(self, db: BoundedConnection) -> None:
        if db.closed or db.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            db.close()
            return
        with self._lock:
            self._idle.append(db)

    def _connect(self) -> BoundedConnection:
        db = self._connect_only()
        try:
            if not is_current(db):
                db.deadline = time.monotonic() + MIGRATION_S
                bring_up_to_date(db)
        except BaseException:
            db.close()
            raise
        return db

    def _connect_only(self) -> BoundedConnection:
        db = self._factory.connect(**self._parameters, autocommit=True)  # type: ignore[arg-type]
        try:
            db.deadline = time.monotonic() + ANSWER_S
            db.execute(SESSION, prepare=False)
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """Turn whatever psycopg or the system raises into the store's error."""
        try:
            yield
        except ExtprocError:
            raise
        except psycopg.OperationalError as error:
            raise StoreAwayError(f"the approvals store failed: {_name(error)}") from None
        except Exception as error:  # noqa: BLE001 - an unforeseen error fails closed, too
            raise ApprovalError(f"the approvals store failed: {_name(error)}") from None


def _begin(db: BoundedConnection) -> None:
    """Begin a transaction, if the tables are still of this version: both in one message to the server."""
    begun = db.execute(BEGIN, prepare=False)
    begun.nextset()
    if begun.fetchone() != (len(VERSIONS),):
        db.execute("ROLLBACK")
        raise ApprovalError("the approvals store is of another version by now; restart with the newest extproc")


def _is_lost(db: BoundedConnection) -> bool:
    """Return whether an idle connection has ended, or says anything: then it is about to."""
    if db.closed:
        return True
    poll = select.poll()
    poll.register(db.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _name(error: Exception) -> str:
    """Return the name of an error, without any value: messages quote rows, and what a server likes to say."""
    if not isinstance(error, psycopg.Error):
        return type(error).__name__
    if error.sqlstate:
        return f"{error.sqlstate} {type(error).__name__}"
    said = str(error)
    return next((ours for theirs, ours in WHY_NO_CONNECTION.items() if theirs in said), "the connection failed")
