"""Definitions in one SQLite file, shared by the processes of one machine."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from extproc.concurrency.sqlite_file import FileFormat, SqliteFile
from extproc.model.errors import DefinitionError, VoteRefused, WhyRefused
from extproc.pinning.pins import (
    KEPT_MAX,
    PINNED_MAX,
    Acceptance,
    PinnedDefinition,
    SeenDefinition,
    Verdict,
)

FILE = "definitions.db"
"""The file's name in the state folder."""
BUSY_S = 2.0
"""Seconds to wait for another process's transaction; each one takes milliseconds."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS definitions (
  connection TEXT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('first-sight', 'changed', 'accepted', 'rejected')),
  first_seen_ns INTEGER NOT NULL,
  last_seen_ns INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (connection, name, digest)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS first_once ON definitions (connection, name) WHERE verdict = 'first-sight';
CREATE TABLE IF NOT EXISTS acceptances (
  connection TEXT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  person TEXT NOT NULL,
  note TEXT NOT NULL,
  at_ns INTEGER NOT NULL,
  PRIMARY KEY (connection, name, digest, person),
  FOREIGN KEY (connection, name, digest) REFERENCES definitions ON DELETE CASCADE
) STRICT;
"""
FORMAT = FileFormat(
    name="the store of definitions",
    application_id=0x45505244,  # "EPRD"
    version=1,
    schema=SCHEMA,
    error=DefinitionError,
    passes=VoteRefused,
)
SELECT = """
SELECT d.connection, d.name, d.digest, d.verdict, d.first_seen_ns, d.last_seen_ns, {text},
  a.person, a.note, a.at_ns
FROM definitions d LEFT JOIN acceptances a USING (connection, name, digest)
"""
WITHOUT_TEXT, WITH_TEXT = SELECT.format(text="''"), SELECT.format(text="d.text")
NEWEST = " ORDER BY d.connection, d.name, d.last_seen_ns DESC, d.digest, a.at_ns"
NAMED = "WHERE d.connection = ? AND d.name IN (SELECT value FROM json_each(?))"
KEY = "connection = ? AND name = ? AND digest = ?"
SEEN = """
INSERT INTO definitions VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (connection, name, digest) DO UPDATE SET last_seen_ns = max(last_seen_ns, excluded.last_seen_ns),
  verdict = CASE verdict WHEN 'rejected' THEN 'changed' ELSE verdict END
"""
FORGET = """
DELETE FROM definitions WHERE connection = ? AND name = ? AND verdict IN ('changed', 'rejected') AND digest NOT IN
  (SELECT digest FROM definitions WHERE connection = ? AND name = ? AND verdict IN ('changed', 'rejected')
   ORDER BY last_seen_ns DESC, digest LIMIT ?)
"""
HINT = "move this file aside: a new store is made, and each definition is seen for the first time again"


