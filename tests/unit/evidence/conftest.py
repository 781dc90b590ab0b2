"""Entries to store, and a database that fails on purpose."""

import sqlite3
import threading
from pathlib import Path

import pytest

from extproc.evidence.spool.spool_file import connect
from extproc.model.entries import Entry, EntryKind
from extproc.model.masking import Finding, Side


def make_entry(number: int = 0, kind: EntryKind = EntryKind.DECIDED, **changes) -> Entry:
    """One entry, told apart by ``call_id``."""
    values = {
        "time_ns": 1_700_000_000_000_000_000 + number,
        "connection": "crm",
        "function": "crm.get_customer",
        "issuer": "https://id.example",
        "subject": "ann",
        "groups": ("sales",),
        "action": "allow",
        "reason": "policy-allowed",
        "arguments": '{"id":"c-1","ssn":"[US_SSN]"}',
        "findings": (Finding("US_SSN", "$.ssn", "redact", side=Side.REQUEST),),
    }
    return Entry(kind, f"call-{number}", **(values | changes))


class FaultyConnection(sqlite3.Connection):
    """A connection whose next commits fail: before they happen, or after."""

    faults: "Faults"

    def execute(self, sql, *args):
        self.faults.raise_for(sql)
        cursor = super().execute(sql, *args)
        self.faults.raise_after(sql)
        return cursor


class Faults:
    """Switches. Each is the number of times it will still strike."""

    def __init__(self) -> None:
        self.commit_fails = 0
        self.commit_happens_but_fails = 0
        self.open_fails = 0
        self.begin_fails = 0
        self.begin_kills = 0
        """Ends the thread: nothing that a writer thread catches."""
        self.pages = 0
        self.gate = threading.Event()
        """No transaction begins until it is open."""
        self.gate.set()
        self.begins = threading.Event()
        """One would."""

    def connect(self, path: Path) -> sqlite3.Connection:
        if self._strikes("open_fails"):
            raise sqlite3.OperationalError("cannot open")
        connect(path).close()
        faults = self

        class Connection(FaultyConnection):
            pass

        Connection.faults = faults
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        if self.pages:
            db.execute(f"PRAGMA max_page_count={self.pages}")
        return db

    def raise_for(self, sql: str) -> None:
        if sql.startswith("BEGIN"):
            self.begins.set()
            assert self.gate.wait(30)
            if self._strikes("begin_fails"):
                raise sqlite3.OperationalError("locked")
            if self._strikes("begin_kills"):
                raise SystemExit("the thread dies")
        if sql == "COMMIT" and self._strikes("commit_fails"):
            raise sqlite3.OperationalError("disk I/O error")

    def raise_after(self, sql: str) -> None:
        if sql == "COMMIT" and self._strikes("commit_happens_but_fails"):
            raise sqlite3.OperationalError("disk I/O error")

    def _strikes(self, name: str) -> bool:
        left = getattr(self, name)
        setattr(self, name, max(0, left - 1))
        return left > 0


@pytest.fixture
def entry():
    """Makes entries."""
    return make_entry


@pytest.fixture
def faults() -> Faults:
    """A database that can be told to fail."""
    return Faults()


@pytest.fixture
def rows():
    """Reads a spool from outside, as the shipper does."""

    def read(folder: Path, worker: str = "w0") -> list[tuple[int, bytes, bytes]]:
        db = sqlite3.connect(f"file:{folder / worker}.spool?mode=ro", uri=True)
        try:
            return db.execute("SELECT seq, document, leaf_hash FROM entries ORDER BY seq").fetchall()
        finally:
            db.close()

    return read
