"""Approvals in a PostgreSQL database, shared by the processes of many machines."""

import hashlib
from dataclasses import replace

from extproc.approvals.approval import Approval, ApprovalRequest, State, Vote
from extproc.approvals.port import MOST_TICKETS, PREFIX_MIN, Filter
from extproc.approvals.postgresql_changes import PostgresChanges
from extproc.approvals.postgresql_database import BoundedConnection, PostgresDatabase
from extproc.approvals.postgresql_schema import OPEN
from extproc.approvals.rules import (
    OVERTAKEN_NS,
    REDEEM_NS,
    REMEMBER_NS,
    can_change,
    reusable_until,
    state_after,
    why_refused,
)
from extproc.approvals.stored_approval import (
    APPROVAL_COLUMNS,
    VOTE_COLUMNS,
    approvals_of,
    request_row,
    vote_row,
)
from extproc.model.errors import ApprovalError, TooManyTickets, VoteRefused, WhyRefused
from extproc.model.withdrawal import WithdrawnBy

SELECT = f"""
SELECT a.approval_id, {APPROVAL_COLUMNS}, {VOTE_COLUMNS}
FROM extproc.approvals a LEFT JOIN extproc.votes v ON v.approval_id = a.approval_id
"""  # noqa: S608 - our own text
IN_ORDER = "ORDER BY a.approval_id, v.at_ns, v.vote_id"
NEWEST_FIRST = "ORDER BY a.approval_id DESC, v.at_ns, v.vote_id"
NEWEST_OF_EACH = """
SELECT approval_id FROM (
  SELECT approval_id, row_number() OVER (PARTITION BY requester ORDER BY approval_id DESC) AS nth
  FROM extproc.approvals WHERE {chosen}
) AS counted WHERE nth <= %s ORDER BY nth, approval_id DESC LIMIT %s
"""
AMONG = "ANY(string_to_array(%s, ','))"
"""Ids, joined by commas: four times as fast as an array when there are thousands."""
OTHER_TICKETS = """
SELECT count(*) FROM extproc.approvals
WHERE requester = %s AND state = 'pending' AND ticketed AND expires_ns > %s AND approval_id <> %s
"""
LOCK = "SELECT 1 FROM extproc.approvals WHERE approval_id = %s FOR UPDATE"
WITHDRAW = f"""
UPDATE extproc.approvals SET state = 'cancelled', closed_ns = %s, withdrawn_by = %s, withdrawn_key = %s
WHERE {OPEN} AND approval_id
"""  # noqa: S608 - our own text
CLOSE = "UPDATE extproc.approvals SET state = %s, closed_ns = %s WHERE approval_id = %s AND state = 'pending'"
LIVE = f"""
SELECT approval_id FROM extproc.approvals AS a
WHERE call_key = %s AND call_key <> '' AND ({OPEN} OR (state = 'denied' AND ticketed))
  AND %s < CASE state WHEN 'approved' THEN greatest(expires_ns, closed_ns + %s) ELSE expires_ns END
  AND NOT (state = 'approved' AND EXISTS (SELECT 1 FROM extproc.approvals AS d
    WHERE d.call_key = a.call_key AND d.call_key <> '' AND d.state = 'denied' AND d.closed_ns >= a.closed_ns))
ORDER BY approval_id DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608 - our own text
REUSABLE = f"""
WHERE a.approval_id = (SELECT approval_id FROM extproc.approvals WHERE reuse_key = %s AND reuse_key <> ''
  AND state = 'approved' AND reuse_until_ns > %s ORDER BY approval_id DESC LIMIT 1) {IN_ORDER}
"""  # noqa: S608 - our own text
WITHDRAWN_BEFORE = """
SELECT at_ns, withdrawn_by, key FROM extproc.withdrawals WHERE key = ANY(%s::text[]) AND at_ns >= %s LIMIT 1
"""
FORGET_WITHDRAWALS = """
DELETE FROM extproc.withdrawals
WHERE key IN (SELECT key FROM extproc.withdrawals WHERE at_ns < %s FOR UPDATE SKIP LOCKED)
"""
REMEMBER_WITHDRAWAL = """
INSERT INTO extproc.withdrawals AS w (key, withdrawn_by, at_ns) VALUES (%s, %s, %s)
ON CONFLICT (key) DO UPDATE SET withdrawn_by = excluded.withdrawn_by, at_ns = excluded.at_ns
"""
WITH_KEY = f"""
SELECT approval_id FROM extproc.approvals
WHERE {OPEN} AND approval_id IN (SELECT approval_id FROM extproc.withdrawal_keys WHERE key = %s)
ORDER BY approval_id FOR UPDATE
"""  # noqa: S608 - our own text
SPEND = """
UPDATE extproc.approvals SET spent_ns = %s
WHERE approval_id = %s AND digest = %s AND state = 'approved' AND spent_ns IS NULL
  AND %s < greatest(expires_ns, closed_ns + %s)