class SqlitePins:
    """Implements ``PinStore``. Make one per process; its methods may be called from any thread.

    Only the constructor creates the file. A file that disappears later is an error, never an empty store.
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
            DefinitionError: the file cannot be used, or belongs to another program.
        """
        try:
            self._file = SqliteFile(path, FORMAT, busy_s=busy_s, factory=factory)
        except DefinitionError as error:
            raise DefinitionError(f"{path}: {error}\n  {HINT}") from None

    def of(self, connection: str, names: Iterable[str]) -> dict[str, tuple[PinnedDefinition, ...]]:
        """Return the definitions of these functions, without texts. A function without any is left out."""
        values = (connection, json.dumps(list(names)))
        found = self._file.read(lambda db: list(_fetch(db, WITHOUT_TEXT + NAMED + NEWEST, values)))
        return {name: tuple(each) for name, each in groupby(found, key=lambda each: each.name)}

    def saw(self, connection: str, seen: tuple[SeenDefinition, ...], now_ns: int, *, first_sight: bool) -> None:
        """Store what a listing showed."""
        each_once = {(each.name, each.digest): each for each in seen}
        shown = Counter(name for name, _ in each_once)

        def store(db: sqlite3.Connection) -> None:
            for (name, digest), each in each_once.items():
                first = first_sight and shown[name] == 1 and not _has_any(db, connection, name)
                verdict = Verdict.FIRST_SIGHT if first else Verdict.CHANGED
                db.execute(SEEN, (connection, name, digest, verdict, now_ns, now_ns, each.text))
                db.execute(FORGET, (connection, name, connection, name, KEPT_MAX))
            count = "SELECT count(DISTINCT name) FROM definitions WHERE connection = ?"
            if db.execute(count, (connection,)).fetchone()[0] > PINNED_MAX:
                raise DefinitionError(f"connection {connection} lists more than {PINNED_MAX} functions")

        self._file.write(store)

    def accept(self, connection: str, name: str, digest: str, by: Acceptance, minimum: int) -> PinnedDefinition:
        """Count one person's acceptance; the definition is accepted when ``minimum`` people have accepted it."""
        key = (connection, name, digest)

        def count(db: sqlite3.Connection) -> PinnedDefinition:
            now = _known(db, key)
            if now.verdict is Verdict.ACCEPTED:
                raise VoteRefused(WhyRefused.NOT_PENDING, now.verdict)
            if any(each.person == by.person for each in now.acceptances):
                raise VoteRefused(WhyRefused.ALREADY_VOTED, now.verdict)
            db.execute("INSERT INTO acceptances VALUES (?, ?, ?, ?, ?, ?)", (*key, by.person, by.note, by.at_ns))
            if len(now.acceptances) + 1 >= max(1, minimum):
                db.execute(f"UPDATE definitions SET verdict = 'accepted' WHERE {KEY}", key)  # noqa: S608 - our own
            return _known(db, key)

        return self._file.write(count)

    def reject(self, connection: str, name: str, digest: str) -> PinnedDefinition:
        """Reject a definition: nobody has accepted it any more."""
        key = (connection, name, digest)

        def turn_down(db: sqlite3.Connection) -> PinnedDefinition:
            _known(db, key)
            db.execute(f"DELETE FROM acceptances WHERE {KEY}", key)  # noqa: S608 - our own text
            db.execute(f"UPDATE definitions SET verdict = 'rejected' WHERE {KEY}", key)  # noqa: S608 - our own text
            return _known(db, key)

        return self._file.write(turn_down)

    def all(self, *, limit: int) -> list[PinnedDefinition]:
        """Return the definitions of all connections without texts, by connection and name, the newest first."""
        where = (
            "WHERE (d.connection, d.name, d.digest) IN (SELECT connection, name, digest FROM definitions"
            " ORDER BY connection, name, last_seen_ns DESC, digest LIMIT ?)"
        )
        return self._file.read(lambda db: list(_fetch(db, WITHOUT_TEXT + where + NEWEST, (limit,))))

    def one(self, connection: str, name: str) -> tuple[PinnedDefinition, ...]:
        """Return the definitions of one function with their texts, the newest first."""
        where = "WHERE d.connection = ? AND d.name = ?" + NEWEST
        return self._file.read(lambda db: tuple(_fetch(db, WITH_TEXT + where, (connection, name))))

    def close(self) -> None:
        """Close the idle connections. The store may be used again afterwards."""
        self._file.close()


def _has_any(db: sqlite3.Connection, connection: str, name: str) -> bool:
    found = db.execute("SELECT 1 FROM definitions WHERE connection = ? AND name = ? LIMIT 1", (connection, name))
    return found.fetchone() is not None


def _known(db: sqlite3.Connection, key: tuple[str, str, str]) -> PinnedDefinition:
    where = "WHERE d.connection = ? AND d.name = ? AND d.digest = ?" + NEWEST
    found = next(_fetch(db, WITH_TEXT + where, key), None)
    if found is None:
        raise VoteRefused(WhyRefused.UNKNOWN)
    return found


def _fetch(db: sqlite3.Connection, query: str, values: tuple[object, ...]) -> Iterator[PinnedDefinition]:
    """Yield the definitions of a query, in its order; the rows of one definition's acceptances are adjacent."""
    rows = db.execute(query, values).fetchall()
    for (connection, name, digest, verdict, first_ns, last_ns, text), same in groupby(
        rows, key=lambda row: row[:7]
    ):
        people = tuple(Acceptance(*row[7:]) for row in same if row[7] is not None)
        yield PinnedDefinition(connection, name, digest, Verdict(verdict), first_ns, last_ns, people, text)
