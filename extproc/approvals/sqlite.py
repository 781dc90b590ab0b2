"""Approvals in one SQLite file, shared by the processes of one machine."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from extproc.approvals.approval import Approval, ApprovalRequest, State, Vote
from extproc.approvals.port import MOST_TICKETS, PREFIX_MIN, Filter
from extproc.approvals.rules import (
    OVERTAKEN_NS,
    REDEEM_NS,
    REMEMBER_NS,
    can_change,
    reusable_until,
    state_after,
    why_refused,
)
from extproc.approvals.stored_approval import APPROVAL_COLUMNS, VOTE_COLUMNS, approvals_of, request_row, vote_row
from extproc.concurrency.sqlite_file import FileFormat, SqliteFile
from extproc.model.errors import ApprovalError, ExtprocError, TooManyTickets, VoteRefused, WhyRefused
from extproc.model.withdrawal import WithdrawnBy

BUSY_S = 2.0
"""Seconds to wait for another process's transaction; each one takes milliseconds."""
APPLICATION_ID = 0x45505241
"""``PRAGMA application_id`` ("EPRA"): distinguishes this file from other databases."""
SCHEMA_VERSION = 4
"""``PRAGMA user_version``."""

OPEN = "(state = 'pending' OR (state = 'approved' AND spent_ns IS NULL))"
VOTES = """CREATE TABLE IF NOT EXISTS votes (
  vote_id INTEGER PRIMARY KEY,
  approval_id TEXT NOT NULL REFERENCES approvals (approval_id) ON DELETE CASCADE,
  voter TEXT NOT NULL,
  approve INTEGER NOT NULL CHECK (approve IN (0, 1)),
  note TEXT NOT NULL,
  at_ns INTEGER NOT NULL,
  groups TEXT NOT NULL DEFAULT '[]',
  person TEXT NOT NULL DEFAULT '',
  source TEXT NOT NULL DEFAULT '',
  preview_digest TEXT NOT NULL DEFAULT '',
  break_glass INTEGER NOT NULL DEFAULT 0 CHECK (break_glass IN (0, 1)),
  withdrawn_ns INTEGER NOT NULL DEFAULT 0
) STRICT"""
INDEXES = (
    "CREATE INDEX IF NOT EXISTS votes_of ON votes (approval_id, at_ns)",
    """CREATE UNIQUE INDEX IF NOT EXISTS one_vote_each ON votes (approval_id, voter, break_glass)
      WHERE withdrawn_ns = 0""",
    "CREATE INDEX IF NOT EXISTS approvals_of_call ON approvals (call_key) WHERE call_key <> ''",
    "CREATE INDEX IF NOT EXISTS approvals_reusable ON approvals (reuse_key) WHERE reuse_key <> ''",
    "CREATE INDEX IF NOT EXISTS approvals_of_function ON approvals (function, approval_id)",
    "CREATE INDEX IF NOT EXISTS approvals_of_requester ON approvals (requester, approval_id)",
    "CREATE INDEX IF NOT EXISTS approvals_pending_of ON approvals (requester) WHERE state = 'pending'",
)
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
ADD_TICKETS = (
    *(
        f"ALTER TABLE approvals ADD COLUMN {name} TEXT NOT NULL DEFAULT ''"
        for name in ("function", "requester", "call_key", "reuse_key", "withdrawn_key")
    ),
    "ALTER TABLE approvals ADD COLUMN reuse_until_ns INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE approvals ADD COLUMN ticketed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE approvals ADD COLUMN waiting INTEGER NOT NULL DEFAULT 1",
    """UPDATE approvals SET function = coalesce(json_extract(request, '$.function'), ''),
      requester = coalesce(json_extract(request, '$.requester'), '')""",
    "ALTER TABLE votes RENAME TO votes_before",
    VOTES,
    """INSERT INTO votes (approval_id, voter, approve, note, at_ns, groups)
      SELECT approval_id, voter, approve, note, at_ns, groups FROM votes_before ORDER BY at_ns""",
    "DROP TABLE votes_before",
    *INDEXES,
)
MIGRATIONS = {1: (ADD_GROUPS, *ADD_WITHDRAWALS, *ADD_TICKETS), 2: (*ADD_WITHDRAWALS, *ADD_TICKETS), 3: ADD_TICKETS}
"""To this version: from 1, which did not keep the voters' groups; 2, without withdrawals; 3, without tickets."""

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
  withdrawn_by TEXT NOT NULL DEFAULT '',
  function TEXT NOT NULL DEFAULT '',
  requester TEXT NOT NULL DEFAULT '',
  call_key TEXT NOT NULL DEFAULT '',
  reuse_key TEXT NOT NULL DEFAULT '',
  withdrawn_key TEXT NOT NULL DEFAULT '',
  reuse_until_ns INTEGER NOT NULL DEFAULT 0,
  ticketed INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX IF NOT EXISTS approvals_pending ON approvals (expires_ns) WHERE state = 'pending';
{VOTES};
{"; ".join((*INDEXES, *WITHDRAWALS))};
"""

SELECT = f"""
SELECT a.approval_id, {APPROVAL_COLUMNS}, {VOTE_COLUMNS}
FROM approvals a LEFT JOIN votes v ON v.approval_id = a.approval_id
"""  # noqa: S608 - our own text
IN_ORDER = "ORDER BY a.approval_id, v.at_ns, v.vote_id"
NEWEST_FIRST = "ORDER BY a.approval_id DESC, v.at_ns, v.vote_id"
NEWEST_OF_EACH = """
SELECT approval_id FROM (
  SELECT approval_id, row_number() OVER (PARTITION BY requester ORDER BY approval_id DESC) AS nth
  FROM approvals WHERE {chosen}
) WHERE nth <= ? ORDER BY nth, approval_id DESC LIMIT ?
"""
WITHDRAW = f"""
UPDATE approvals SET state = 'cancelled', closed_ns = ?, withdrawn_by = ?, withdrawn_key = ?
WHERE {OPEN} AND approval_id
"""  # noqa: S608 - our own text
CLOSE = "UPDATE approvals SET state = ?, closed_ns = ? WHERE approval_id = ? AND state = 'pending'"
LIVE = f"""
SELECT approval_id FROM approvals AS a
WHERE call_key = ? AND call_key <> '' AND ({OPEN} OR (state = 'denied' AND ticketed = 1))
  AND ? < CASE state WHEN 'approved' THEN max(expires_ns, closed_ns + ?) ELSE expires_ns END
  AND NOT (state = 'approved' AND EXISTS (SELECT 1 FROM approvals AS d
    WHERE d.call_key = a.call_key AND d.call_key <> '' AND d.state = 'denied' AND d.closed_ns >= a.closed_ns))
