"""From the spool into the real engine: exactly once, whatever breaks in between."""

# ruff: noqa: PLR0917 - a test takes as many fixtures as its story has parts

import contextlib
import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest

from extproc.evidence.shipping.clickhouse import connect, create_schema
from extproc.evidence.shipping.shipper import Backoff, Shipper
from extproc.evidence.shipping.tables import NO_COLUMNS
from extproc.evidence.spool.entry_codec import decode_entry, encode_entry, leaf_hash
from extproc.evidence.spool.watermark import read_mark
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError


class FaultyClient:
    """A real client whose inserts can fail before they happen, or after."""

    def __init__(self, client, faults):
        self._client, self._faults = client, faults

    def insert(self, *args, **kwargs):
        self._faults.strike("insert_fails")
        self._client.insert(*args, **kwargs)
        self._faults.inserts += 1
        self._faults.after_insert()
        self._faults.strike("insert_happens_but_fails")

    def query(self, sql, **kwargs):
        self._faults.strike("query_fails")
        result = self._client.query(sql, **kwargs)
        if self._faults.sees_no_rows and "uniqExact(seq)" in sql:
            return SimpleNamespace(result_rows=[(0,)])
        return result

    def command(self, *args, **kwargs):
        return self._client.command(*args, **kwargs)

    def close(self):
        self._client.close()


class Faults:
    """How often each will still strike."""

    def __init__(self):
        self.connect_fails = self.insert_fails = self.insert_happens_but_fails = self.query_fails = 0
        self.inserts = 0
        self.after_insert = lambda: None
        self.sees_no_rows = False
        """The shipper's check that a block has arrived finds none of its rows."""

    def strike(self, name):
        if getattr(self, name):
            setattr(self, name, getattr(self, name) - 1)
            raise ConnectionError(name)


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def make_shipper(folder, target, faults):
    """Opens shippers, as often as a test restarts them."""
    opened = []

    def make(**options):
        def open_client():
            faults.strike("connect_fails")
            client = connect(target)
            create_schema(client, target.database)
            return FaultyClient(client, faults)

        opened.append(Shipper(folder, open_client, target.database, **options))
        return opened[-1]

    yield make
    for shipper in opened:
        shipper.close()


@pytest.fixture
def stored(client, target):
    """What the table holds: writer, sequence, call, in the order of each writer's log."""

    def read(columns="seq, call_id"):
        query = f"SELECT {columns} FROM {target.database}.entries ORDER BY writer, seq"
        return client.query(query).result_rows

    return read


def test_entries_arrive_as_they_were(fill, entry, make_shipper, stored):
    """Every column, the document's bytes, and the leaf's hash over them."""
    entries = [entry(number, held_ms=1.5, approvers=("bo", "cy")) for number in range(3)]
    fill(entries)
    assert make_shipper().ship() == 3
    for (document, leaf, call_id, findings, held, approvers, time_ns, damage), one in zip(
        stored("document, leaf_hash, call_id, findings, held_ms, approvers, time_ns, damage"), entries, strict=True
    ):
        assert document == encode_entry(one).decode()
        assert leaf == leaf_hash(document.encode()).hex()
        assert decode_entry(document.encode()) == one
        assert (call_id, held, tuple(approvers), time_ns) == (one.call_id, 1.5, ("bo", "cy"), one.time_ns)
        assert findings == [{"entity": "US_SSN", "path": "$.ssn", "how": "redact", "count": 2}]
        assert damage == ""


def test_odd_text_arrives_too(fill, entry, make_shipper, stored):
    """Quotes, NULs, emoji, everything that a format could trip over."""
    odd = "'\"\\`\n\t\0 \u2028 é 🦊 {x:String} %s ;--"
    fill([entry(1, path=odd, arguments=odd, groups=(odd,), session=odd)])
    make_shipper().ship()
    assert stored("path, arguments, groups, session") == [(odd, odd, [odd], odd)]


@pytest.mark.parametrize("switch", ["connect_fails", "insert_fails", "insert_happens_but_fails", "query_fails"])
def test_a_failure_loses_and_doubles_nothing(fill, entry, make_shipper, faults, stored, switch):
    fill([entry(number) for number in range(25)])
    shipper = make_shipper(batch=10)
    setattr(faults, switch, 1)
    assert shipper.ship() < 25
    assert shipper.progress.failing == 1
    assert shipper.progress.last_error
    assert shipper.progress.behind == 25
    shipper.ship()
    assert shipper.progress.failing == 0
    assert shipper.progress.behind == 0
    assert [seq for seq, _ in stored()] == list(range(1, 26))


