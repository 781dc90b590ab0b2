"""Approvals in one SQLite file, shared by the processes of one machine."""

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

from extproc.approvals.port import Approval, ApprovalRequest, State, Vote
from extproc.approvals.rules import state_after, why_refused
from extproc.concurrency.sqlite_file import FileFormat, SqliteFile
from extproc.model.errors import ApprovalError, ExtprocError, VoteRefused, WhyRefused
from extproc.model.masking import Finding, Side
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.model.withdrawal import WithdrawnBy

BUSY_S = 2.0
"""Seconds to wait for another process's transaction; each one takes milliseconds."""
PREFIX_MIN = 8
"""Minimum characters of an id that a person types."""
APPLICATION_ID = 0x45505241
"""``PRAGMA application_id`` ("EPRA"): distinguishes this file from other databases."""
SCHEMA_VERSION = 3
"""``PRAGMA user_version``."""
REMEMBER_NS = 600 * NANOSECONDS_PER_SECOND
"""Nanoseconds for which the store keeps a withdrawal: a call that began before it may still be on its way."""
OVERTAKEN_NS = NANOSECONDS_PER_SECOND
"""Most nanoseconds by which a call may begin after its withdrawal, which came faster over another connection."""

WITHDRAWALS = (
    """CREATE TABLE IF NOT EXISTS withdrawal_keys (
      approval_id TEXT NOT NULL REFERENCES approvals (approval_id) ON DELETE CASCADE,
      key TEXT NOT NULL,
      PRIMARY KEY (approval_id, key)
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS withdrawal_keys_key ON withdrawal_keys (key)",
    """CREATE TABLE IF NOT EXISTS withdrawals (
      key TEXT PRIMARY KEY,
      withdrawn_by TEXT NOT NULL,
      at_ns INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS withdrawals_at ON withdrawals (at_ns)",
    """CREATE TRIGGER IF NOT EXISTS closed_once BEFORE UPDATE OF state ON approvals
      WHEN OLD.state <> 'pending'
        AND NOT (OLD.state = 'approved' AND OLD.spent_ns IS NULL AND NEW.state = 'cancelled')
      BEGIN SELECT RAISE(ABORT, 'closed already'); END""",
)
ADD_GROUPS = "ALTER TABLE votes ADD COLUMN groups TEXT NOT NULL DEFAULT '[]'"
ADD_WITHDRAWALS = (
    "ALTER TABLE approvals ADD COLUMN withdrawn_by TEXT NOT NULL DEFAULT ''",
    "DROP TRIGGER IF EXISTS closed_once",
    *WITHDRAWALS,
)
MIGRATIONS = {1: (ADD_GROUPS, *ADD_WITHDRAWALS), 2: ADD_WITHDRAWALS}
"""To this version: from version 1, which did not keep the voters' groups, and from 2, without withdrawals."""

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS approvals (
  approval_id TEXT PRIMARY KEY,
  request TEXT NOT NULL,
  digest TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'cancelled')),
  closed_ns INTEGER NOT NULL DEFAULT 0,
  spent_ns INTEGER,
  withdrawn_by TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS approvals_pending ON approvals (expires_ns) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS votes (
  approval_id TEXT NOT NULL REFERENCES approvals (approval_id) ON DELETE CASCADE,
  voter TEXT NOT NULL,
  approve INTEGER NOT NULL CHECK (approve IN (0, 1)),
  note TEXT NOT NULL,
  at_ns INTEGER NOT NULL,
  groups TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (approval_id, voter)
) STRICT;
{"; ".join(WITHDRAWALS)};
"""

SELECT = """
SELECT a.request, a.state, a.closed_ns, a.withdrawn_by, a.approval_id,
  v.voter, v.approve, v.note, v.at_ns, v.groups