"""
EXPIRE_OVERDUE = """
UPDATE extproc.approvals SET state = 'expired', closed_ns = %s WHERE state = 'pending' AND approval_id IN (
  SELECT approval_id FROM extproc.approvals WHERE state = 'pending' AND expires_ns <= %s FOR UPDATE SKIP LOCKED)
RETURNING approval_id
"""
FORGET_CLOSED = """
DELETE FROM extproc.approvals WHERE approval_id IN (
  SELECT approval_id FROM extproc.approvals WHERE state <> 'pending' AND closed_ns < %s AND reuse_until_ns < %s
  FOR UPDATE SKIP LOCKED)
"""


class PostgresApprovals:
    """Implements ``ApprovalStore``. Make one per process; its methods may be called from any thread.

    Row locks take the place of SQLite's one writer: a transaction locks the rows that it decides about, or the
    keys of rows that others may be about to insert, before it looks at them. Several rows are locked in order of
    their ids, or skipped if they are locked.
    """

    def __init__(self, url: str, *, factory: type[BoundedConnection] = BoundedConnection) -> None:
        """Read the URL. The first operation connects, and makes or migrates the tables.

        Args:
            url: see ``extproc.approvals.postgresql_address``.
            factory: the class of connections. Tests pass one that fails on purpose.

        Raises:
            ApprovalError: the URL cannot be used.
        """
        self._database = PostgresDatabase(url, factory=factory)

    def open(
        self,
        request: ApprovalRequest,
        keys: tuple[str, ...] = (),
        began_ns: int = 0,
        at_most: int | None = None,
    ) -> Approval:
        """Store a pending request, or share the live one of the same call; store a withdrawn one as cancelled."""

        def share_or_insert(db: BoundedConnection) -> Approval:
            _lock_keys(db, *keys, request.call_key)
            earlier = db.execute(WITHDRAWN_BEFORE, (list(keys), began_ns - OVERTAKEN_NS)).fetchone()
            live = None if earlier else _live(db, request)
            if live is None:
                _check_tickets(db, request, at_most)
                _insert(db, "approvals", request_row(request))
            else:
                db.execute("UPDATE extproc.approvals SET waiting = waiting + 1 WHERE approval_id = %s", (live,))
            approval_id = live or request.approval_id
            db.execute(
                "INSERT INTO extproc.withdrawal_keys (approval_id, key)"
                " SELECT %s, key FROM unnest(%s::text[]) key ON CONFLICT DO NOTHING",
                (approval_id, list(keys)),
            )
            if earlier:
                db.execute(f"{WITHDRAW} = %s", (*earlier, approval_id))
            return _known(db, approval_id)

        return self._database.write(share_or_insert)

    def issue_ticket(self, approval_id: str, now_ns: int, at_most: int = MOST_TICKETS) -> Approval:
        """Note that a call stops waiting, and that its caller was told to call again."""

        def note(db: BoundedConnection) -> Approval:
            now = _known(db, approval_id)
            _lock_keys(db, f"tickets of {now.request.requester}")  # others would count the same tickets
            if _other_tickets(db, now.request, now_ns) >= at_most:
                return now
            db.execute(
                "UPDATE extproc.approvals SET ticketed = true, waiting = greatest(0, waiting - 1)"
                " WHERE approval_id = %s",
                (approval_id,),
            )
            return _known(db, approval_id)

        return self._database.write(note)

    def abandon(self, approval_id: str, now_ns: int) -> Approval:
        """Note that a call stops waiting for good. The last one cancels the request, unless it has a ticket."""

        def leave(db: BoundedConnection) -> Approval:
            db.execute(
                "UPDATE extproc.approvals SET waiting = greatest(0, waiting - 1) WHERE approval_id = %s",
                (approval_id,),
            )
            db.execute(f"{WITHDRAW} = %s AND waiting = 0 AND NOT ticketed", (now_ns, "", "", approval_id))
            return _known(db, approval_id)

        return self._database.write(leave)

    def withdraw(self, key: str, by: WithdrawnBy, now_ns: int) -> int:
        """Cancel all requests with this key that are pending, or approved and not spent."""

        def close(db: BoundedConnection) -> int:
            _lock_keys(db, key)
            db.execute(FORGET_WITHDRAWALS, (now_ns - REMEMBER_NS,))
            db.execute(REMEMBER_WITHDRAWAL, (key, by, now_ns))
            found = [approval_id for (approval_id,) in db.execute(WITH_KEY, (key,))]
            return db.execute(f"{WITHDRAW} = {AMONG}", (now_ns, by, key, ",".join(found))).rowcount

        return self._database.write(close)

    def vote(self, approval_id: str, vote: Vote, groups: tuple[str, ...]) -> Approval:
        """Count one person's vote, and close the request if the vote decides it."""

        def count(db: BoundedConnection) -> Approval:
            now = _locked(db, approval_id)
            counted = replace(vote, groups=groups)
            why = why_refused(now.request, now.state, now.counted, counted, groups)
            if why is not None:
                raise VoteRefused(why, now.state)
            _insert(db, "votes", vote_row(approval_id, counted))
            after = state_after(now.request, (*now.counted, counted))
            if after is not State.PENDING:
                _close(db, replace(now, state=after, votes=(*now.counted, counted)), vote.at_ns)
            return _known(db, approval_id)

        return self._database.write(count)

    def withdraw_vote(self, approval_id: str, voter: str, now_ns: int) -> Approval:
        """Take one person's approval back."""

        def take_back(db: BoundedConnection) -> Approval:
            now = _locked(db, approval_id)
            if voter not in now.approvers or not can_change(now, now_ns):
                raise VoteRefused(WhyRefused.NOTHING_TO_WITHDRAW, now.state)
            db.execute(
                "UPDATE extproc.votes SET withdrawn_ns = %s"
                " WHERE approval_id = %s AND voter = %s AND withdrawn_ns = 0",
                (now_ns, approval_id, voter),
            )
            db.execute("UPDATE extproc.approvals SET reuse_until_ns = 0 WHERE approval_id = %s", (approval_id,))
            if now.state is State.APPROVED:
                db.execute(f"{WITHDRAW} = %s", (now_ns, WithdrawnBy.APPROVER, "", approval_id))
            return _known(db, approval_id)

        return self._database.write(take_back)

    def cancel_own(self, approval_id: str, now_ns: int) -> Approval:
        """Cancel a request for its caller, if it is pending, or approved and not spent."""

        def cancel(db: BoundedConnection) -> Approval:
            now = _locked(db, approval_id)
            if db.execute(f"{WITHDRAW} = %s", (now_ns, WithdrawnBy.REQUESTER, "", approval_id)).rowcount != 1:
                raise VoteRefused(WhyRefused.NOT_PENDING, now.state)
            return _known(db, approval_id)

        return self._database.write(cancel)

    def expire(self, approval_id: str, now_ns: int) -> Approval:
        """Close a pending request as expired; return its state, whoever closed it."""

        def close(db: BoundedConnection) -> Approval:
            db.execute(CLOSE, (State.EXPIRED, now_ns, approval_id))
            return _known(db, approval_id)

        return self._database.write(close)

    def spend(self, approval_id: str, digest: str, now_ns: int) -> bool:
        """Use an approval up. Return True exactly once, for an approved request with this digest."""
        values = (now_ns, approval_id, digest, now_ns, REDEEM_NS)
        return self._database.write(lambda db: db.execute(SPEND, values).rowcount == 1)

    def reusable(self, reuse_key: str, now_ns: int) -> Approval | None:
        """Return the newest approval that releases further calls with this key now; None if there is none."""
        return next(iter(self._fetch(REUSABLE, reuse_key, now_ns)), None)

    def get(self, approval_id: str) -> Approval | None:
        """Return a request by its id or an unambiguous prefix of it (at least ``PREFIX_MIN`` characters)."""
        if len(approval_id) < PREFIX_MIN:
            return None
        # ``~`` sorts after every character of an id: the range is the prefix, and the index serves it.
        where = f"WHERE a.approval_id >= %s AND a.approval_id < %s || '~' {IN_ORDER} LIMIT 1000"
        found = self._fetch(where, approval_id, approval_id)
        exact = [approval for approval in found if approval.request.approval_id == approval_id]
        candidates = exact or found
        return candidates[0] if len(candidates) == 1 else None

    def closed_among(self, approval_ids: list[str]) -> list[Approval]:
        """Return those of these requests that are not pending any more. One query for any number of ids."""
        return self._fetch(
            f"WHERE a.approval_id = {AMONG} AND a.state <> 'pending' {IN_ORDER}", ",".join(approval_ids)
        )

    def recent(self, *, pending_only: bool, limit: int) -> list[Approval]:
        """Return the newest requests, newest first."""
        return self.search(Filter(states=(State.PENDING,) if pending_only else (), limit=limit))

    def search(self, wanted: Filter) -> list[Approval]:
        """Return requests, newest first."""
        # As text: an index of pending requests serves no state that comes later, as a parameter.
        states = ", ".join(f"'{State(each)}'" for each in wanted.states)
        conditions = {
            "function = %s": wanted.function,
            "requester = %s": wanted.requester,
            "ticketed = %s": wanted.ticketed,
            "approval_id < %s": wanted.before_id,
        }
        given = {text: value for text, value in conditions.items() if value is not None and value != ""}
        chosen = " AND ".join((*given, f"state IN ({states})" if states else "true"))
        bounds: tuple[int, ...] = (wanted.limit,)
        ids = f"SELECT approval_id FROM extproc.approvals WHERE {chosen} ORDER BY approval_id DESC LIMIT %s"  # noqa: S608 - our own text
        if wanted.per_requester:
            ids, bounds = NEWEST_OF_EACH.format(chosen=chosen), (wanted.per_requester, wanted.limit)
        return self._fetch(f"WHERE a.approval_id IN ({ids}) {NEWEST_FIRST}", *given.values(), *bounds)

    def sweep(self, now_ns: int, *, keep_ns: int) -> list[Approval]:
        """Close requests that expired while no call waited; delete those that were closed ``keep_ns`` ago."""

        def tidy(db: BoundedConnection) -> list[Approval]:
            overdue = [approval_id for (approval_id,) in db.execute(EXPIRE_OVERDUE, (now_ns, now_ns))]
            db.execute(FORGET_CLOSED, (now_ns - keep_ns, now_ns))
            return _fetch(db, f"WHERE a.approval_id = {AMONG} {IN_ORDER}", ",".join(overdue))

        return self._database.write(tidy)

    def listen(self) -> PostgresChanges:
        """Return a listener for changes by any process of any machine."""
        return PostgresChanges(self._database)

    def close(self) -> None:
        """Close the idle connections. The store may be used again afterwards."""
        self._database.close()

    def _fetch(self, where: str, *values: object) -> list[Approval]:
        return self._database.read(lambda db: _fetch(db, where, *values))