@pytest.mark.parametrize("switch", ["insert_fails", "insert_happens_but_fails"])
def test_a_restart_repeats_the_very_block(fill, entry, make_shipper, faults, stored, switch):
    """More entries came meanwhile, and the batch is another: the planned block keeps its boundaries."""
    fill([entry(number) for number in range(5)])
    first = make_shipper(batch=100)
    setattr(faults, switch, 1)
    first.ship()
    first.close()
    fill([entry(number) for number in range(5, 30)])
    second = make_shipper(batch=7)
    second.ship()
    assert [seq for seq, _ in stored()] == list(range(1, 31))


def test_the_token_alone_keeps_a_repeated_block_out(fill, entry, make_shipper, faults, stored):
    """Without the look into the table: the engine refuses the block it has."""
    fill(
        [entry(number, time_ns=entry(0).time_ns + number * 40 * 86_400 * 10**9) for number in range(6)]
    )  # 8 months
    shipper = make_shipper()
    faults.sees_no_rows = True
    faults.insert_happens_but_fails = 3
    for _ in range(4):
        shipper.ship()
    assert faults.inserts == 4
    assert [seq for seq, _ in stored()] == list(range(1, 7))


def test_a_state_that_cannot_be_written_doubles_nothing(fill, entry, make_shipper, folder, faults, stored):
    """The block is in the table, and the shipper could not write that down."""
    fill([entry(number) for number in range(8)])
    first = make_shipper()
    with contextlib.closing(sqlite3.connect(folder / "shipper.db", isolation_level=None)) as blocks:
        faults.after_insert = lambda: blocks.execute("BEGIN IMMEDIATE")
        first.ship()
    faults.after_insert = lambda: None
    assert len(stored()) == 8
    assert first.progress.last_error == "SQLITE_BUSY"
    first.close()
    second = make_shipper()
    second.ship()
    assert [seq for seq, _ in stored()] == list(range(1, 9))
    assert second.progress.behind == 0


@pytest.mark.parametrize("there", [True, False])
def test_a_crash_between_entries_and_calls_is_made_good(
    fill, entry, make_shipper, faults, stored, client, target, there
):
    """ClickHouse died after it had stored the entries and before it had passed them on."""
    fill([entry(number) for number in range(8)])
    shipper = make_shipper()
    faults.insert_happens_but_fails = 1
    shipper.ship()
    client.command(f"TRUNCATE TABLE {target.database}.calls_state")
    faults.sees_no_rows = not there
    shipper.ship()
    assert len(stored()) == 8
    assert client.query(f"SELECT count() FROM {target.database}.calls").result_rows == [(8,)]


def test_a_lost_state_is_taken_from_the_table(fill, entry, make_shipper, folder, stored):
    fill([entry(number) for number in range(8)])
    first = make_shipper()
    first.ship()
    first.close()
    for file in folder.glob("shipper.db*"):
        file.unlink()
    fill([entry(8)])
    make_shipper().ship()
    assert [seq for seq, _ in stored()] == list(range(1, 10))


def test_a_lost_mark_is_written_again(fill, entry, make_shipper, folder):
    writer = fill([entry(1)])
    shipper = make_shipper()
    shipper.ship()
    (folder / "w0.shipped").unlink()
    shipper.ship()
    assert read_mark(folder / "w0.spool", writer) == 1


def test_the_mark_follows_what_is_in_the_table(fill, entry, make_shipper, folder, faults):
    writer = fill([entry(number) for number in range(4)])
    shipper = make_shipper()
    faults.insert_fails = 1
    shipper.ship()
    assert read_mark(folder / "w0.spool", writer) == 0
    shipper.ship()
    assert read_mark(folder / "w0.spool", writer) == 4


def test_every_spool_is_shipped_those_of_dead_workers_too(fill, entry, make_shipper, stored):
    for worker in ("w0", "w1", "long-gone"):
        fill([entry(number, worker=worker) for number in range(3)], worker)
    make_shipper().ship()
    assert sorted(stored("worker, seq")) == [(w, s) for w in ("long-gone", "w0", "w1") for s in (1, 2, 3)]


def test_a_second_shipper_is_refused(make_shipper):
    shipper = make_shipper()
    with pytest.raises(EvidenceError, match="another"):
        make_shipper()
    shipper.close()
    make_shipper()


def edit(folder, sql, *values):
    db = sqlite3.connect(folder / "w0.spool")
    db.execute(sql, values)
    db.commit()
    db.close()