FROM approvals a LEFT JOIN votes v ON v.approval_id = a.approval_id
"""
WITHDRAW = """
UPDATE approvals SET state = 'cancelled', closed_ns = ?, withdrawn_by = ?
WHERE (state = 'pending' OR (state = 'approved' AND spent_ns IS NULL)) AND approval_id
"""
CLOSE = "UPDATE approvals SET state = ?, closed_ns = ? WHERE approval_id = ? AND state = 'pending'"

FORMAT = FileFormat(
    name="the approvals store",
    application_id=APPLICATION_ID,
    version=SCHEMA_VERSION,
    schema=SCHEMA,
    error=ApprovalError,
    passes=ExtprocError,
    migrations=MIGRATIONS,
)
HINT = (
    "name another file in approvals.store, or move this one aside: a new store is made, "
    "and the calls that wait are denied"
)


class SqliteApprovals:
    """Implements ``ApprovalStore``. Make one per process; its methods may be called from any thread.

    Only the constructor creates the file. A file that disappears later is an error, never an empty store; a file
    that was replaced is opened again, and its earlier requests are unknown.
    """

    def __init__(
        self, path: Path, *, busy_s: float = BUSY_S, factory: type[sqlite3.Connection] = sqlite3.Connection
    ) -> None:
        """Open the store; create it if there is none.

        Args:
            path: the file.
            busy_s: seconds to wait for another process's transaction.
            factory: the class of connections. Tests pass one that fails on purpose.

        Raises:
            ApprovalError: the file cannot be used, or belongs to another program.
        """
        try:
            self._file = SqliteFile(path, FORMAT, busy_s=busy_s, factory=factory)
        except ApprovalError as error:
            raise ApprovalError(f"{path}: {error}\n  {HINT}") from None

    def open(self, request: ApprovalRequest, keys: tuple[str, ...] = (), began_ns: int = 0) -> None:
        """Store a pending request; a cancelled one, where its caller has withdrawn it by now."""

        def insert(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO approvals (approval_id, request, digest, created_ns, expires_ns)"
                " VALUES (?, ?, ?, ?, ?)",
                (request.approval_id, _dump(request), request.digest, request.created_ns, request.expires_ns),
            )
            db.executemany(
                "INSERT INTO withdrawal_keys (approval_id, key) VALUES (?, ?)",
                [(request.approval_id, key) for key in keys],
            )
            earlier = db.execute(
                "SELECT at_ns, withdrawn_by FROM withdrawals"
                " WHERE key IN (SELECT value FROM json_each(?)) AND at_ns >= ? LIMIT 1",
                (json.dumps(keys), began_ns - OVERTAKEN_NS),
            ).fetchone()
            if earlier:
                db.execute(f"{WITHDRAW} = ?", (*earlier, request.approval_id))

        self._file.write(insert)

    def withdraw(self, key: str, by: WithdrawnBy, now_ns: int) -> int:
        """Cancel all requests with this key that are pending, or approved and not spent."""

        def close(db: sqlite3.Connection) -> int:
            db.execute("DELETE FROM withdrawals WHERE at_ns < ?", (now_ns - REMEMBER_NS,))
            db.execute("INSERT OR REPLACE INTO withdrawals VALUES (?, ?, ?)", (key, by, now_ns))
            waiting = "(SELECT approval_id FROM withdrawal_keys WHERE key = ?)"
            return db.execute(f"{WITHDRAW} IN {waiting}", (now_ns, by, key)).rowcount

        return self._file.write(close)

    def vote(self, approval_id: str, vote: Vote, groups: tuple[str, ...]) -> Approval:
        """Count one person's vote, and close the request if the vote decides it."""

        def count(db: sqlite3.Connection) -> Approval:
            now = _one(db, approval_id)
            if now is None:
                raise VoteRefused(WhyRefused.UNKNOWN)
            why = why_refused(now.request, now.state, now.votes, vote, groups)
            if why is not None:
                raise VoteRefused(why, now.state)
            db.execute(
                "INSERT INTO votes (approval_id, voter, approve, note, at_ns, groups) VALUES (?, ?, ?, ?, ?, ?)",
                (approval_id, vote.voter, int(vote.approve), vote.note, vote.at_ns, json.dumps(groups)),
            )
            after = state_after(now.request, (*now.votes, vote))
            if after is not State.PENDING:
                _close(db, approval_id, after, vote.at_ns)
            return _known(db, approval_id)

        return self._file.write(count)

    def cancel(self, approval_id: str, state: State, now_ns: int) -> Approval:
        """Close a pending request as expired or cancelled; return its state, whoever closed it."""
        if state not in (State.EXPIRED, State.CANCELLED):
            raise ApprovalError(f"only a vote can make a request {state}")

        def close(db: sqlite3.Connection) -> Approval:
            db.execute(CLOSE, (state, now_ns, approval_id))
            return _known(db, approval_id)

        return self._file.write(close)

    def spend(self, approval_id: str, digest: str, now_ns: int) -> bool:
        """Use an approval up. Return True exactly once, for an approved request with this digest."""

        def use(db: sqlite3.Connection) -> bool:
            changed = db.execute(
                "UPDATE approvals SET spent_ns = ?"
                " WHERE approval_id = ? AND digest = ? AND state = 'approved' AND spent_ns IS NULL",
                (now_ns, approval_id, digest),
            )
            return changed.rowcount == 1

        return self._file.write(use)

    def get(self, approval_id: str) -> Approval | None:
        """Return a request by its id or an unambiguous prefix of it (at least 8 characters)."""
        if len(approval_id) < PREFIX_MIN:
            return None
        # ``~`` sorts after every character of an id: the range is the prefix, and the index serves it.
        where = "WHERE a.approval_id >= ? AND a.approval_id < ? || '~' ORDER BY a.approval_id, v.at_ns LIMIT 1000"
        found = self._file.read(lambda db: _fetch(db, where, (approval_id, approval_id)))
        exact = [approval for approval in found if approval.request.approval_id == approval_id]
        candidates = exact or found
        return candidates[0] if len(candidates) == 1 else None

    def closed_among(self, approval_ids: list[str]) -> list[Approval]:
        """Return those of these requests that are not pending any more. One query for any number of ids."""
        where = (
            "WHERE a.approval_id IN (SELECT value FROM json_each(?)) AND a.state <> 'pending'"
            " ORDER BY a.approval_id, v.at_ns"
        )
        return self._file.read(lambda db: _fetch(db, where, (json.dumps(approval_ids),)))

    def recent(self, *, pending_only: bool, limit: int) -> list[Approval]:
        """Return the newest requests, newest first."""
        pending = "WHERE state = 'pending'" if pending_only else ""
        where = (
            f"WHERE a.approval_id IN (SELECT approval_id FROM approvals {pending}"  # noqa: S608 - our own text
            " ORDER BY approval_id DESC LIMIT ?) ORDER BY a.approval_id DESC, v.at_ns"
        )
        return self._file.read(lambda db: _fetch(db, where, (limit,)))

    def sweep(self, now_ns: int, *, keep_ns: int) -> int:
        """Close requests that expired while no call waited (a worker died); delete those closed ``keep_ns`` ago.

        Returns:
            The number of requests that were closed as expired.
        """

        def tidy(db: sqlite3.Connection) -> int:
            closed = db.execute(
                "UPDATE approvals SET state = 'expired', closed_ns = ?"
                " WHERE state = 'pending' AND expires_ns <= ?",
                (now_ns, now_ns),
            )
            db.execute("DELETE FROM approvals WHERE state <> 'pending' AND closed_ns < ?", (now_ns - keep_ns,))
            return closed.rowcount

        return self._file.write(tidy)

    def close(self) -> None:
        """Close the idle connections. The store may be used again afterwards."""
        self._file.close()


