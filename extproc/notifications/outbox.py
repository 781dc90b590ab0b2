"""The outbox: what is to be sent to whom, in one SQLite file, so that a crash loses nothing and repeats little.

Guarantees: exactly one delivery for each approval, event and target, whoever asks for it how often; a delivery
leaves ``queued`` once, and is durable before and after each attempt. Holds masked values only, and no secret.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from extproc.concurrency.sqlite_file import FileFormat, SqliteFile
from extproc.model.errors import NotificationError
from extproc.model.notification_events import NotificationEvent
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.notice import Notice, read_notice

FILE = "notifications.db"
"""The outbox in the state folder."""
BUSY_S = 5.0
APPLICATION_ID = 0x45504E4F
"""``PRAGMA application_id`` ("EPNO")."""
SCHEMA_VERSION = 1
QUEUED_MAX = 50_000
"""Most queued deliveries of one target. Further ones are dropped, and counted; break-glass never is."""
FAR_NS = 3_600 * NANOSECONDS_PER_SECOND
"""No attempt is ever planned further ahead: one that seems to be was planned before the clock was set back."""
KEEP_NS = 31 * 86_400 * NANOSECONDS_PER_SECOND
"""Nanoseconds for which it is remembered what was sent: longer than the approvals store keeps closed requests."""
KEEP_TEXT_NS = 86_400 * NANOSECONDS_PER_SECOND
"""Nanoseconds for which the text of a notice is kept when all of its deliveries are over."""

URGENT_NS = 86_400 * NANOSECONDS_PER_SECOND
"""Nanoseconds for which break-glass is tried at least."""

SCHEMA = """
CREATE TABLE notices (
  approval_id TEXT NOT NULL,
  event TEXT NOT NULL,
  function TEXT NOT NULL,
  document TEXT NOT NULL,
  made_ns INTEGER NOT NULL,
  PRIMARY KEY (approval_id, event)
) STRICT;
CREATE INDEX notices_made ON notices (made_ns);
CREATE TABLE deliveries (
  approval_id TEXT NOT NULL,
  event TEXT NOT NULL,
  target TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'sent', 'failed', 'superseded', 'dropped')),
  urgent INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  queued_ns INTEGER NOT NULL,
  next_ns INTEGER NOT NULL,
  done_ns INTEGER NOT NULL DEFAULT 0,
  batch TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (approval_id, event, target)
) STRICT;
CREATE INDEX deliveries_queued ON deliveries (target, urgent DESC, queued_ns, approval_id) WHERE state = 'queued';
CREATE INDEX deliveries_batch ON deliveries (target, batch) WHERE state = 'queued' AND batch <> '';
CREATE INDEX deliveries_failed ON deliveries (target) WHERE state = 'failed';
CREATE INDEX deliveries_newest ON deliveries (queued_ns);
CREATE TABLE watched (
  approval_id TEXT PRIMARY KEY,
  created_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL,
  open INTEGER NOT NULL,
  seen_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX watched_open ON watched (approval_id) WHERE open = 1;
CREATE INDEX watched_seen ON watched (seen_ns) WHERE open = 0;
CREATE TABLE posted (
  target TEXT NOT NULL,
  approval_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  message TEXT NOT NULL,
  at_ns INTEGER NOT NULL,
  PRIMARY KEY (target, approval_id)
) STRICT;
CREATE TABLE interactions (key TEXT PRIMARY KEY, at_ns INTEGER NOT NULL) STRICT;
CREATE TABLE began (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), at_ns INTEGER NOT NULL) STRICT;
"""

FORMAT = FileFormat(
    name="the outbox of notifications",
    application_id=APPLICATION_ID,
    version=SCHEMA_VERSION,
    schema=SCHEMA,
    error=NotificationError,
    passes=NotificationError,
)


class DeliveryState(StrEnum):
    """The state of a delivery."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    """It was tried for as long as is allowed, or the receiver refused it for good."""
    SUPERSEDED = "superseded"
    """The approval was decided before people could be asked."""
    DROPPED = "dropped"
    """Too much was queued."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event of one approval for one target."""

    approval_id: str
    event: NotificationEvent
    target: str
    function: str
    state: DeliveryState
    attempts: int
    queued_ns: int
    next_ns: int
    done_ns: int
    batch: str
    """The group that it is sent with; empty: alone."""
    error: str
    """What the last attempt failed of; never a secret."""
    posted: bool
    """True if the target shows a message about the approval, which can be replaced."""

    @property
    def replaces(self) -> bool:
        """True if it replaces a message, and so adds none."""
        return self.posted and self.event in (NotificationEvent.DECIDED, NotificationEvent.EXPIRED)

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies it."""
        return self.approval_id, self.event.value, self.target


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for one target."""

    target: str
    queued: int
    failed: int
    dropped: int
    oldest_ns: int
    """When the oldest queued delivery was queued; 0: none is."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of an approval."""

    approval_id: str
    created_ns: int
    expires_ns: int
    open: bool