def test_a_damaged_row_is_shipped_marked_and_counted(fill, entry, make_shipper, folder, stored, client, target):
    """Neither skipped in silence nor in the way of what comes after it."""
    fill([entry(number) for number in range(4)])
    edit(folder, "UPDATE entries SET document = replace(CAST(document AS TEXT), 'ann', 'eve') WHERE seq = 2")
    edit(
        folder,
        "UPDATE entries SET document = CAST(replace(CAST(document AS TEXT), 'ann', 'eve') AS BLOB) WHERE seq = 3",
    )
    garbage = b"\xff\x00{"
    edit(folder, "UPDATE entries SET document = ?, leaf_hash = ? WHERE seq = 4", garbage, leaf_hash(garbage))
    shipper = make_shipper()
    assert shipper.ship() == 4
    assert shipper.progress.damaged == 3
    assert stored("seq, damage") == [
        (1, ""),
        (2, "leaf-hash-mismatch"),
        (3, "leaf-hash-mismatch"),
        (4, "unreadable"),
    ]
    calls = client.query(f"SELECT call_id FROM {target.database}.calls").result_rows
    assert calls == [("call-000000",)]


def test_a_missing_row_is_reported_and_stays_so(fill, entry, make_shipper, folder, stored):
    fill([entry(number) for number in range(6)])
    edit(folder, "DELETE FROM entries WHERE seq IN (3, 4)")
    shipper = make_shipper()
    shipper.ship()
    assert [seq for seq, _ in stored()] == [1, 2, 5, 6]
    assert shipper.progress.faults == {"w0.spool": "2 sequence numbers after 0 are missing"}
    shipper.ship()
    assert shipper.progress.faults


def test_a_spool_that_went_back_is_not_shipped(fill, entry, make_shipper, folder, stored):
    """A restored backup would use numbers again."""
    fill([entry(number) for number in range(6)])
    shipper = make_shipper()
    shipper.ship()
    edit(folder, "DELETE FROM entries WHERE seq > 2")
    shipper.ship()
    assert "went back" in shipper.progress.faults["w0.spool"]
    assert len(stored()) == 6


def test_a_file_that_is_no_spool_holds_up_no_other(fill, entry, make_shipper, folder, stored):
    fill([entry(1)])
    (folder / "a.spool").write_bytes(b"nonsense" * 1_000)
    (folder / "b.spool").write_bytes(b"")
    shipper = make_shipper()
    shipper.ship()
    assert len(stored()) == 1
    assert set(shipper.progress.faults) == {"a.spool", "b.spool"}


def test_a_copied_spool_is_reported(fill, entry, make_shipper, folder, stored):
    fill([entry(1)])
    (folder / "x.spool").write_bytes((folder / "w0.spool").read_bytes())
    shipper = make_shipper()
    shipper.ship()
    assert len(stored()) == 1
    assert shipper.progress.faults == {"x.spool": "is a copy of another spool"}


def test_an_outage_is_waited_for_and_caught_up(fill, entry, make_shipper, faults, stored):
    """ClickHouse away while entries come; back, and all are there."""
    faults.connect_fails = 10**6
    fill([entry(number) for number in range(10)])
    shipper, stop = make_shipper(backoff=Backoff(0.01, 0.05)), threading.Event()
    thread = threading.Thread(target=shipper.run, args=(stop, 0.01))
    thread.start()
    try:
        wait_for(lambda: shipper.progress.failures > 3)
        fill([entry(number) for number in range(10, 20)])
        faults.connect_fails = 0
        wait_for(lambda: shipper.progress.rows == 20 and not shipper.progress.failing)
        assert shipper.progress.last_error == ""
    finally:
        stop.set()
        thread.join()
    assert [seq for seq, _ in stored()] == list(range(1, 21))


def test_the_last_entries_are_shipped_on_the_hint(fill, entry, make_shipper, stored):
    shipper, stop = make_shipper(), threading.Event()
    thread = threading.Thread(target=shipper.run, args=(stop, 30.0))
    thread.start()
    fill([entry(number) for number in range(3)])
    stop.set()
    thread.join()
    assert len(stored()) == 3


def test_backing_off_grows_to_a_limit():
    pauses = [Backoff().pause_s(failures) for failures in range(1, 13)]
    assert pauses[:3] == [1.0, 2.0, 4.0]
    assert pauses[-1] == 30.0


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_columns_hold_what_the_model_has(client, target):
    """Every field of an entry is a column of the same name, except for those in the document alone."""
    described = client.query(f"DESCRIBE TABLE {target.database}.entries").result_rows
    assert {name for name, *_ in described} >= set(Entry.__dataclass_fields__) - NO_COLUMNS
