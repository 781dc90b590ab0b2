"""The console's sessions in one SQLite file, with what belongs to their beginning and end.

No row holds a secret: of cookies and links only their SHA-256 is stored, and the provider's tokens are encrypted
by a key that follows from the cookie.
"""

import json
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from extproc.concurrency.sqlite_file import FileFormat, SqliteFile
from extproc.console.sign_in.errors import SessionsUnavailable, SignInRefused, WhyNot
from extproc.model.errors import ExtprocError
from extproc.model.identity import Identity
from extproc.model.units import NANOSECONDS_PER_SECOND

FILE = "sessions.db"
"""Name of the file in the state folder."""
BUSY_S = 2.0
"""Seconds to wait for another transaction; each one takes milliseconds."""
APPLICATION_ID = 0x45505353
"""``PRAGMA application_id`` ("EPSS"): distinguishes this file from other databases."""
SCHEMA_VERSION = 1
MOST_PER_PERSON = 20
"""Sessions of one person. The one that was used longest ago ends for a new one."""
MOST_ATTEMPTS = 10_000
"""Sign-ins that are under way at once; the oldest is given up for a new one."""
KEEP_LOGOUTS_NS = 600 * NANOSECONDS_PER_SECOND
"""Nanoseconds for which a provider's logout counts for later sessions: their sign-in may be under way."""

SCHEMA = """
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  person TEXT NOT NULL,
  sid TEXT NOT NULL,
  client_id TEXT NOT NULL,
  origin TEXT NOT NULL,
  identity TEXT NOT NULL,
  name TEXT NOT NULL,
  began_ns INTEGER NOT NULL,
  ends_ns INTEGER NOT NULL,
  seen_ns INTEGER NOT NULL,
  fresh_until_ns INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX sessions_people ON sessions (issuer, subject);
CREATE TABLE attempts (
  attempt_id TEXT PRIMARY KEY,
  next TEXT NOT NULL,
  origin TEXT NOT NULL,
  began_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE links (
  link_id TEXT PRIMARY KEY,
  identity TEXT NOT NULL,
  ends_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE logouts (
  issuer TEXT NOT NULL,
  token_id TEXT NOT NULL,
  sid TEXT NOT NULL,
  subject TEXT NOT NULL,
  at_ns INTEGER NOT NULL,
  PRIMARY KEY (issuer, token_id)
) STRICT;
"""
BEGIN = "INSERT INTO attempts VALUES (:attempt_id, :next, :origin, :began_ns, :expires_ns)"
GIVE_UP_ATTEMPTS = """
DELETE FROM attempts WHERE attempt_id NOT IN (SELECT attempt_id FROM attempts ORDER BY began_ns DESC LIMIT ?)
"""
OFFER = "INSERT INTO links VALUES (:link_id, :identity, :ends_ns, :expires_ns)"
ADD = """
INSERT INTO sessions VALUES (:session_id, :issuer, :subject, :person, :sid, :client_id, :origin, :identity, :name,
  :began_ns, :ends_ns, :seen_ns, :fresh_until_ns, :sealed)
"""
RENEW = """
UPDATE sessions SET person = :person, sid = :sid, identity = :identity, name = :name,
  fresh_until_ns = :fresh_until_ns, sealed = :sealed WHERE session_id = :session_id
"""
END_OLDEST = """
DELETE FROM sessions WHERE issuer = ? AND subject = ? AND session_id NOT IN
  (SELECT session_id FROM sessions WHERE issuer = ? AND subject = ? ORDER BY seen_ns DESC LIMIT ?)
"""
NOTE_LOGOUT = "INSERT INTO logouts VALUES (:issuer, :token_id, :sid, :subject, :at_ns)"
END_SID = "DELETE FROM sessions WHERE issuer = ? AND sid = ?"
END_SUBJECT = "DELETE FROM sessions WHERE issuer = ? AND subject = ?"
FORMAT = FileFormat(
    name="the store of sessions",
    application_id=APPLICATION_ID,
    version=SCHEMA_VERSION,
    schema=SCHEMA,
    error=SessionsUnavailable,
    passes=ExtprocError,
)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as the store keeps it. Times are nanoseconds since the Unix epoch."""

    session_id: str
    """SHA-256 of the cookie, in hexadecimal."""
    identity: Identity
    name: str
    """For people to read."""
    sid: str
    """The provider's id of its own session (OpenID Connect Back-Channel Logout section 2.1); empty: none."""
    client_id: str
    """The client for which the provider signed the person in; empty: a one-time link did."""
    origin: str
    """The address of the console that the session belongs to."""
    began_ns: int
    ends_ns: int
    """The end at the latest."""
    seen_ns: int
    """The last request, to within some seconds."""
    fresh_until_ns: int
    """The provider has to be asked again from then on."""
    sealed: bytes
    """The provider's tokens, for the bearer of the cookie alone."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that is under way."""

    attempt_id: str
    """SHA-256 of the browser's cookie."""
    next: str
    """The path to go to."""
    origin: str
    began_ns: int
    expires_ns: int


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link."""

    link_id: str
    """SHA-256 of the link's secret."""
    identity: Identity
    """The person who asked for it."""
    ends_ns: int
    """The end of the person's token, and so of the session."""
    expires_ns: int
    """The link cannot be used from then on."""


