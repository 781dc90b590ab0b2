"""Withdrawals in the store: a request that its caller has withdrawn is never spent."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from extproc.approvals.approval import State
from extproc.approvals.rules import OVERTAKEN_NS, REMEMBER_NS
from extproc.model.errors import VoteRefused
from extproc.model.withdrawal import WithdrawnBy
from tests.unit.approvals.samples import new_id, open_store, request, vote

SRE = ("sre",)
CALL, SESSION = "key of the call", "key of the session"
CANCELLATION, SESSION_END = WithdrawnBy.CANCELLATION, WithdrawnBy.SESSION_END
LATE = 10 * REMEMBER_NS
"""A time at which much may have happened before."""


def opened(store, *keys, began_ns=0):
    one = request(minimum=1)
    store.open(one, keys or (CALL, SESSION), began_ns)
    return one


def state_of(store, one):
    return store.get(one.approval_id).state


@pytest.mark.parametrize(("key", "by"), [(CALL, CANCELLATION), (SESSION, SESSION_END)])
def test_each_key_of_a_pending_request_withdraws_it(store, address, key, by):
    """In whichever process it is held: the other store sees it."""
    one = opened(store)
    assert open_store(address).withdraw(key, by, 70) == 1
    [closed] = store.closed_among([one.approval_id])
    assert (closed.state, closed.withdrawn_by, closed.closed_ns) == (State.CANCELLED, by, 70)
    assert store.recent(pending_only=True, limit=5) == []
    with pytest.raises(VoteRefused):
        store.vote(one.approval_id, vote(), SRE)


def test_other_keys_withdraw_nothing(store):
    one, bare = opened(store), request()
    store.open(bare)
    for key in ("", "key of another call", CALL.upper()):
        assert store.withdraw(key, CANCELLATION, 1) == 0
    assert [state_of(store, each) for each in (one, bare)] == [State.PENDING] * 2


def test_a_withdrawal_that_comes_twice_counts_once(store):
    one = opened(store)
    assert [store.withdraw(CALL, CANCELLATION, at) for at in (5, 6)] == [1, 0]
    assert store.withdraw(SESSION, SESSION_END, 7) == 0
    assert (store.get(one.approval_id).closed_ns, store.get(one.approval_id).withdrawn_by) == (5, CANCELLATION)


def test_an_approved_request_is_withdrawn_until_it_is_spent(store):
    first, second = opened(store), opened(store)
    for each in (first, second):
        store.vote(each.approval_id, vote(), SRE)
    assert store.spend(first.approval_id, first.digest, 1)
    assert store.withdraw(CALL, CANCELLATION, 2) == 1
    assert [state_of(store, each) for each in (first, second)] == [State.APPROVED, State.CANCELLED]
    assert not store.spend(second.approval_id, second.digest, 3)


def test_what_is_decided_otherwise_stays_so(store):
    denied, expired = opened(store), opened(store)
    store.vote(denied.approval_id, vote(approve=False), SRE)
    store.expire(expired.approval_id, 1)
    assert store.withdraw(CALL, CANCELLATION, 2) == 0
    assert [state_of(store, each) for each in (denied, expired)] == [State.DENIED, State.EXPIRED]


@pytest.mark.parametrize(
    ("began_ns", "state"),
    [
        (LATE - REMEMBER_NS, State.CANCELLED),
        (LATE, State.CANCELLED),
        (LATE + OVERTAKEN_NS, State.CANCELLED),
        (LATE + OVERTAKEN_NS + 1, State.PENDING),
    ],
)
def test_a_withdrawal_counts_for_calls_that_began_before_it_and_are_held_later(store, began_ns, state):
    """A later call may have the id again; a cancellation may overtake its call by a moment."""
    store.withdraw(SESSION, SESSION_END, LATE)
    one = opened(store, began_ns=began_ns)
    assert state_of(store, one) is state
    assert (store.get(one.approval_id).withdrawn_by is None) == (state is State.PENDING)


def test_the_last_of_several_withdrawals_is_remembered(store):
    for at in (LATE, LATE + 5 * OVERTAKEN_NS):
        store.withdraw(CALL, CANCELLATION, at)
    assert state_of(store, opened(store, CALL, began_ns=LATE + 3 * OVERTAKEN_NS)) is State.CANCELLED


def test_an_old_withdrawal_is_forgotten(store):
    """A store does not grow with every cancellation."""
    store.withdraw(CALL, CANCELLATION, LATE)
    store.withdraw(SESSION, SESSION_END, LATE + REMEMBER_NS + 1)
    assert state_of(store, opened(store, CALL, began_ns=LATE)) is State.PENDING


def test_a_swept_request_leaves_its_key_to_others(store):
    old = opened(store)
    store.expire(old.approval_id, 1)
    store.sweep(10, keep_ns=5)
    new = opened(store)
    assert store.withdraw(CALL, CANCELLATION, 11) == 1
    assert state_of(store, new) is State.CANCELLED


@pytest.mark.parametrize("number", range(8))
def test_of_a_use_and_a_withdrawal_at_once_exactly_one_wins(store, number):
    one = opened(store)
    store.vote(one.approval_id, vote(), SRE)
    barrier = threading.Barrier(2, timeout=10)

    def spend():
        barrier.wait()
        return store.spend(one.approval_id, one.digest, number)

    def withdraw():
        barrier.wait()
        return store.withdraw(CALL, CANCELLATION, number) == 1

    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(each) for each in (spend, withdraw)]
    spent, withdrawn = (each.result() for each in outcomes)
    assert spent != withdrawn
    assert (state_of(store, one) is State.CANCELLED) == withdrawn


def test_an_unknown_request_is_not_spent(store):
    assert not store.spend(new_id(), "d" * 64, 1)