SELECT = """
SELECT d.approval_id, d.event, d.target, n.function, d.state, d.attempts, d.queued_ns, d.next_ns, d.done_ns,
  d.batch, d.error, p.message IS NOT NULL
FROM deliveries d
LEFT JOIN notices n ON n.approval_id = d.approval_id AND n.event = d.event
LEFT JOIN posted p ON p.target = d.target AND p.approval_id = d.approval_id
"""
DUE = f"""{SELECT}
WHERE d.target = ? AND d.state = 'queued' AND (d.next_ns <= ? OR d.next_ns > ?)
ORDER BY d.urgent DESC, d.queued_ns, d.approval_id LIMIT ?
"""
OF_BATCH = f"{SELECT} WHERE d.target = ? AND d.state = 'queued' AND d.batch = ? AND d.batch <> ''"
NEXT = """
SELECT min(CASE WHEN next_ns > ? THEN 0 ELSE next_ns END) FROM deliveries WHERE target = ? AND state = 'queued'
"""
WATCH = """
INSERT INTO watched VALUES (?, ?, ?, ?, ?) ON CONFLICT (approval_id) DO UPDATE SET open = excluded.open
"""
QUEUE = """
INSERT OR IGNORE INTO deliveries (approval_id, event, target, state, urgent, queued_ns, next_ns, done_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
ONE = "WHERE approval_id = ? AND event = ? AND target = ? AND state = 'queued'"
SUPERSEDE = """
UPDATE deliveries SET state = 'superseded', done_ns = ?
WHERE target = ? AND state = 'queued' AND event IN ('created', 'expiring')
  AND EXISTS (SELECT 1 FROM watched w WHERE w.approval_id = deliveries.approval_id AND w.open = 0)
"""
GIVE_UP = """
UPDATE deliveries
SET state = 'failed', done_ns = ?, error = CASE error WHEN '' THEN 'not sent in time' ELSE error END
WHERE target = ? AND state = 'queued' AND urgent = ? AND queued_ns <= ?
"""
RETRY = """
UPDATE deliveries SET state = 'queued', attempts = 0, queued_ns = ?, next_ns = ?, done_ns = 0, batch = ''
WHERE state = 'failed' AND (? = '' OR target = ?) AND substr(approval_id, 1, ?) = ?
"""
BACKLOG = """
SELECT target, sum(state = 'queued'), sum(state = 'failed'), sum(state = 'dropped'),
  coalesce(min(CASE state WHEN 'queued' THEN queued_ns END), 0)