@dataclass(frozen=True, slots=True)
class Logout:
    """A provider's word that sessions have ended (OpenID Connect Back-Channel Logout section 2.4)."""

    issuer: str
    token_id: str
    """The claim ``jti``."""
    sid: str
    """Ends this session; empty: all sessions of the subject."""
    subject: str


class SessionStore:
    """Keeps sessions. Make one per process; its methods may be called from any thread.

    All raise ``SessionsUnavailable`` if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, FORMAT, busy_s=BUSY_S)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # What leads to a session.

    def begin(self, attempt: Attempt) -> None:
        """Store a sign-in that begins. The oldest ones give way."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM attempts WHERE expires_ns <= ?", (attempt.began_ns,))
            db.execute(GIVE_UP_ATTEMPTS, (MOST_ATTEMPTS - 1,))
            db.execute(BEGIN, asdict(attempt))

        self._file.write(work)

    def take_attempt(self, attempt_id: str, now_ns: int) -> Attempt | None:
        """Return a sign-in that is under way, once; None if it is unknown or has expired."""
        statement = "DELETE FROM attempts WHERE attempt_id = ? RETURNING *"
        row = self._file.write(lambda db: _one(db, statement, (attempt_id,)))
        attempt = Attempt(**row) if row else None
        return attempt if attempt and attempt.began_ns <= now_ns < attempt.expires_ns else None

    def offer(self, link: Link, now_ns: int) -> None:
        """Store a one-time link."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM links WHERE expires_ns <= ?", (now_ns,))
            db.execute(OFFER, {**asdict(link), "identity": _identity_text(link.identity)})

        self._file.write(work)

    def look_at_link(self, link_id: str, now_ns: int) -> Link | None:
        """Return a link that can still be used, and leave it; None if it is unknown or has expired."""
        row = self._file.read(lambda db: _one(db, "SELECT * FROM links WHERE link_id = ?", (link_id,)))
        return _link(row, now_ns)

    def take_link(self, link_id: str, now_ns: int) -> Link | None:
        """Return a link, once; None if it is unknown or has expired."""
        statement = "DELETE FROM links WHERE link_id = ? RETURNING *"
        return _link(self._file.write(lambda db: _one(db, statement, (link_id,))), now_ns)

    # Sessions.

    def add(self, session: StoredSession, *, attempted_ns: int, instead_of: str = "") -> None:
        """Store a new session.

        Args:
            session: the session.
            attempted_ns: when its sign-in began.
            instead_of: the id of the browser's former session, which ends.

        Raises:
            SignInRefused: the provider ended it meanwhile.
        """
        who = session.identity

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM logouts WHERE at_ns <= ?", (session.began_ns - KEEP_LOGOUTS_NS,))
            over = _one(
                db,
                "SELECT 1 FROM logouts WHERE issuer = ?"
                " AND ((sid <> '' AND sid = ?) OR (sid = '' AND subject = ? AND at_ns >= ?))",
                (who.issuer, session.sid, who.subject, attempted_ns),
            )
            if over and session.client_id:
                raise SignInRefused(WhyNot.SIGNED_OUT)
            db.execute("DELETE FROM sessions WHERE session_id = ? OR ends_ns <= ?", (instead_of, session.began_ns))
            people = (who.issuer, who.subject)
            db.execute(END_OLDEST, (*people, *people, MOST_PER_PERSON - 1))
            db.execute(ADD, _row(session))

        self._file.write(work)

    def get(self, session_id: str) -> StoredSession | None:
        """Return a session, whether or not it is over; None if there is none."""
        row = self._file.read(lambda db: _one(db, "SELECT * FROM sessions WHERE session_id = ?", (session_id,)))
        return _session(row) if row else None

    def renew(self, session: StoredSession) -> bool:
        """Store a session's new state, unless it has ended meanwhile. Returns whether it goes on."""
        return self._file.write(lambda db: db.execute(RENEW, _row(session)).rowcount) > 0

    def seen(self, session_id: str, now_ns: int) -> None:
        """Note a request of the session. Time never goes back."""
        statement = "UPDATE sessions SET seen_ns = max(seen_ns, ?) WHERE session_id = ?"
        self._file.write(lambda db: db.execute(statement, (now_ns, session_id)))

    def end(self, session_id: str) -> None:
        """End a session, if there is one."""
        self._file.write(lambda db: db.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,)))

    def end_all(self, who: Identity) -> int:
        """End all sessions of a person, at each of the person's accounts. Returns their number."""
        person = who.person
        statement = "DELETE FROM sessions WHERE (issuer = ? AND subject = ?) OR (person <> '' AND person = ?)"
        return self._file.write(lambda db: db.execute(statement, (who.issuer, who.subject, person)).rowcount)

    def log_out(self, logout: Logout, now_ns: int) -> int:
        """End the sessions that a provider ended, and those that are just beginning. Returns how many had begun.

        The same word, said again, ends nothing: neither do copies of it.
        """

        def work(db: sqlite3.Connection) -> int:
            known = (logout.issuer, logout.token_id)
            if _one(db, "SELECT 1 FROM logouts WHERE issuer = ? AND token_id = ?", known):
                return 0
            db.execute(NOTE_LOGOUT, {**asdict(logout), "at_ns": now_ns})
            if logout.sid:
                return db.execute(END_SID, (logout.issuer, logout.sid)).rowcount
            return db.execute(END_SUBJECT, (logout.issuer, logout.subject)).rowcount

        return self._file.write(work)


def _one(db: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> dict[str, Any] | None:
    found = db.execute(statement, values)
    row = found.fetchone()
    return dict(zip((name for name, *_ in found.description), row, strict=True)) if row else None


def _row(session: StoredSession) -> dict[str, Any]:
    who = session.identity
    more = {"issuer": who.issuer, "subject": who.subject, "person": who.person}
    fields = {name: getattr(session, name) for name in StoredSession.__slots__}
    return {**fields, **more, "identity": _identity_text(who)}


def _session(row: dict[str, Any]) -> StoredSession:
    fields = {name: row[name] for name in StoredSession.__slots__}
    return StoredSession(**{**fields, "identity": _identity(row["identity"])})


def _link(row: dict[str, Any] | None, now_ns: int) -> Link | None:
    if row is None or now_ns >= row["expires_ns"]:
        return None
    return Link(**{**row, "identity": _identity(row["identity"])})


def _identity_text(identity: Identity) -> str:
    return json.dumps(asdict(identity))


def _identity(text: str) -> Identity:
    fields = json.loads(text)
    return Identity(**{**fields, "groups": tuple(fields["groups"])})
