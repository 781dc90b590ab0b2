"""Rates and budgets are counted for all workers together, and never too low."""

import sqlite3
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.model.errors import PolicyError
from extproc.policy.call_counters import UsageStore
from extproc.policy.contract.call_usage import WINDOWS

SECOND = 1_000_000_000
NOW = 1_790_000_000 * SECOND


@pytest.fixture
def store(tmp_path):
    made = UsageStore(tmp_path / "state" / "usage.db")
    yield made
    made.close()


def test_a_call_counts_for_its_caller_and_its_function(store):
    store.count("i", "ann", "crm.get", NOW)
    store.count("i", "ann", "crm.put", NOW)
    store.count("i", "bob", "crm.get", NOW)
    usage = store.count("i", "ann", "crm.get", NOW)
    assert usage.caller == {"minute": 3, "hour": 3, "day": 3}
    assert usage.function == {"minute": 2, "hour": 2, "day": 2}


def test_callers_of_other_issuers_are_others(store):
    store.count("i", "ann", "f", NOW)
    assert store.count("j", "ann", "f", NOW).caller["day"] == 1
    assert store.count("ia", "nn", "f", NOW).caller["day"] == 1


def test_a_window_ends(store):
    store.count("i", "ann", "f", NOW)
    assert store.count("i", "ann", "f", NOW + 59 * SECOND).caller["minute"] == 2
    later = store.count("i", "ann", "f", NOW + 130 * SECOND)
    assert later.caller == {"minute": 1, "hour": 3, "day": 3}
    assert store.count("i", "ann", "f", NOW + 26 * 3_600 * SECOND).caller == dict.fromkeys(WINDOWS, 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 200), max_size=30))
def test_a_count_is_never_too_low(gaps):
    """Every call within the last sixty seconds is in the minute's count."""
    store = UsageStore(None)
    times = [NOW + sum(gaps[: index + 1]) * SECOND // 10 for index in range(len(gaps))]
    for index, now in enumerate(times):
        within = sum(now - 60 * SECOND <= then <= now for then in times[: index + 1])
        assert store.count("i", "ann", "f", now).caller["minute"] >= within


def test_workers_count_together(tmp_path):
    path = tmp_path / "usage.db"
    stores = [UsageStore(path) for _ in range(4)]

    def call(store):
        for _ in range(50):
            store.count("i", "ann", "f", NOW)

    threads = [threading.Thread(target=call, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].count("i", "ann", "f", NOW).caller["minute"] == 201


def test_no_store_no_answer(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PolicyError, match="usage store"):
        UsageStore(tmp_path / "file" / "usage.db").count("i", "ann", "f", NOW)


def test_a_broken_store_denies_and_comes_back(store, tmp_path):
    store.count("i", "ann", "f", NOW)
    blocker = sqlite3.connect(tmp_path / "state" / "usage.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    with pytest.raises(PolicyError, match="usage store"):
        store.count("i", "ann", "f", NOW)
    blocker.execute("ROLLBACK")
    assert store.count("i", "ann", "f", NOW).caller["minute"] == 2


def test_what_no_window_reaches_is_removed(tmp_path):
    store = UsageStore(tmp_path / "state" / "usage.db", clean_every=2)
    for day in range(6):
        store.count("i", "ann", "f", NOW + day * 2 * 86_400 * SECOND)
    rows = sqlite3.connect(tmp_path / "state" / "usage.db").execute("SELECT count(*) FROM usage").fetchone()[0]
    assert rows <= 2 * 2 * len(WINDOWS)


def test_nobodys_name_is_kept(store, tmp_path):
    store.count("https://id.example", "ann@example.org", "f", NOW)
    store.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert b"ann@" not in kept
