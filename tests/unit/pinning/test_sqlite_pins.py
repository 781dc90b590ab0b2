"""The store of definitions: the first is pinned, all others wait for people."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from extproc.model.errors import DefinitionError, VoteRefused, WhyRefused
from extproc.pinning import pins
from extproc.pinning.pins import Acceptance, SeenDefinition, Verdict
from extproc.pinning.sqlite_pins import SqlitePins

ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "123")
ANN, BOB = Acceptance("iss|ann", "read the diff", 7), Acceptance("iss|bob", "so did I", 8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "definitions.db"


@pytest.fixture
def store(path):
    made = SqlitePins(path)
    yield made
    made.close()


def saw(store, *seen, at=1, first_sight=True, connection="docs"):
    store.saw(
        connection, tuple(SeenDefinition(name, digest, f'"{digest}"') for name, digest in seen), at,
        first_sight=first_sight,
    )  # fmt: skip


def verdicts(store, name="search", connection="docs"):
    return {each.digest: each.verdict for each in store.of(connection, [name]).get(name, ())}


def test_the_first_definition_is_pinned_and_the_second_is_a_change(store):
    assert store.of("docs", ["search"]) == {}
    saw(store, ("search", ONE), ("read", TWO))
    assert verdicts(store) == {ONE: Verdict.FIRST_SIGHT}
    saw(store, ("search", TWO), at=2)
    assert verdicts(store) == {ONE: Verdict.FIRST_SIGHT, TWO: Verdict.CHANGED}
    assert verdicts(store, "read") == {TWO: Verdict.FIRST_SIGHT}
    assert verdicts(store, connection="other") == {}


def test_two_definitions_in_one_listing_are_both_changes(store):
    saw(store, ("search", ONE), ("search", TWO))
    assert verdicts(store) == {ONE: Verdict.CHANGED, TWO: Verdict.CHANGED}
    saw(store, ("search", ONE), at=2)
    assert verdicts(store)[ONE] is Verdict.CHANGED


def test_the_same_definition_twice_in_one_listing_is_one(store):
    saw(store, ("search", ONE), ("search", ONE))
    assert verdicts(store) == {ONE: Verdict.FIRST_SIGHT}


def test_without_first_sight_nothing_is_pinned(store):
    saw(store, ("search", ONE), first_sight=False)
    assert verdicts(store) == {ONE: Verdict.CHANGED}


def test_enough_people_accept_a_change(store):
    saw(store, ("search", ONE))
    saw(store, ("search", TWO), at=2)
    assert store.accept("docs", "search", TWO, ANN, 2).verdict is Verdict.CHANGED
    with pytest.raises(VoteRefused) as refused:
        store.accept("docs", "search", TWO, ANN, 2)
    assert refused.value.why is WhyRefused.ALREADY_VOTED
    accepted = store.accept("docs", "search", TWO, BOB, 2)
    assert (accepted.verdict, accepted.acceptances) == (Verdict.ACCEPTED, (ANN, BOB))
    with pytest.raises(VoteRefused) as refused:
        store.accept("docs", "search", TWO, ANN, 2)
    assert refused.value.why is WhyRefused.NOT_PENDING


def test_an_unknown_definition_cannot_be_accepted(store):
    saw(store, ("search", ONE))
    for connection, name, digest in (("docs", "search", TWO), ("docs", "read", ONE), ("other", "search", ONE)):
        with pytest.raises(VoteRefused) as refused:
            store.accept(connection, name, digest, ANN, 1)
        assert refused.value.why is WhyRefused.UNKNOWN


def test_a_rejected_definition_is_a_change_when_it_is_seen_again(store):
    saw(store, ("search", ONE))
    saw(store, ("search", TWO), at=2)
    store.accept("docs", "search", TWO, ANN, 1)
    rejected = store.reject("docs", "search", TWO)
    assert (rejected.verdict, rejected.acceptances) == (Verdict.REJECTED, ())
    saw(store, ("search", ONE), at=3)
    assert verdicts(store)[TWO] is Verdict.REJECTED
    saw(store, ("search", TWO), at=4)
    assert verdicts(store)[TWO] is Verdict.CHANGED


def test_a_rejected_first_definition_is_not_pinned_again(store):
    saw(store, ("search", ONE))
    store.reject("docs", "search", ONE)
    saw(store, ("search", ONE), at=2)
    saw(store, ("search", TWO), at=2)
    assert verdicts(store) == {ONE: Verdict.CHANGED, TWO: Verdict.CHANGED}


def test_texts_come_with_one_function_only(store):
    saw(store, ("search", ONE))
    saw(store, ("search", TWO), at=2)
    assert [each.text for each in store.one("docs", "search")] == [f'"{TWO}"', f'"{ONE}"']
    assert [(each.digest, each.text) for each in store.all(limit=10)] == [(TWO, ""), (ONE, "")]
    assert len(store.all(limit=1)) == 1


def test_a_server_that_changes_without_end_fills_no_disk(store, monkeypatch):
    monkeypatch.setattr("extproc.pinning.sqlite_pins.KEPT_MAX", 3)
    for number in range(10):
        saw(store, ("search", f"sha256:{number:064}"), at=number)
    kept = verdicts(store)
    assert list(kept.values()).count(Verdict.CHANGED) == 3
    assert kept[f"sha256:{0:064}"] is Verdict.FIRST_SIGHT
    assert kept[f"sha256:{9:064}"] is Verdict.CHANGED


def test_a_server_of_too_many_functions_is_an_error(store, monkeypatch):
    monkeypatch.setattr("extproc.pinning.sqlite_pins.PINNED_MAX", 2)
    saw(store, ("a", ONE), ("b", ONE))
    with pytest.raises(DefinitionError, match="more than 2"):
        saw(store, ("c", ONE))
    saw(store, ("c", ONE), connection="other")
    assert store.of("docs", ["c"]) == {}
    assert pins.PINNED_MAX > 2


def test_many_processes_pin_one_first_definition(path):
    """Each thread has a store of its own, as each worker has."""
    stores = [SqlitePins(path) for _ in range(8)]
    start = threading.Barrier(8)

    def see(number):
        start.wait()
        saw(stores[number], ("search", f"sha256:{number:064}"), at=number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(see, range(8)))
    found = list(verdicts(stores[0]).values())
    assert (found.count(Verdict.FIRST_SIGHT), found.count(Verdict.CHANGED)) == (1, 7)
    for store in stores:
        store.close()


def test_what_one_process_stores_another_reads(path, store):
    saw(store, ("search", ONE))
    other = SqlitePins(path)
    saw(other, ("search", TWO), at=2)
    other.close()
    assert verdicts(store)[TWO] is Verdict.CHANGED


@pytest.mark.parametrize("fault", ["gone", "garbage", "another program's"])
def test_a_store_that_cannot_be_read_is_an_error(path, store, fault):
    saw(store, ("search", ONE))
    store.close()
    path.unlink()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    if fault == "garbage":
        path.write_bytes(b"no database, but long enough to have a header of a hundred bytes" * 20)
    elif fault == "another program's":
        sqlite3.connect(path).execute("CREATE TABLE t (a)").connection.close()
    with pytest.raises(DefinitionError):
        store.of("docs", ["search"])
    with pytest.raises(DefinitionError):
        saw(store, ("search", TWO))


def test_a_locked_store_is_an_error_for_who_writes(path, store):
    saw(store, ("search", ONE))
    impatient = SqlitePins(path, busy_s=0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DefinitionError, match="SQLITE_BUSY"):
        saw(impatient, ("search", TWO))
    assert verdicts(impatient) == {ONE: Verdict.FIRST_SIGHT}
    holder.execute("ROLLBACK")
    holder.close()
    saw(impatient, ("search", TWO))
    impatient.close()


def test_a_file_of_another_program_is_named(tmp_path):
    path = tmp_path / "other.db"
    sqlite3.connect(path).execute("CREATE TABLE t (a)").connection.close()
    with pytest.raises(DefinitionError, match=r"other\.db.*\n.*move this file aside"):
        SqlitePins(path)


def test_processes_that_start_together_make_one_store(tmp_path):
    """As workers and control do: each sees an empty file, and then one of them is first."""
    start = threading.Barrier(8, timeout=10)

    def opened(path):
        start.wait()
        SqlitePins(path).close()

    with ThreadPoolExecutor(8) as threads:
        for number in range(20):
            list(threads.map(opened, [tmp_path / f"{number}.db"] * 8))
