"""The tables of the approvals in PostgreSQL, their versions, and the way from one version to the next.

Everything is in the schema ``extproc``. Several replicas that start together make or migrate it once.
"""

from typing import Any

from psycopg import Connection

from extproc.model.errors import ApprovalError

CHANNEL = "extproc_approvals"
"""Of ``LISTEN`` and ``NOTIFY``: every commit that changes a request or a vote says so, without any value."""
OPEN = "(state = 'pending' OR (state = 'approved' AND spent_ns IS NULL))"
MIGRATION_S = 300
"""Seconds that a migration may take."""
MIGRATION_LOCK = 0x4550524100000001
"""Key of an advisory lock ("EPRA")."""

VERSION_1 = (
    """CREATE TABLE extproc.approvals (
      approval_id text COLLATE "C" PRIMARY KEY,
      request text NOT NULL,
      digest text NOT NULL,
      created_ns bigint NOT NULL,
      expires_ns bigint NOT NULL,
      state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'cancelled')),
      closed_ns bigint NOT NULL DEFAULT 0,
      spent_ns bigint,
      withdrawn_by text NOT NULL DEFAULT '',
      function text COLLATE "C" NOT NULL,
      requester text COLLATE "C" NOT NULL,
      call_key text COLLATE "C" NOT NULL,
      reuse_key text COLLATE "C" NOT NULL,
      withdrawn_key text NOT NULL DEFAULT '',
      reuse_until_ns bigint NOT NULL DEFAULT 0,
      ticketed boolean NOT NULL DEFAULT false,
      waiting integer NOT NULL DEFAULT 1
    )""",
    "CREATE INDEX approvals_pending ON extproc.approvals (expires_ns) WHERE state = 'pending'",
    "CREATE INDEX approvals_newest_pending ON extproc.approvals (approval_id) WHERE state = 'pending'",
    "CREATE INDEX approvals_closed ON extproc.approvals (closed_ns) WHERE state <> 'pending'",
    "CREATE INDEX approvals_of_call ON extproc.approvals (call_key) WHERE call_key <> ''",
    "CREATE INDEX approvals_reusable ON extproc.approvals (reuse_key) WHERE reuse_key <> ''",
    "CREATE INDEX approvals_of_function ON extproc.approvals (function, approval_id)",
    "CREATE INDEX approvals_of_requester ON extproc.approvals (requester, approval_id)",
    "CREATE INDEX approvals_pending_of ON extproc.approvals (requester) WHERE state = 'pending'",
    """CREATE TABLE extproc.votes (
      vote_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      approval_id text COLLATE "C" NOT NULL REFERENCES extproc.approvals ON DELETE CASCADE,
      voter text NOT NULL,
      approve boolean NOT NULL,
      note text NOT NULL,
      at_ns bigint NOT NULL,
      groups text NOT NULL,
      person text NOT NULL,
      source text NOT NULL,
      preview_digest text NOT NULL,
      break_glass boolean NOT NULL,
      withdrawn_ns bigint NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX votes_of ON extproc.votes (approval_id, at_ns)",
    "CREATE UNIQUE INDEX one_vote_each ON extproc.votes (approval_id, voter, break_glass) WHERE withdrawn_ns = 0",
    """CREATE TABLE extproc.withdrawal_keys (
      approval_id text COLLATE "C" NOT NULL REFERENCES extproc.approvals ON DELETE CASCADE,
      key text COLLATE "C" NOT NULL,
      PRIMARY KEY (approval_id, key)
    )""",
    "CREATE INDEX withdrawal_keys_key ON extproc.withdrawal_keys (key)",
    """CREATE TABLE extproc.withdrawals (
      key text COLLATE "C" PRIMARY KEY,
      withdrawn_by text NOT NULL,
      at_ns bigint NOT NULL
    )""",
    "CREATE INDEX withdrawals_at ON extproc.withdrawals (at_ns)",
    """CREATE FUNCTION extproc.refuse_to_reopen() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'closed already' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER closed_once BEFORE UPDATE OF state ON extproc.approvals FOR EACH ROW
      WHEN (OLD.state <> 'pending'
        AND NOT (OLD.state = 'approved' AND OLD.spent_ns IS NULL AND NEW.state = 'cancelled'))
      EXECUTE FUNCTION extproc.refuse_to_reopen()""",
    f"""CREATE FUNCTION extproc.tell_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END $$""",
    """CREATE TRIGGER tell AFTER INSERT OR UPDATE OF state, ticketed, spent_ns ON extproc.approvals FOR EACH ROW
      EXECUTE FUNCTION extproc.tell_of_change()""",
    """CREATE TRIGGER tell AFTER INSERT OR UPDATE ON extproc.votes FOR EACH ROW
      EXECUTE FUNCTION extproc.tell_of_change()""",
)
VERSIONS: tuple[tuple[str, ...], ...] = (VERSION_1,)
"""The statements that lead to each version from the one before. What was released never changes."""

RELATIONS = (
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'extproc'"
)
"""Read from the catalogue: ``to_regclass`` may answer by what it found before the lock."""
FIND_VERSION_TABLE = f"{RELATIONS} AND c.relname = 'approvals_version'"
READ_VERSION = "SELECT version FROM extproc.approvals_version"
FIND_SCHEMA = "SELECT count(*) FROM pg_namespace WHERE nspname = 'extproc'"
VERSION_TABLE = """CREATE TABLE extproc.approvals_version (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL
)"""


def is_current(db: Connection[Any], versions: tuple[tuple[str, ...], ...] = VERSIONS) -> bool:
    """Return whether the tables are of the newest version; False if there are none.

    Args:
        db: any connection.
        versions: the statements of each version.

    Raises:
        ApprovalError: they are of a newer version.
    """
    return _known(_version(db), versions) == len(versions)


def bring_up_to_date(db: Connection[Any], versions: tuple[tuple[str, ...], ...] = VERSIONS) -> None:
    """Make the tables, or bring those of an older version to the newest. Nothing is locked if they are up to date.

    Args:
        db: in no transaction.
        versions: the statements of each version.

    Raises:
        ApprovalError: the schema ``extproc`` is another program's, or of a newer version. Nothing was changed.
        psycopg.Error: the database refused; nothing was changed.
    """
    if is_current(db, versions):
        return
    with db.transaction():
        db.execute(f"SET LOCAL lock_timeout = '{MIGRATION_S}s'")
        db.execute(f"SET LOCAL statement_timeout = '{MIGRATION_S}s'")
        db.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        version = _known(_version(db), versions)
        if version == 0:
            _begin(db)
        for statement in (each for step in versions[version:] for each in step):
            db.execute(statement)
        db.execute("UPDATE extproc.approvals_version SET version = %s", (len(versions),))


def tables_version(db: Connection[Any]) -> int:
    """Return the version of the tables; 0 if there are none.

    Args:
        db: any connection.

    Raises:
        ApprovalError: the schema ``extproc`` is another program's.
    """
    version = _version(db)
    if version == 0 and _one(db, RELATIONS):
        raise ApprovalError("the schema extproc of this database is another program's; name another database")
    return version


def _begin(db: Connection[Any]) -> None:
    tables_version(db)
    if not _one(db, FIND_SCHEMA):  # asked first: a role that may not create one can be given it
        db.execute("CREATE SCHEMA extproc")
    db.execute(VERSION_TABLE)
    db.execute("INSERT INTO extproc.approvals_version (version) VALUES (0)")


def _known(version: int, versions: tuple[tuple[str, ...], ...]) -> int:
    if version > len(versions):
        raise ApprovalError("the approvals store was made by a newer version of extproc; upgrade this one")
    return version


def _version(db: Connection[Any]) -> int:
    """Return the version of the tables; 0 if there are none."""
    return int(_one(db, READ_VERSION)) if _one(db, FIND_VERSION_TABLE) else 0


def _one(db: Connection[Any], query: str) -> Any:
    row = db.execute(query).fetchone()
    return row[0] if row else None
