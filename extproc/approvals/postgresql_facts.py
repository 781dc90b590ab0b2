"""Facts about the approvals database, read before anything is written to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from extproc.approvals.postgresql_database import PostgresDatabase
from extproc.approvals.postgresql_schema import FIND_SCHEMA, is_current, tables_version

TABLES = ("approvals", "votes", "withdrawal_keys", "withdrawals", "approvals_version")
MAY_WRITE = """
SELECT bool_and(has_table_privilege('extproc.' || name, 'SELECT')
  AND has_table_privilege('extproc.' || name, 'INSERT')
  AND has_table_privilege('extproc.' || name, 'UPDATE')
  AND has_table_privilege('extproc.' || name, 'DELETE'))
FROM unnest(%s::text[]) name
"""
MAY_MAKE = "SELECT has_database_privilege(current_database(), 'CREATE')"
MAY_FILL = "SELECT has_schema_privilege('extproc', 'CREATE')"
DURABLE = "SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'"
CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint"
PENDING = "SELECT count(*) FROM extproc.approvals WHERE state = 'pending'"


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """A database, as its role sees it."""

    version: int
    """The version of its tables; 0: there are none yet."""
    current: bool
    """False if the next start makes or migrates the tables."""
    may_write: bool
    """The role may do what a guard does: read and write the tables, or make them."""
    durable: bool
    """The server keeps what it confirms through a loss of power."""
    clock_ahead_ns: int
    """Nanoseconds by which the server's clock is ahead of this machine's."""
    pending: int
    """Requests that wait."""


def read_facts(url: str, clock: Callable[[], int]) -> DatabaseFacts:
    """Look at the database. Changes nothing.

    Args:
        url: see ``extproc.approvals.postgresql_address``.
        clock: wall-clock nanoseconds of this machine.

    Raises:
        ApprovalError: it cannot be reached, its schema is another program's, or its tables are of a newer version.
    """

    def look(db: Connection[Any]) -> DatabaseFacts:
        version = tables_version(db)
        before_ns, theirs_ns, after_ns = clock(), _one(db, CLOCK), clock()
        return DatabaseFacts(
            version=version,
            current=is_current(db),
            may_write=_may_write(db, made=version > 0),
            durable=bool(_one(db, DURABLE)),
            clock_ahead_ns=theirs_ns - (before_ns + after_ns) // 2,
            pending=_one(db, PENDING) if version else 0,
        )

    return PostgresDatabase(url).look(look)


def _may_write(db: Connection[Any], *, made: bool) -> bool:
    if made:
        row = db.execute(MAY_WRITE, (list(TABLES),)).fetchone()
        return bool(row and row[0])
    return bool(_one(db, MAY_FILL if _one(db, FIND_SCHEMA) else MAY_MAKE))


def _one(db: Connection[Any], query: str) -> Any:
    row = db.execute(query).fetchone()
    return row[0] if row else None
