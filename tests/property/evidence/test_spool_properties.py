"""Whatever fails in whatever order: acknowledged entries stand, once, in a gapless sequence."""

import asyncio
import contextlib
import sqlite3
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.evidence.shipping.entry_rows import insert_row
from extproc.evidence.shipping.tables import INSERT_COLUMNS
from extproc.evidence.spool.entry_codec import decode_entry, encode_entry, leaf_hash
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.evidence.spool.spool_file import connect
from extproc.evidence.spool.spool_reader import SpoolReader, StoredRow
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import EvidenceError
from extproc.model.masking import Finding, Side

TEXT = st.text(max_size=30)
NUMBER = st.integers(-(2**63), 2**63 - 1)
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(EntryKind),
    call_id=TEXT,
    time_ns=NUMBER,
    path=TEXT,
    arguments=TEXT,
    risk=NUMBER,
    held_ms=st.floats(allow_nan=False, allow_infinity=False),
    groups=st.lists(TEXT, max_size=3).map(tuple),
    findings=st.lists(st.builds(Finding, TEXT, TEXT, TEXT, NUMBER, st.sampled_from(Side)), max_size=3).map(tuple),
)


@given(ENTRIES)
def test_an_entry_survives_the_way_through_bytes(entry):
    """Any text, any number that a column can hold."""
    assert decode_entry(encode_entry(entry)) == entry


@given(st.binary(max_size=200))
def test_any_bytes_are_an_entry_or_a_value_error(document):
    with contextlib.suppress(ValueError):
        decode_entry(document)


ANYTHING = st.one_of(st.none(), NUMBER, st.floats(), st.text(max_size=20), st.binary(max_size=50))


@given(ANYTHING, ANYTHING, ANYTHING, st.booleans())
def test_a_row_of_any_damage_can_be_shipped(time_ns, document, leaf, matching):
    """It has a value of the right type for every column, and says that it is damaged."""
    if matching and isinstance(document, bytes):
        leaf = leaf_hash(document)
    row, damage = insert_row("w", StoredRow(7, time_ns, document, leaf))
    assert len(row) == len(INSERT_COLUMNS)
    assert row[INSERT_COLUMNS.index("damage")] == damage != ""
    assert -(2**63) <= row[INSERT_COLUMNS.index("time_ns")] < 2**63
    assert row[INSERT_COLUMNS.index("document")].encode() is not None


STEPS = st.lists(
    st.sampled_from(["strict", "relaxed", "begin", "commit", "commit-after", "open", "reopen"]), max_size=25
)


class Faulty(sqlite3.Connection):
    """Fails as the plan says."""

    plan: list[str]

    def execute(self, sql, *args):
        if sql.startswith("BEGIN") and self._strikes("begin"):
            raise sqlite3.OperationalError("begin")
        if sql == "COMMIT" and self._strikes("commit"):
            raise sqlite3.OperationalError("commit")
        cursor = super().execute(sql, *args)
        if sql == "COMMIT" and self._strikes("commit-after"):
            raise sqlite3.OperationalError("commit")
        return cursor

    def _strikes(self, name):
        if name in self.plan:
            self.plan.remove(name)
            return True
        return False


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_fault_loses_doubles_or_skips(steps):
    """Each strict entry that was acknowledged, and each relaxed entry, is there exactly once."""
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, relaxed = asyncio.run(play(Path(folder), steps))
        reader = SpoolReader(Path(folder) / "w0.spool")
        rows = reader.read(1, reader.last())
        reader.close()
    stored = [decode_entry(row.document).call_id for row in rows]
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert len(set(stored)) == len(stored)
    assert set(acknowledged) | set(relaxed) <= set(stored)


async def play(folder, steps):
    plan: list[str] = []
    faulty = type("Planned", (Faulty,), {"plan": plan})

    def open_it(path):
        if "open" in plan:
            plan.remove("open")
            raise sqlite3.OperationalError("open")
        connect(path).close()
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=faulty)
        db.execute("PRAGMA synchronous=OFF")
        return db

    limits = SpoolLimits(maintain_every_s=0.002)
    spool = Spool(folder, "w0", limits, connect=open_it)
    acknowledged, relaxed = [], []
    for number, step in enumerate(steps):
        entry = Entry(EntryKind.DECIDED, f"call-{number}", number)
        if step == "strict":
            try:
                await spool.record(entry)
                acknowledged.append(entry.call_id)
            except EvidenceError:
                pass
        elif step == "relaxed":
            spool.record_relaxed(entry)
            relaxed.append(entry.call_id)
        elif step == "reopen":
            plan.clear()
            spool.close()
            spool = Spool(folder, "w0", limits, connect=open_it)
        else:
            plan.append(step)
    plan.clear()
    spool.close()
    return acknowledged, relaxed if spool.stats.lost == 0 else []