FROM deliveries WHERE state IN ('queued', 'failed', 'dropped') GROUP BY target
"""
FORGET_TEXT = """
UPDATE notices SET document = ''
WHERE made_ns < ? AND document <> '' AND NOT EXISTS (
  SELECT 1 FROM deliveries d WHERE d.approval_id = notices.approval_id AND d.event = notices.event
    AND d.state IN ('queued', 'failed')
)
"""


class Outbox:
    """The outbox of one installation. Its methods block, and may be called from any thread and process."""

    def __init__(self, file: Path, *, factory: type[sqlite3.Connection] = sqlite3.Connection) -> None:
        """Open the file; make it if there is none.

        Args:
            file: the SQLite file.
            factory: the class of connections. Tests pass one that fails on purpose.

        Raises:
            NotificationError: the file cannot be used.
        """
        self._file = SqliteFile(file, FORMAT, busy_s=BUSY_S, factory=factory)

    def close(self) -> None:
        """Close the idle connections."""
        self._file.close()

    def began_ns(self, now_ns: int) -> int:
        """Return when notifications began here: nobody is told of what was over before."""

        def work(db: sqlite3.Connection) -> int:
            db.execute("INSERT OR IGNORE INTO began VALUES (1, ?)", (now_ns,))
            (at_ns,) = db.execute("SELECT at_ns FROM began").fetchone()
            return int(at_ns)

        return self._file.write(work)

    # --- what is known of approvals

    def watched(self) -> dict[str, Watched]:
        """Return all approvals that are known."""
        rows = self._file.read(
            lambda db: db.execute("SELECT approval_id, created_ns, expires_ns, open FROM watched").fetchall()
        )
        return {row[0]: Watched(row[0], row[1], row[2], bool(row[3])) for row in rows}

    def record(
        self, notices: Sequence[tuple[Notice, Iterable[str]]], watched: Iterable[Watched], now_ns: int
    ) -> int:
        """Queue notices, and note what is known of their approvals: both or neither.

        A delivery that exists already is left as it is.

        Args:
            notices: each with the targets that it is for.
            watched: the approvals as they are known now.
            now_ns: wall clock.

        Returns:
            How many deliveries were dropped, since too much is queued.
        """

        def work(db: sqlite3.Connection) -> int:
            room = _Room(db)
            dropped = sum(_queue(db, notice, list(targets), room, now_ns) for notice, targets in notices)
            rows = [
                (each.approval_id, each.created_ns, each.expires_ns, int(each.open), now_ns) for each in watched
            ]
            db.executemany(WATCH, rows)
            return dropped

        return self._file.write(work)

    # --- delivery

    def settle(self, target: str, now_ns: int, retry_for_ns: int, *, for_people: bool) -> int:
        """Give up what is too old, and what asks people for what is decided by now.

        Args:
            target: the target.
            now_ns: wall clock.
            retry_for_ns: how long a delivery is tried. Break-glass is tried a day.
            for_people: True if the target's messages ask people to decide.

        Returns:
            How many deliveries have failed so.
        """

        def work(db: sqlite3.Connection) -> int:
            if for_people:
                db.execute(SUPERSEDE, (now_ns, target))
            ages = ((0, retry_for_ns), (1, max(retry_for_ns, URGENT_NS)))
            return sum(
                db.execute(GIVE_UP, (now_ns, target, urgent, now_ns - age_ns)).rowcount for urgent, age_ns in ages
            )

        return self._file.write(work)

    def due(self, target: str, now_ns: int, limit: int) -> list[Delivery]:
        """Return deliveries that may be tried now: break-glass first, then the oldest."""
        rows = self._file.read(lambda db: db.execute(DUE, (target, now_ns, now_ns + FAR_NS, limit)).fetchall())
        return [_delivery(row) for row in rows]

    def of_batch(self, target: str, batch: str) -> list[Delivery]:
        """Return the queued deliveries of a group."""
        return [
            _delivery(row) for row in self._file.read(lambda db: db.execute(OF_BATCH, (target, batch)).fetchall())
        ]

    def notice(self, delivery: Delivery) -> Notice | None:
        """Return what is to be told; None if its text is not kept any more, or cannot be read."""
        key = (delivery.approval_id, delivery.event.value)
        sql = "SELECT document FROM notices WHERE approval_id = ? AND event = ?"
        row = self._file.read(lambda db: db.execute(sql, key).fetchone())
        try:
            return read_notice(json.loads(row[0])) if row else None
        except (ValueError, TypeError, KeyError):
            return None

    def begin(self, deliveries: Sequence[Delivery], next_ns: int, batch: str = "") -> None:
        """Count an attempt before it is made: a delivery that kills the process is tried again later, too."""
        self._update(deliveries, "attempts = attempts + 1, next_ns = ?, batch = ?", (next_ns, batch))

    def sent(self, deliveries: Sequence[Delivery], now_ns: int) -> None:
        """Note that the target has taken them."""
        self._update(deliveries, "state = 'sent', done_ns = ?, error = ''", (now_ns,))

    def failed(self, deliveries: Sequence[Delivery], now_ns: int, error: str) -> None:
        """Give them up."""
        self._update(deliveries, "state = 'failed', done_ns = ?, error = ?", (now_ns, error))

    def later(self, deliveries: Sequence[Delivery], next_ns: int, error: str) -> None:
        """Note why an attempt failed, and when the next is due."""
        self._update(deliveries, "next_ns = ?, error = ?", (next_ns, error))

    def next_ns(self, target: str, now_ns: int) -> int:
        """Return when the next delivery of the target is due; 0: none is queued."""
        (at_ns,) = self._file.read(lambda db: db.execute(NEXT, (now_ns + FAR_NS, target)).fetchone())
        return 0 if at_ns is None else max(1, int(at_ns))

    def _update(self, deliveries: Sequence[Delivery], change: str, values: tuple[object, ...]) -> None:
        sql = f"UPDATE deliveries SET {change} {ONE}"  # noqa: S608 - words of this module
        self._file.write(lambda db: db.executemany(sql, [(*values, *each.key) for each in deliveries]))

    # --- messages of Slack

    def posted(self, target: str, approval_id: str) -> tuple[str, str] | None:
        """Return channel and time stamp of the message about an approval."""
        sql = "SELECT channel, message FROM posted WHERE target = ? AND approval_id = ?"
        row = self._file.read(lambda db: db.execute(sql, (target, approval_id)).fetchone())
        return (row[0], row[1]) if row else None

    def remember_posted(self, target: str, approval_id: str, channel: str, message: str, now_ns: int) -> None:
        """Note where the message about an approval is."""
        sql = "INSERT OR REPLACE INTO posted VALUES (?, ?, ?, ?, ?)"
        self._file.write(lambda db: db.execute(sql, (target, approval_id, channel, message, now_ns)))

    def first_time(self, key: str, now_ns: int) -> bool:
        """Return True once for each key, whatever is restarted meanwhile."""
        sql = "INSERT OR IGNORE INTO interactions VALUES (?, ?)"
        return self._file.write(lambda db: db.execute(sql, (key, now_ns)).rowcount) == 1

    # --- people

    def listed(
        self, *, states: Sequence[DeliveryState] = (), target: str = "", limit: int = 100
    ) -> list[Delivery]:
        """Return deliveries, newest first.

        Args:
            states: only in these; none: in all.
            target: only of this; empty: of all.
            limit: at most so many.
        """
        wanted = [each.value for each in states or tuple(DeliveryState)]
        marks = ", ".join("?" * len(wanted))
        where = f"d.state IN ({marks}) AND (? = '' OR d.target = ?)"
        sql = f"{SELECT} WHERE {where} ORDER BY d.queued_ns DESC, d.approval_id DESC LIMIT ?"
        rows = self._file.read(lambda db: db.execute(sql, (*wanted, target, target, limit)).fetchall())
        return [_delivery(row) for row in rows]

    def retry(self, now_ns: int, *, target: str = "", approval_id: str = "") -> int:
        """Queue failed deliveries again, as if they were new. Return how many.

        Args:
            now_ns: wall clock.
            target: only of this; empty: of all.
            approval_id: only of this, by the beginning of its id; empty: of all.
        """
        values = (now_ns, now_ns, target, target, len(approval_id), approval_id)
        return self._file.write(lambda db: db.execute(RETRY, values).rowcount)

    def backlog(self) -> list[Backlog]:
        """Return what waits, by target."""
        return [Backlog(*row) for row in self._file.read(lambda db: db.execute(BACKLOG).fetchall())]

    def sweep(self, now_ns: int) -> None:
        """Forget what is long over."""

        def work(db: sqlite3.Connection) -> None:
            old, text = now_ns - KEEP_NS, now_ns - KEEP_TEXT_NS
            db.execute("DELETE FROM deliveries WHERE state <> 'queued' AND queued_ns < ?", (old,))
            db.execute("DELETE FROM watched WHERE open = 0 AND seen_ns < ?", (old,))
            db.execute("DELETE FROM posted WHERE at_ns < ?", (old,))
            db.execute("DELETE FROM interactions WHERE at_ns < ?", (text,))
            db.execute("DELETE FROM notices WHERE made_ns < ?", (old,))
            db.execute(FORGET_TEXT, (text,))

        self._file.write(work)


def _queue(db: sqlite3.Connection, notice: Notice, targets: list[str], room: "_Room", now_ns: int) -> int:
    """Queue a notice; return for how many targets there was no room."""
    if not targets:
        return 0
    key, urgent = (notice.approval_id, notice.event.value), notice.event is NotificationEvent.BREAK_GLASS
    text = json.dumps(notice.document(), ensure_ascii=True)
    db.execute("INSERT OR IGNORE INTO notices VALUES (?, ?, ?, ?, ?)", (*key, notice.function, text, now_ns))
    dropped = 0
    for target in targets:
        fits = urgent or room.take(target)
        state, done_ns = (DeliveryState.QUEUED, 0) if fits else (DeliveryState.DROPPED, now_ns)
        values = (*key, target, state.value, int(urgent), now_ns, now_ns, done_ns)
        made = db.execute(QUEUE, values).rowcount
        dropped += 0 if fits else made
    return dropped


class _Room:
    """The room that is left in the queue of each target, in one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._left: dict[str, int] = {}

    def take(self, target: str) -> bool:
        if target not in self._left:
            sql = "SELECT count(*) FROM deliveries WHERE target = ? AND state = 'queued'"
            (count,) = self._db.execute(sql, (target,)).fetchone()
            self._left[target] = QUEUED_MAX - count
        self._left[target] -= 1
        return self._left[target] >= 0


def _delivery(row: tuple[str, str, str, str | None, str, int, int, int, int, str, str, int]) -> Delivery:
    approval_id, event, target, function, state, attempts, queued_ns, next_ns, done_ns, batch, error, posted = row
    return Delivery(
        approval_id,
        NotificationEvent(event),
        target,
        function or "",
        DeliveryState(state),
        attempts,
        queued_ns,
        next_ns,
        done_ns,
        batch,
        error,
        bool(posted),
    )