ORDER BY approval_id DESC LIMIT 1
"""  # noqa: S608 - our own text
REUSABLE = f"""
WHERE a.approval_id = (SELECT approval_id FROM approvals WHERE reuse_key = ? AND reuse_key <> ''
  AND state = 'approved' AND reuse_until_ns > ? ORDER BY approval_id DESC LIMIT 1) {IN_ORDER}
"""  # noqa: S608 - our own text
CLOSED_AMONG = f"WHERE a.approval_id IN (SELECT value FROM json_each(?)) AND a.state <> 'pending' {IN_ORDER}"  # noqa: S608 - our own text
OTHER_TICKETS = """
SELECT count(*) FROM approvals
WHERE requester = ? AND state = 'pending' AND ticketed = 1 AND expires_ns > ? AND approval_id <> ?
"""

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

    def open(
        self,
        request: ApprovalRequest,
        keys: tuple[str, ...] = (),
        began_ns: int = 0,
        at_most: int | None = None,
    ) -> Approval:
        """Store a pending request, or share the live one of the same call; store a withdrawn one as cancelled."""

        def share_or_insert(db: sqlite3.Connection) -> Approval:
            earlier = db.execute(
                "SELECT at_ns, withdrawn_by, key FROM withdrawals"
                " WHERE key IN (SELECT value FROM json_each(?)) AND at_ns >= ? LIMIT 1",
                (json.dumps(keys), began_ns - OVERTAKEN_NS),
            ).fetchone()
            live = None if earlier or not request.call_key else _live(db, request)
            if live is None:
                _check_tickets(db, request, at_most)
                _insert(db, "approvals", request_row(request))
            else:
                db.execute("UPDATE approvals SET waiting = waiting + 1 WHERE approval_id = ?", (live,))
            approval_id = live or request.approval_id
            db.executemany(
                "INSERT OR IGNORE INTO withdrawal_keys (approval_id, key) VALUES (?, ?)",
                [(approval_id, key) for key in keys],
            )
            if earlier:
                db.execute(f"{WITHDRAW} = ?", (*earlier, approval_id))
            return _known(db, approval_id)

        return self._file.write(share_or_insert)

    def issue_ticket(self, approval_id: str, now_ns: int, at_most: int = MOST_TICKETS) -> Approval:
        """Note that a call stops waiting, and that its caller was told to call again."""

        def note(db: sqlite3.Connection) -> Approval:
            now = _known(db, approval_id)
            if _other_tickets(db, now.request, now_ns) >= at_most:
                return now
            db.execute(
                "UPDATE approvals SET ticketed = 1, waiting = max(0, waiting - 1) WHERE approval_id = ?",
                (approval_id,),
            )
            return _known(db, approval_id)

        return self._file.write(note)

    def abandon(self, approval_id: str, now_ns: int) -> Approval:
        """Note that a call stops waiting for good. The last one cancels the request, unless it has a ticket."""

        def leave(db: sqlite3.Connection) -> Approval:
            db.execute("UPDATE approvals SET waiting = max(0, waiting - 1) WHERE approval_id = ?", (approval_id,))
            db.execute(f"{WITHDRAW} = ? AND waiting = 0 AND ticketed = 0", (now_ns, "", "", approval_id))
            return _known(db, approval_id)

        return self._file.write(leave)

    def withdraw(self, key: str, by: WithdrawnBy, now_ns: int) -> int:
        """Cancel all requests with this key that are pending, or approved and not spent."""

        def close(db: sqlite3.Connection) -> int:
            db.execute("DELETE FROM withdrawals WHERE at_ns < ?", (now_ns - REMEMBER_NS,))
            db.execute("INSERT OR REPLACE INTO withdrawals VALUES (?, ?, ?)", (key, by, now_ns))
            waiting = "(SELECT approval_id FROM withdrawal_keys WHERE key = ?)"
            return db.execute(f"{WITHDRAW} IN {waiting}", (now_ns, by, key, key)).rowcount

        return self._file.write(close)

    def vote(self, approval_id: str, vote: Vote, groups: tuple[str, ...]) -> Approval:
        """Count one person's vote, and close the request if the vote decides it."""

        def count(db: sqlite3.Connection) -> Approval:
            now = _found(db, approval_id)
            counted = replace(vote, groups=groups)
            why = why_refused(now.request, now.state, now.counted, counted, groups)
            if why is not None:
                raise VoteRefused(why, now.state)
            _insert(db, "votes", vote_row(approval_id, counted))
            after = state_after(now.request, (*now.counted, counted))
            if after is not State.PENDING:
                _close(db, replace(now, state=after, votes=(*now.counted, counted)), vote.at_ns)
            return _known(db, approval_id)

        return self._file.write(count)

    def withdraw_vote(self, approval_id: str, voter: str, now_ns: int) -> Approval:
        """Take one person's approval back."""

        def take_back(db: sqlite3.Connection) -> Approval:
            now = _found(db, approval_id)
            if voter not in now.approvers or not can_change(now, now_ns):
                raise VoteRefused(WhyRefused.NOTHING_TO_WITHDRAW, now.state)
            db.execute(
                "UPDATE votes SET withdrawn_ns = ? WHERE approval_id = ? AND voter = ? AND withdrawn_ns = 0",
                (now_ns, approval_id, voter),
            )
            db.execute("UPDATE approvals SET reuse_until_ns = 0 WHERE approval_id = ?", (approval_id,))
            if now.state is State.APPROVED:
                db.execute(f"{WITHDRAW} = ?", (now_ns, WithdrawnBy.APPROVER, "", approval_id))
            return _known(db, approval_id)

        return self._file.write(take_back)

    def cancel_own(self, approval_id: str, now_ns: int) -> Approval:
        """Cancel a request for its caller, if it is pending, or approved and not spent."""

        def cancel(db: sqlite3.Connection) -> Approval:
            if db.execute(f"{WITHDRAW} = ?", (now_ns, WithdrawnBy.REQUESTER, "", approval_id)).rowcount != 1:
                raise VoteRefused(WhyRefused.NOT_PENDING, _found(db, approval_id).state)
            return _known(db, approval_id)

        return self._file.write(cancel)

    def expire(self, approval_id: str, now_ns: int) -> Approval:
        """Close a pending request as expired; return its state, whoever closed it."""

        def close(db: sqlite3.Connection) -> Approval:
            db.execute(CLOSE, (State.EXPIRED, now_ns, approval_id))
            return _known(db, approval_id)

        return self._file.write(close)

    def spend(self, approval_id: str, digest: str, now_ns: int) -> bool:
        """Use an approval up. Return True exactly once, for an approved request with this digest."""

        def use(db: sqlite3.Connection) -> bool:
            changed = db.execute(
                "UPDATE approvals SET spent_ns = ?"
                " WHERE approval_id = ? AND digest = ? AND state = 'approved' AND spent_ns IS NULL"
                " AND ? < max(expires_ns, closed_ns + ?)",
                (now_ns, approval_id, digest, now_ns, REDEEM_NS),
            )
            return changed.rowcount == 1

        return self._file.write(use)

    def reusable(self, reuse_key: str, now_ns: int) -> Approval | None:
        """Return the newest approval that releases further calls with this key now; None if there is none."""
        return next(iter(self._file.read(lambda db: _fetch(db, REUSABLE, (reuse_key, now_ns)))), None)

    def get(self, approval_id: str) -> Approval | None:
        """Return a request by its id or an unambiguous prefix of it (at least ``PREFIX_MIN`` characters)."""
        if len(approval_id) < PREFIX_MIN:
            return None
        # ``~`` sorts after every character of an id: the range is the prefix, and the index serves it.
        where = f"WHERE a.approval_id >= ? AND a.approval_id < ? || '~' {IN_ORDER} LIMIT 1000"
        found = self._file.read(lambda db: _fetch(db, where, (approval_id, approval_id)))
        exact = [approval for approval in found if approval.request.approval_id == approval_id]
        candidates = exact or found
        return candidates[0] if len(candidates) == 1 else None

    def closed_among(self, approval_ids: list[str]) -> list[Approval]:
        """Return those of these requests that are not pending any more. One query for any number of ids."""
        return self._file.read(lambda db: _fetch(db, CLOSED_AMONG, (json.dumps(approval_ids),)))

    def recent(self, *, pending_only: bool, limit: int) -> list[Approval]:
        """Return the newest requests, newest first."""
        return self.search(Filter(states=(State.PENDING,) if pending_only else (), limit=limit))

    def search(self, wanted: Filter) -> list[Approval]:
        """Return requests, newest first."""
        conditions = {
            "function = ?": wanted.function,
            "requester = ?": wanted.requester,
            "state IN (SELECT value FROM json_each(?))": json.dumps(wanted.states) if wanted.states else "",
            "ticketed = ?": None if wanted.ticketed is None else int(wanted.ticketed),
            "approval_id < ?": wanted.before_id,
        }
        given = {text: value for text, value in conditions.items() if value not in ("", None)}
        chosen = " AND ".join(given) or "1"
        ids = f"SELECT approval_id FROM approvals WHERE {chosen} ORDER BY approval_id DESC LIMIT ?"  # noqa: S608 - as above
        bounds = [wanted.limit]
        if wanted.per_requester:
            ids = NEWEST_OF_EACH.format(chosen=chosen)
            bounds = [wanted.per_requester, wanted.limit]
        where = f"WHERE a.approval_id IN ({ids}) {NEWEST_FIRST}"
        return self._file.read(lambda db: _fetch(db, where, (*given.values(), *bounds)))

    def sweep(self, now_ns: int, *, keep_ns: int) -> list[Approval]:
        """Close requests that expired while no call waited; delete those that were closed ``keep_ns`` ago."""

        def tidy(db: sqlite3.Connection) -> list[Approval]:
            overdue = db.execute(
                "UPDATE approvals SET state = 'expired', closed_ns = ?"
                " WHERE state = 'pending' AND expires_ns <= ? RETURNING approval_id",
                (now_ns, now_ns),
            ).fetchall()
            db.execute(
                "DELETE FROM approvals WHERE state <> 'pending' AND closed_ns < ? AND reuse_until_ns < ?",
                (now_ns - keep_ns, now_ns),
            )
            ids = json.dumps([approval_id for (approval_id,) in overdue])
            return _fetch(db, CLOSED_AMONG, (ids,))

        return self._file.write(tidy)

    def listen(self) -> None:
        """Return nothing: a file tells nobody of its changes."""
        return

    def close(self) -> None:
        """Close the idle connections. The store may be used again afterwards."""
        self._file.close()


