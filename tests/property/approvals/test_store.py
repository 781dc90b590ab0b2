"""Whatever is done to a store in whatever order, a request is decided at most once, and only by the rules."""

import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.approvals.approval import State, Vote
from extproc.model.errors import VoteRefused
from extproc.model.withdrawal import WithdrawnBy
from tests.unit.approvals.samples import EXPIRES_NS, REQUEST, open_store

people = st.sampled_from(
    ["https://idp|alice", "https://idp|agent-7", "https://idp|bob", "https://idp|carol", "x|bob"]
)
votes = st.tuples(
    st.builds(
        Vote,
        people,
        st.booleans(),
        st.sampled_from(["", "ok", "  ok  ", "fine", "x" * 1_001]),
        st.integers(998, 1_001),
    ),
    st.sampled_from([(), ("sre",), ("dpo", "x"), ("SRE",), ("",)]),
)
WITHDRAW, SPEND = "withdraw", "spend"
steps = st.lists(votes | st.sampled_from([State.EXPIRED, State.CANCELLED, WITHDRAW, SPEND]), max_size=12)


@settings(max_examples=30, deadline=None)
@given(steps)
def test_state_follows_from_the_votes_that_count(steps):
    """The store agrees with a plain reading of the rules, step by step, and again when opened anew."""
    with tempfile.TemporaryDirectory() as folder:
        follow(f"{folder}/a.db", steps)


@settings(max_examples=30, deadline=None)
@given(steps)
def test_state_follows_from_the_votes_that_count_in_a_database(postgresql, steps):
    """The same of PostgreSQL."""
    follow(postgresql.url(postgresql.empty_database()), steps)


def follow(address, steps):
    """Do all steps, and compare."""
    store = open_store(address)
    store.open(REQUEST, ("key",))
    state, yes, spent = State.PENDING, set(), False
    for step in steps:
        if step == WITHDRAW:
            waits = state is State.PENDING or (state is State.APPROVED and not spent)
            state = State.CANCELLED if waits else state
            assert store.withdraw("key", WithdrawnBy.CANCELLATION, 1) == waits
            continue
        if step == SPEND:
            usable = state is State.APPROVED and not spent
            assert store.spend(REQUEST.approval_id, REQUEST.digest, 1) == usable
            spent = spent or usable
            continue
        if isinstance(step, State):
            waits = state is State.PENDING
            given_up = step is State.CANCELLED and state is State.APPROVED and not spent
            state = step if waits or given_up else state
            close = store.expire if step is State.EXPIRED else store.abandon
            assert close(REQUEST.approval_id, 1).state is state
            continue
        vote, groups = step
        counts = (
            state is State.PENDING
            and vote.at_ns < EXPIRES_NS
            and vote.voter not in {"https://idp|alice", "https://idp|agent-7"} | yes
            and bool({"sre", "dpo"} & set(groups))
            and vote.note == "fine"
        )
        try:
            after = store.vote(REQUEST.approval_id, vote, groups)
        except VoteRefused:
            assert not counts
            continue
        assert counts
        yes |= {vote.voter}
        if not vote.approve:
            state = State.DENIED
        elif len(yes) >= 2:
            state = State.APPROVED
        assert after.state is state
    store.close()
    again = open_store(address)
    kept = again.get(REQUEST.approval_id)
    assert kept.state is state
    assert {vote.voter for vote in kept.votes} == yes
    again.close()