def _lock_keys(db: BoundedConnection, *keys: str) -> None:
    """Lock keys until the end of the transaction, and with them the rows that nobody has inserted yet."""
    numbers = sorted({_number(key) for key in keys if key})
    if numbers:
        db.execute("SELECT pg_advisory_xact_lock(n) FROM unnest(%s::bigint[]) n", (numbers,))


def _number(key: str) -> int:
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _insert(db: BoundedConnection, table: str, values: dict[str, str | int]) -> None:
    marks = ", ".join("%s" for _ in values)
    text = f"INSERT INTO extproc.{table} ({', '.join(values)}) VALUES ({marks})"  # noqa: S608 - our own text
    db.execute(text, tuple(values.values()))


def _live(db: BoundedConnection, request: ApprovalRequest) -> str | None:
    found = db.execute(LIVE, (request.call_key, request.created_ns, REDEEM_NS)).fetchone()
    return found[0] if found else None


def _check_tickets(db: BoundedConnection, request: ApprovalRequest, at_most: int | None) -> None:
    if at_most is not None and _other_tickets(db, request, request.created_ns) >= at_most:
        raise TooManyTickets


def _other_tickets(db: BoundedConnection, request: ApprovalRequest, now_ns: int) -> int:
    found = db.execute(OTHER_TICKETS, (request.requester, now_ns, request.approval_id)).fetchone()
    return int(found[0]) if found else 0


def _close(db: BoundedConnection, decided: Approval, at_ns: int) -> None:
    request = decided.request
    if db.execute(CLOSE, (decided.state, at_ns, request.approval_id)).rowcount != 1:
        raise ApprovalError("another process closed the request during the vote")
    if decided.state is State.APPROVED:
        until_ns = reusable_until(request, decided.votes, at_ns)
        db.execute(
            "UPDATE extproc.approvals SET reuse_until_ns = %s WHERE approval_id = %s",
            (until_ns, request.approval_id),
        )


def _locked(db: BoundedConnection, approval_id: str) -> Approval:
    """Lock a request, then read it: what was read before would be older than the lock."""
    if db.execute(LOCK, (approval_id,)).fetchone() is None:
        raise VoteRefused(WhyRefused.UNKNOWN)
    return _known(db, approval_id)


def _known(db: BoundedConnection, approval_id: str) -> Approval:
    found = _fetch(db, f"WHERE a.approval_id = %s {IN_ORDER}", approval_id)
    if not found:
        raise ApprovalError("the approvals store does not know this request")
    return found[0]


def _fetch(db: BoundedConnection, where: str, *values: object) -> list[Approval]:
    return approvals_of(db.execute(SELECT + where, values))