def _insert(db: sqlite3.Connection, table: str, values: Mapping[str, object]) -> None:
    marks = ", ".join("?" for _ in values)
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


def _live(db: sqlite3.Connection, request: ApprovalRequest) -> str | None:
    found = db.execute(LIVE, (request.call_key, request.created_ns, REDEEM_NS)).fetchone()
    return found[0] if found else None


def _check_tickets(db: sqlite3.Connection, request: ApprovalRequest, at_most: int | None) -> None:
    if at_most is not None and _other_tickets(db, request, request.created_ns) >= at_most:
        raise TooManyTickets


def _other_tickets(db: sqlite3.Connection, request: ApprovalRequest, now_ns: int) -> int:
    found = db.execute(OTHER_TICKETS, (request.requester, now_ns, request.approval_id)).fetchone()
    return int(found[0])


def _close(db: sqlite3.Connection, decided: Approval, at_ns: int) -> None:
    request = decided.request
    if db.execute(CLOSE, (decided.state, at_ns, request.approval_id)).rowcount != 1:
        raise ApprovalError("another process closed the request during the vote")
    if decided.state is State.APPROVED:
        until_ns = reusable_until(request, decided.votes, at_ns)
        db.execute(
            "UPDATE approvals SET reuse_until_ns = ? WHERE approval_id = ?", (until_ns, request.approval_id)
        )


def _one(db: sqlite3.Connection, approval_id: str) -> Approval | None:
    return next(iter(_fetch(db, f"WHERE a.approval_id = ? {IN_ORDER}", (approval_id,))), None)


def _found(db: sqlite3.Connection, approval_id: str) -> Approval:
    """Return the approval that a person names.

    Raises:
        VoteRefused: ``unknown``.
    """
    approval = _one(db, approval_id)
    if approval is None:
        raise VoteRefused(WhyRefused.UNKNOWN)
    return approval


def _known(db: sqlite3.Connection, approval_id: str) -> Approval:
    approval = _one(db, approval_id)
    if approval is None:
        raise ApprovalError("the approvals store does not know this request")
    return approval


def _fetch(db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Approval]:
    return approvals_of(db.execute(SELECT + where, values))
