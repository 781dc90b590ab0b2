"""Listening: whoever waits is told at once, and whoever was not told asks."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.postgresql_changes import PAUSE_S
from extproc.model.withdrawal import WithdrawnBy
from tests.unit.approvals.samples import REQUEST, request, vote

SRE = ("sre",)
SOON_S = 30.0
AT_ONCE_S = 1.0
NAME = "listener"


@pytest.fixture
def url(postgresql):
    return postgresql.url(postgresql.empty_database(), application_name=NAME)


@pytest.fixture
def store(url):
    made = PostgresApprovals(url)
    yield made
    made.close()


@pytest.fixture
def changes(store):
    """A listener that is connected, and has heard nothing yet."""
    made = store.listen()
    assert made.wait(SOON_S), "what changed before it listened, nobody told"
    yield made
    made.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.open(request()),
        lambda store: store.vote(REQUEST.approval_id, vote(), SRE),
        lambda store: store.vote(REQUEST.approval_id, vote(approve=False), SRE),
        lambda store: store.expire(REQUEST.approval_id, 1),
        lambda store: store.abandon(REQUEST.approval_id, 1),
        lambda store: store.issue_ticket(REQUEST.approval_id, 1),
        lambda store: store.cancel_own(REQUEST.approval_id, 1),
        lambda store: store.withdraw("key", WithdrawnBy.CANCELLATION, 1),
        lambda store: store.sweep(2_000, keep_ns=10**18),
    ],
)
def test_every_change_by_anybody_is_told(store, url, changes, change):
    other = PostgresApprovals(url)
    store.open(REQUEST, ("key",))
    assert changes.wait(SOON_S)
    assert not changes.wait(0.05)
    change(other)
    assert changes.wait(SOON_S)
    other.close()


def test_taking_a_vote_back_and_using_an_approval_up_are_told(store, changes):
    one = request(quorum=REQUEST.quorum.any_of("sre", minimum=2))
    store.open(one)
    store.vote(one.approval_id, vote(), SRE)
    assert changes.wait(SOON_S)
    changes.wait(0.05)
    store.withdraw_vote(one.approval_id, vote().voter, 501)
    assert changes.wait(SOON_S)
    for voter in ("i|carol", "i|dave"):
        store.vote(one.approval_id, vote(voter), SRE)
    while changes.wait(0.1):
        pass
    assert store.spend(one.approval_id, one.digest, 600)
    assert changes.wait(SOON_S)


def test_reading_is_no_change(store, changes):
    store.open(REQUEST)
    assert changes.wait(SOON_S)
    store.get(REQUEST.approval_id)
    store.closed_among([REQUEST.approval_id])
    store.recent(pending_only=True, limit=5)
    store.sweep(3, keep_ns=1)
    assert not changes.wait(0.1)


def test_a_change_wakes_who_waits_at_once(store, changes):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: (changes.wait(SOON_S), time.monotonic()))
        time.sleep(0.1)
        store.open(REQUEST)
        opened = time.monotonic()
        told, at = waiting.result()
    assert told
    assert at - opened < AT_ONCE_S


def test_a_change_before_the_wait_is_not_lost(store, changes):
    store.open(REQUEST)
    time.sleep(0.1)
    assert changes.wait(SOON_S)


def test_many_changes_may_be_told_as_one(store, changes):
    for _ in range(50):
        store.open(request())
    told = 0
    while changes.wait(0.1):
        told += 1
    assert 1 <= told <= 50


def test_a_lost_connection_is_told_as_a_change_and_made_again(postgresql, store, changes):
    with postgresql.mended():
        postgresql.kill()
        assert changes.wait(SOON_S), "something may have changed unseen"
        began = time.monotonic()
        assert not changes.wait(0.3), "nobody knows"
        assert time.monotonic() - began > 0.2, "and it does not try without a pause"
    while not changes.wait(0.5):
        pass
    store.open(REQUEST)
    assert changes.wait(SOON_S)


def test_a_connection_that_the_server_ends_again_and_again_is_made_again_with_pauses(postgresql, store, changes):
    stop, rounds = threading.Event(), 0

    def end_all():
        while not stop.is_set():
            with contextlib.suppress(Exception):
                postgresql.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'extproc'")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(end_all)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            changes.wait(0.05)
            rounds += 1
        stop.set()
    assert rounds < 100, "a connection each time would be a storm"
    while not changes.wait(PAUSE_S):
        pass
    store.open(REQUEST)
    assert changes.wait(SOON_S)


def test_a_server_that_is_away_from_the_start_is_waited_for(postgresql, url):
    store = PostgresApprovals(url)
    with postgresql.mended():
        postgresql.stop()
        changes = store.listen()
        assert not changes.wait(0.1)
    while not changes.wait(0.5):
        pass
    store.open(REQUEST)
    assert changes.wait(SOON_S)
    changes.close()


def test_closing_wakes_who_waits(changes):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(changes.wait, SOON_S)
        time.sleep(0.1)
        changes.close()
        assert waiting.result(AT_ONCE_S) is False
    assert changes.wait(SOON_S) is False, "and nobody waits any more"


def test_a_listener_has_a_connection_of_its_own(postgresql, store, changes):
    """However many threads use the others."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.open(request()), range(32)))
    assert changes.wait(SOON_S)
    listening = f"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND application_name = '{NAME}'"
    assert postgresql.run(listening) == [(1,)]