def _close(db: sqlite3.Connection, approval_id: str, state: State, at_ns: int) -> None:
    if db.execute(CLOSE, (state, at_ns, approval_id)).rowcount != 1:
        raise ApprovalError("another process closed the request during the vote")


def _one(db: sqlite3.Connection, approval_id: str) -> Approval | None:
    return next(iter(_fetch(db, "WHERE a.approval_id = ? ORDER BY v.at_ns", (approval_id,))), None)


def _known(db: sqlite3.Connection, approval_id: str) -> Approval:
    approval = _one(db, approval_id)
    if approval is None:
        raise ApprovalError("the approvals store does not know this request")
    return approval


def _fetch(db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Approval]:
    """Return the approvals of a query, in its order; the rows of one approval's votes are adjacent."""
    grouped: dict[str, tuple[tuple[str, str, int, str], list[Vote]]] = {}
    for request, state, closed_ns, by, approval_id, voter, *vote in db.execute(SELECT + where, values):
        _, votes = grouped.setdefault(approval_id, ((request, state, closed_ns, by), []))
        if voter is not None:
            approve, note, at_ns, groups = vote
            votes.append(Vote(voter, bool(approve), note, at_ns, tuple(json.loads(groups))))
    return [
        Approval(_load(request), State(state), tuple(votes), closed_ns, WithdrawnBy(by) if by else None)
        for (request, state, closed_ns, by), votes in grouped.values()
    ]


def _dump(request: ApprovalRequest) -> str:
    return json.dumps(asdict(request))


def _load(text: str) -> ApprovalRequest:
    fields = json.loads(text)
    fields["groups"] = tuple(fields["groups"])
    fields["findings"] = tuple(map(_load_finding, fields["findings"]))
    return ApprovalRequest(**fields)


def _load_finding(values: dict[str, Any]) -> Finding:
    """Return a finding; versions before this one stored it without its side."""
    return Finding(**(values | {"side": Side(values.get("side", ""))}))
