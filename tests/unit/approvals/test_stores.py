"""The port of the approvals store, held against each store: alone, and in a crowd.

Faults are in ``test_sqlite.py`` and ``test_postgresql.py``.
"""

import sqlite3
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context

import pytest

from extproc.approvals.approval import State
from extproc.approvals.port import Filter
from extproc.approvals.postgresql_address import is_postgresql
from extproc.approvals.rules import NOTE_MAX, REDEEM_NS, state_after
from extproc.model.decision import HoldMode, Reuse
from extproc.model.errors import ApprovalError, TooManyTickets, VoteRefused, WhyRefused
from extproc.model.quorum import Quorum
from extproc.model.withdrawal import WithdrawnBy
from tests.unit.approvals.samples import (
    EXPIRES_NS,
    REQUEST,
    new_id,
    open_store,
    request,
    vote,
    vote_for_ever,
    vote_in_another_process,
)

SRE = ("sre",)


def why(call, *args):
    with pytest.raises(VoteRefused) as caught:
        call(*args)
    return caught.value.why


def test_keeps_everything_through_a_restart(store, address):
    """What was opened is there, field by field, in another store on the same file."""
    store.open(REQUEST)
    kept = open_store(address).get(REQUEST.approval_id)
    assert kept.request == REQUEST
    assert kept.state is State.PENDING


def test_two_people_approve(store):
    """The first of two leaves it pending, the second approves."""
    store.open(REQUEST)
    assert store.vote(REQUEST.approval_id, vote("i|bob"), SRE).state is State.PENDING
    after = store.vote(REQUEST.approval_id, vote("i|carol", at_ns=600), ("dpo",))
    assert after.state is State.APPROVED
    assert after.closed_ns == 600
    assert [word.voter for word in after.votes] == ["i|bob", "i|carol"]


def test_one_denial_denies(store):
    """An approval before it does not help, nor one after."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob"), SRE)
    assert store.vote(REQUEST.approval_id, vote("i|carol", approve=False), SRE).state is State.DENIED
    with pytest.raises(VoteRefused) as caught:
        store.vote(REQUEST.approval_id, vote("i|dave"), SRE)
    assert (caught.value.why, caught.value.state) == (WhyRefused.NOT_PENDING, State.DENIED)
    assert len(store.get(REQUEST.approval_id).votes) == 2


@pytest.mark.parametrize(
    ("word", "groups", "expected"),
    [
        (vote(REQUEST.requester), SRE, WhyRefused.OWN_CALL),
        (vote(REQUEST.actor), SRE, WhyRefused.OWN_CALL),
        (vote(REQUEST.requester, approve=False), SRE, WhyRefused.OWN_CALL),
        (vote(""), SRE, WhyRefused.OWN_CALL),
        (vote(), (), WhyRefused.WRONG_GROUP),
        (vote(), ("sr", "sre ", "SRE"), WhyRefused.WRONG_GROUP),
        (vote(at_ns=EXPIRES_NS), SRE, WhyRefused.EXPIRED),
        (vote(at_ns=EXPIRES_NS + 1), SRE, WhyRefused.EXPIRED),
        (vote(note=""), SRE, WhyRefused.NOTE_REQUIRED),
        (vote(note="  a  "), SRE, WhyRefused.NOTE_REQUIRED),
        (vote(note="x" * (NOTE_MAX + 1)), SRE, WhyRefused.NOTE_REQUIRED),
    ],
)
def test_a_vote_that_breaks_a_rule_changes_nothing(store, word, groups, expected):
    """It is refused with its reason, and no vote is stored."""
    store.open(REQUEST)
    assert why(store.vote, REQUEST.approval_id, word, groups) is expected
    assert store.get(REQUEST.approval_id).votes == ()
    assert store.get(REQUEST.approval_id).state is State.PENDING


def test_the_boundaries_are_on_the_right_side(store):
    """A vote one nanosecond before expiry counts, as do notes of 3 and of 1,000 characters."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob", at_ns=EXPIRES_NS - 1, note="abc"), SRE)
    after = store.vote(REQUEST.approval_id, vote("i|carol", at_ns=EXPIRES_NS - 1, note="x" * NOTE_MAX), SRE)
    assert after.state is State.APPROVED


def test_one_person_counts_once(store):
    """Not twice through two groups, and not with a change of mind."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob"), SRE)
    assert why(store.vote, REQUEST.approval_id, vote("i|bob"), ("dpo",)) is WhyRefused.ALREADY_VOTED
    assert why(store.vote, REQUEST.approval_id, vote("i|bob", approve=False), SRE) is WhyRefused.ALREADY_VOTED


@pytest.mark.parametrize("groups", [(), ("sre",)])
def test_nobody_decides_a_request_without_groups(store, groups):
    """No group is not every group."""
    lonely = request(groups=())
    store.open(lonely)
    assert why(store.vote, lonely.approval_id, vote(), groups) is WhyRefused.WRONG_GROUP


@pytest.mark.parametrize("minimum", [0, -3])
def test_a_minimum_below_one_needs_one(store, minimum):
    """Nothing is approved unseen."""
    odd = request(minimum=minimum)
    store.open(odd)
    assert store.get(odd.approval_id).state is State.PENDING
    assert store.vote(odd.approval_id, vote(), SRE).state is State.APPROVED


def test_no_votes_approve_nothing():
    """Whatever the minimum says."""
    assert state_after(request(minimum=0), ()) is State.PENDING


def test_a_clock_that_goes_back_is_harmless(store):
    """Votes whose times run backwards count as people, once each, and closing stays closed."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob", at_ns=900), SRE)
    assert store.vote(REQUEST.approval_id, vote("i|carol", at_ns=-5), SRE).state is State.APPROVED
    assert store.expire(REQUEST.approval_id, 0).state is State.APPROVED


def test_an_unknown_request_is_named_so(store):
    """Votes are refused; closing, which must not fail silently, raises."""
    assert why(store.vote, new_id(), vote(), SRE) is WhyRefused.UNKNOWN
    with pytest.raises(ApprovalError):
        store.expire(new_id(), 1)
    assert store.get(new_id()) is None


def test_opening_twice_is_an_error(store):
    """An id names one request: the second is refused, the first unchanged."""
    store.open(REQUEST)
    with pytest.raises(ApprovalError):
        store.open(request(approval_id=REQUEST.approval_id, minimum=1))
    assert store.get(REQUEST.approval_id).request.minimum == 2


def test_an_approval_is_spent_once(store):
    """The second use, another digest, and anything not approved get nothing."""
    one = request(minimum=1)
    store.open(one)
    assert not store.spend(one.approval_id, one.digest, 1)
    store.vote(one.approval_id, vote(), SRE)
    assert not store.spend(one.approval_id, "e" * 64, 1)
    assert store.spend(one.approval_id, one.digest, 1)
    assert not store.spend(one.approval_id, one.digest, 1)
    denied = request()
    store.open(denied)
    store.vote(denied.approval_id, vote(approve=False), SRE)
    assert not store.spend(denied.approval_id, denied.digest, 1)


def test_a_prefix_must_be_long_and_unambiguous(store):
    """Eight characters at least, one match exactly; wildcards are plain characters."""
    first = request(approval_id="01890000-0000-7000-8000-000000000001")
    second = request(approval_id="01890000-0000-7000-8000-000000000002")
    third = request(approval_id="01890001-0000-7000-8000-000000000001")
    for each in (first, second, third):
        store.open(each)
    assert store.get("01890001").request == third
    assert store.get(second.approval_id).request == second
    for nothing in ("0189000", "01890000", "", "%" * 8, "_" * 36, "01890001~", "0189000*"):
        assert store.get(nothing) is None


def test_closed_among_answers_for_the_ids_it_was_given(store):
    """Pending, unknown and other requests are not in the answer."""
    asked, open_still, other = request(), request(), request()
    for each in (asked, open_still, other):
        store.open(each)
    store.expire(asked.approval_id, 7)
    store.expire(other.approval_id, 7)
    found = store.closed_among([asked.approval_id, open_still.approval_id, new_id()])
    assert [(each.request, each.state, each.closed_ns) for each in found] == [(asked, State.EXPIRED, 7)]
    assert store.closed_among([]) == []


def test_recent_is_newest_first_and_limited(store):
    """With votes, however many, a request is one of the limit."""
    many = [request(approval_id=new_id(now_ns=number * 10**9), minimum=9) for number in range(1, 6)]
    for each in many:
        store.open(each)
    for voter in ("i|b", "i|c", "i|d"):
        store.vote(many[4].approval_id, vote(voter), SRE)
    store.abandon(many[3].approval_id, 1)
    assert [each.request for each in store.recent(pending_only=False, limit=3)] == many[4:1:-1]
    assert [each.request for each in store.recent(pending_only=True, limit=2)] == [many[4], many[2]]
    assert len(store.recent(pending_only=True, limit=1)[0].votes) == 3


def test_sweep_closes_orphans_and_forgets_the_old(store):
    """What expired unwatched is closed as expired; what closed long ago goes, with its votes."""
    orphan, alive, old = request(expires_ns=50), request(), request(minimum=1)
    for each in (orphan, alive, old):
        store.open(each)
    store.vote(old.approval_id, vote(at_ns=10), SRE)
    assert [each.request for each in store.sweep(50, keep_ns=20)] == [orphan]
    assert store.get(orphan.approval_id).state is State.EXPIRED
    assert store.get(alive.approval_id).state is State.PENDING
    assert store.get(old.approval_id) is None


# Calls that are the same, and tickets

CALL_KEY = "the same call"


def same(**changes):
    return request(**{"quorum": Quorum.any_of("sre"), "call_key": CALL_KEY, **changes})


def test_the_same_call_shares_a_pending_request(store):
    """No second one, and no flood: whoever decides, decides for all attempts."""
    first = store.open(same())
    again = store.open(same())
    assert again.request.approval_id == first.request.approval_id
    assert len(store.recent(pending_only=True, limit=9)) == 1
    assert store.open(same(call_key="another call")).request.approval_id != first.request.approval_id


def test_calls_without_a_key_share_nothing(store):
    assert len({store.open(same(call_key="")).request.approval_id for _ in range(3)}) == 3


def test_an_approval_that_waits_for_its_caller_is_taken_up_until_it_is_used(store):
    one = store.open(same())
    store.issue_ticket(one.request.approval_id, 200)
    store.vote(one.request.approval_id, vote(), SRE)
    taken = store.open(same(created_ns=600))
    assert (taken.request.approval_id, taken.state) == (one.request.approval_id, State.APPROVED)
    assert store.spend(one.request.approval_id, one.request.digest, 700)
    assert store.open(same(created_ns=701)).state is State.PENDING


def test_a_denial_answers_a_caller_with_a_ticket_until_it_ends(store):
    ticketed, plain = store.open(same()), store.open(same(call_key="plain"))
    store.issue_ticket(ticketed.request.approval_id, 200)
    for each in (ticketed, plain):
        store.vote(each.request.approval_id, vote(approve=False), SRE)
    assert store.open(same(created_ns=EXPIRES_NS - 1)).state is State.DENIED
    assert store.open(same(created_ns=EXPIRES_NS, expires_ns=2 * EXPIRES_NS)).state is State.PENDING
    assert store.open(same(call_key="plain", created_ns=600)).state is State.PENDING


@pytest.mark.parametrize(("at_ns", "shared"), [(EXPIRES_NS - 1, True), (EXPIRES_NS, False)])
def test_a_request_that_expires_is_shared_before_it_does(store, at_ns, shared):
    one = store.open(same())
    again = store.open(same(created_ns=at_ns, expires_ns=2 * EXPIRES_NS))
    assert (again.request.approval_id == one.request.approval_id) is shared


@pytest.mark.parametrize(("after_ns", "spent"), [(REDEEM_NS - 1, True), (REDEEM_NS, False)])
def test_an_approval_is_used_within_its_time(store, after_ns, spent):
    """At least five minutes from the approval, even past the expiry of the request."""
    one = store.open(same())
    store.vote(one.request.approval_id, vote(at_ns=999), SRE)
    assert store.spend(one.request.approval_id, one.request.digest, 999 + after_ns) is spent


def test_the_last_of_several_waiting_calls_cancels_by_leaving(store):
    one = store.open(same())
    store.open(same())
    assert store.abandon(one.request.approval_id, 300).state is State.PENDING
    left = store.abandon(one.request.approval_id, 301)
    assert (left.state, left.closed_ns) == (State.CANCELLED, 301)
    assert store.abandon(one.request.approval_id, 302).closed_ns == 301


def test_a_ticket_keeps_a_request_open_whoever_leaves(store):
    one = store.open(same())
    store.open(same())
    assert store.issue_ticket(one.request.approval_id, 200).ticketed
    assert store.abandon(one.request.approval_id, 300).state is State.PENDING
    assert store.abandon(one.request.approval_id, 301).state is State.PENDING


def test_tickets_and_leaving_of_an_unknown_request_are_errors(store):
    for failing in (store.issue_ticket, store.abandon, store.expire):
        with pytest.raises(ApprovalError):
            failing(new_id(), 1)


def test_a_shared_request_is_withdrawn_by_the_keys_of_each_call(store):
    one = store.open(same(), ("first",))
    store.open(same(), ("second", "second"))
    assert store.withdraw("second", WithdrawnBy.CANCELLATION, 300) == 1
    closed = store.get(one.request.approval_id)
    assert (closed.withdrawn_by, closed.withdrawn_key) == (WithdrawnBy.CANCELLATION, "second")


# Taking back


def test_a_vote_is_taken_back_while_others_are_awaited(store):
    """It stays on record, and its voter can vote again, otherwise too."""
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, vote("i|bob"), SRE)
    after = store.withdraw_vote(REQUEST.approval_id, "i|bob", 600)
    assert (after.state, after.counted, [each.withdrawn_ns for each in after.votes]) == (State.PENDING, (), [600])
    assert store.vote(REQUEST.approval_id, vote("i|carol"), SRE).state is State.PENDING
    assert store.vote(REQUEST.approval_id, vote("i|bob", approve=False), SRE).state is State.DENIED


def test_a_vote_that_is_taken_back_before_the_use_cancels(store):
    one = store.open(same())
    store.vote(one.request.approval_id, vote("i|bob"), SRE)
    after = store.withdraw_vote(one.request.approval_id, "i|bob", 600)
    assert (after.state, after.withdrawn_by) == (State.CANCELLED, WithdrawnBy.APPROVER)
    assert not store.spend(one.request.approval_id, one.request.digest, 601)


def test_a_vote_is_not_taken_back_where_nothing_changes_any_more(store):
    used, denied, expired = (store.open(same(call_key="")) for _ in range(3))
    for each in (used, expired):
        store.vote(each.request.approval_id, vote("i|bob"), SRE)
    store.spend(used.request.approval_id, used.request.digest, 600)
    store.vote(denied.request.approval_id, vote("i|bob", approve=False), SRE)
    two = store.open(REQUEST)
    store.vote(two.request.approval_id, vote("i|bob"), SRE)
    for each, at_ns in ((used, 700), (denied, 700), (two, EXPIRES_NS)):
        refused = why(store.withdraw_vote, each.request.approval_id, "i|bob", at_ns)
        assert refused is WhyRefused.NOTHING_TO_WITHDRAW
    assert why(store.withdraw_vote, two.request.approval_id, "i|carol", 700) is WhyRefused.NOTHING_TO_WITHDRAW
    assert why(store.withdraw_vote, new_id(), "i|bob", 700) is WhyRefused.UNKNOWN


def test_a_caller_cancels_its_request_until_it_is_used(store):
    pending, approved, used = (store.open(same(call_key="")) for _ in range(3))
    for each in (approved, used):
        store.vote(each.request.approval_id, vote(), SRE)
    store.spend(used.request.approval_id, used.request.digest, 600)
    for each in (pending, approved):
        after = store.cancel_own(each.request.approval_id, 700)
        assert (after.state, after.withdrawn_by) == (State.CANCELLED, WithdrawnBy.REQUESTER)
        assert why(store.cancel_own, each.request.approval_id, 701) is WhyRefused.NOT_PENDING
    assert why(store.cancel_own, used.request.approval_id, 700) is WhyRefused.NOT_PENDING
    assert why(store.cancel_own, new_id(), 700) is WhyRefused.UNKNOWN


# People, groups, and one for several calls


def test_groups_of_which_all_must_approve(store):
    one = store.open(same(quorum=Quorum((("dba", "security"), ("sre",)), 1)))
    assert store.vote(one.request.approval_id, vote("i|bob"), ("dba",)).state is State.PENDING
    assert store.vote(one.request.approval_id, vote("i|carol"), ("security",)).state is State.APPROVED


def test_two_accounts_of_one_person_count_once_and_not_for_the_caller(store):
    store.open(replace(REQUEST, requester_person="alice@example.com"))
    mine = replace(vote("other|alice"), person="alice@example.com")
    assert why(store.vote, REQUEST.approval_id, mine, SRE) is WhyRefused.OWN_CALL
    store.vote(REQUEST.approval_id, replace(vote("i|bob"), person="bob@example.com"), SRE)
    again = replace(vote("other|bob"), person="bob@example.com")
    assert why(store.vote, REQUEST.approval_id, again, SRE) is WhyRefused.ALREADY_VOTED


def test_one_person_breaks_the_glass_alone_where_policy_lets(store):
    one = store.open(same(quorum=Quorum.any_of("sre", minimum=2), break_glass=("oncall",)))
    loud = replace(vote("i|bob"), break_glass=True)
    assert why(store.vote, one.request.approval_id, loud, SRE) is WhyRefused.NO_BREAK_GLASS
    store.vote(one.request.approval_id, vote("i|bob"), SRE)
    after = store.vote(one.request.approval_id, loud, ("oncall",))
    assert (after.state, after.broke_glass, len(after.votes)) == (State.APPROVED, True, 2)


def test_everything_of_a_vote_is_kept(store, address):
    given = replace(
        vote("i|bob", note="é ✓ 漢"),
        person="bob@example.com",
        source="console 192.0.2.7",
        preview_digest=REQUEST.preview_digest,
    )
    store.open(REQUEST)
    store.vote(REQUEST.approval_id, given, ("sre", "é"))
    assert open_store(address).get(REQUEST.approval_id).votes == (replace(given, groups=("sre", "é")),)


def test_everything_of_a_request_is_kept(store, address):
    full = same(
        mode=HoldMode.TICKET,
        break_glass=("oncall",),
        reuse=Reuse(60.0, frozenset({"function"})),
        reuse_key="r",
        requester_person="a@b",
        session="s",
        preview='{"a": "\\u0000 😀 \ud800"}',
    )
    store.open(full)
    assert open_store(address).get(full.approval_id).request == full


def test_an_approval_counts_for_several_calls_while_policy_says_so(store):
    reuse = {"reuse": Reuse(60.0), "reuse_key": "shape"}
    one = store.open(same(**reuse))
    assert store.reusable("shape", 500) is None, "not yet approved"
    store.vote(one.request.approval_id, vote(at_ns=500), SRE)
    until_ns = 500 + 60 * 10**9
    assert store.reusable("shape", until_ns - 1).request.approval_id == one.request.approval_id
    assert store.reusable("shape", until_ns) is None
    assert store.reusable("another", 600) is None
    assert store.reusable("", 600) is None
    store.spend(one.request.approval_id, one.request.digest, 600)
    assert store.sweep(700, keep_ns=1) == []
    assert store.reusable("shape", 800), "kept as long as it counts"
    store.withdraw_vote(one.request.approval_id, "https://idp|bob", 900)
    assert store.reusable("shape", 901) is None


def test_who_breaks_the_glass_releases_one_call_and_no_further_one(store):
    emergency = {"break_glass": ("oncall",), "reuse": Reuse(60.0), "reuse_key": "shape"}
    one = store.open(same(**emergency))
    store.vote(one.request.approval_id, replace(vote(at_ns=500), break_glass=True), ("oncall",))
    assert store.reusable("shape", 501) is None
    assert store.spend(one.request.approval_id, one.request.digest, 502)


def test_an_older_request_of_a_call_does_not_outlive_the_denial_of_a_newer_one(store):
    """The clocks of two machines differ: one of them takes a vote when the other asks anew already."""
    old = store.open(same(), ()).request
    store.issue_ticket(old.approval_id, 101)
    late = EXPIRES_NS + 1
    newer = {"approval_id": new_id(late), "created_ns": late, "expires_ns": late + 1_000}
    new = store.open(same(**newer)).request
    assert new.approval_id != old.approval_id
    store.vote(old.approval_id, vote(at_ns=EXPIRES_NS - 1), SRE)
    store.vote(new.approval_id, replace(vote(at_ns=late + 1), approve=False), SRE)
    third = same(approval_id=new_id(late + 2), created_ns=late + 2, expires_ns=late + 1_000)
    assert store.open(third).state is State.PENDING


def test_a_caller_with_enough_tickets_opens_no_further_request(store):
    one = store.open(same()).request
    store.issue_ticket(one.approval_id, 101)
    other = same(approval_id=new_id(), call_key="another call")
    with pytest.raises(TooManyTickets):
        store.open(other, at_most=1)
    assert store.get(other.approval_id) is None
    assert store.open(same(approval_id=new_id()), at_most=1).request == one, "its own ticket is no further one"
    assert store.open(replace(other, requester="https://idp|erin"), at_most=1).state is State.PENDING
    store.expire(one.approval_id, 102)
    assert store.open(same(approval_id=new_id(), call_key="a third"), at_most=1).state is State.PENDING


# Searching


def test_a_search_finds_what_holds_all_conditions(store):
    made = [
        request(approval_id=new_id(number * 10**9), function=function, requester=requester)
        for number, (function, requester) in enumerate([("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")], 1)
    ]
    for each in made:
        store.open(each)
    store.issue_ticket(made[0].approval_id, 1)
    store.expire(made[1].approval_id, 1)

    def found(**wanted):
        return [made.index(each.request) for each in store.search(Filter(**wanted))]

    assert found() == [3, 2, 1, 0]
    assert found(limit=2) == [3, 2]
    assert found(function="a", requester="x") == [3, 0]
    assert found(states=(State.PENDING,)) == [3, 2, 0]
    assert found(states=(State.EXPIRED, State.DENIED)) == [1]
    assert found(ticketed=True) == [0]
    assert found(ticketed=False, function="a") == [3, 1]
    assert found(before_id=made[2].approval_id) == [1, 0]
    assert found(per_requester=1) == [3, 1]
    assert found(function="'; DROP TABLE approvals; --") == []
    assert found(function="%s") == []


# In a crowd


def test_many_threads_close_a_request_once(store):
    """Of 40 approvals and denials at once, exactly one closes it."""
    store.open(REQUEST)
    barrier = threading.Barrier(20, timeout=10)

    def one(number: int) -> bool:
        barrier.wait()
        try:
            after = store.vote(REQUEST.approval_id, vote(f"i|p{number}", approve=number % 3 > 0), SRE)
        except VoteRefused:
            return False
        return after.state is not State.PENDING

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(one, range(40))) == 1
    closed = store.get(REQUEST.approval_id)
    assert len(closed.votes) <= REQUEST.minimum
    assert (closed.state is State.DENIED) == any(not word.approve for word in closed.votes)


@pytest.mark.slow
def test_many_processes_close_a_request_once(address):
    """As with threads, with processes."""
    open_store(address).open(REQUEST)
    jobs = [(address, REQUEST.approval_id, range(n * 10, n * 10 + 10), n != 2) for n in range(3)]
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        closing = list(pool.map(vote_in_another_process, *zip(*jobs, strict=True)))
    assert sum(closing) == 1
    assert open_store(address).get(REQUEST.approval_id).state is not State.PENDING


@pytest.mark.slow
def test_kill_in_the_middle_of_votes_leaves_only_whole_votes(address, store, tmp_path):
    """After SIGKILL the store is sound, and no state contradicts its votes."""
    requests = [request(minimum=3) for _ in range(60)]
    for each in requests:
        store.open(each)
    ready = tmp_path / "ready"
    child = get_context("spawn").Process(
        target=vote_for_ever, args=(address, [each.approval_id for each in requests], str(ready))
    )
    child.start()
    try:
        while not ready.exists() or not any(each.votes for each in store.recent(pending_only=False, limit=60)):
            assert child.is_alive()
    finally:
        child.kill()
        child.join()
    voted = 0
    for each in store.recent(pending_only=False, limit=60):
        people = {word.voter for word in each.votes}
        assert (each.state is State.APPROVED) == (len(people) >= 3)
        voted += len(people)
    assert voted > 0
    if not is_postgresql(address):
        with sqlite3.connect(address) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    waiting = store.recent(pending_only=True, limit=1)
    if waiting:  # and the store goes on working
        assert (
            store.vote(waiting[0].request.approval_id, vote("i|after", approve=False), SRE).state is State.DENIED
        )


def test_errors_hold_nothing_of_the_call(store):
    """Not in the message, not in what Python prints along with it."""
    store.open(REQUEST)
    with pytest.raises(ApprovalError) as caught:
        store.open(REQUEST)
    assert REQUEST.approval_id not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def at_once(*acts):
    """Do these at the same moment; returns what each returned, or the error that it raised."""
    barrier = threading.Barrier(len(acts), timeout=30)

    def one(act):
        barrier.wait()
        try:
            return act()
        except (VoteRefused, ApprovalError) as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


@pytest.mark.parametrize("number", range(4))
def test_an_approval_is_spent_once_however_many_replicas_try(address, store, number):
    one = store.open(same())
    store.vote(one.request.approval_id, vote(), SRE)
    replicas = [open_store(address) for _ in range(6)]
    done = at_once(
        *(lambda each=each: each.spend(one.request.approval_id, one.request.digest, 600) for each in replicas)
    )
    assert sorted(done) == [False] * 5 + [True]


@pytest.mark.parametrize("number", range(4))
def test_the_same_call_at_many_replicas_at_once_makes_one_request(address, number):
    replicas = [open_store(address) for _ in range(6)]
    done = at_once(*(lambda each=each: each.open(same(), (f"key {id(each)}",)) for each in replicas))
    assert len({each.request.approval_id for each in done}) == 1
    assert len(replicas[0].recent(pending_only=False, limit=9)) == 1
    for _ in range(5):
        assert replicas[0].abandon(done[0].request.approval_id, 300).state is State.PENDING
    assert replicas[0].abandon(done[0].request.approval_id, 301).state is State.CANCELLED, "each one was counted"


@pytest.mark.parametrize("number", range(8))
def test_a_withdrawal_finds_a_call_that_is_held_at_the_same_moment(address, number):
    """Whichever is first: the call is never left waiting for approval."""
    here, there = open_store(address), open_store(address)
    for turn in range(5):
        one = same(call_key="")
        key = f"key {number} {turn}"
        at_once(
            lambda one=one, key=key: here.open(one, (key,), began_ns=100),
            lambda key=key: there.withdraw(key, WithdrawnBy.CANCELLATION, 200),
        )
        assert here.get(one.approval_id).state is State.CANCELLED


@pytest.mark.parametrize("number", range(8))
def test_of_a_use_and_anything_that_cancels_exactly_one_wins(address, store, number):
    one = store.open(same(), ("key",))
    identity = one.request.approval_id
    store.vote(identity, vote("i|bob"), SRE)
    cancels = (
        lambda each: each.withdraw("key", WithdrawnBy.CANCELLATION, 600),
        lambda each: each.cancel_own(identity, 600),
        lambda each: each.withdraw_vote(identity, "i|bob", 600),
        lambda each: each.abandon(identity, 600),
    )
    here, there = open_store(address), open_store(address)
    spent, _ = at_once(
        lambda: here.spend(identity, one.request.digest, 600), lambda: cancels[number % len(cancels)](there)
    )
    assert spent is (store.get(identity).state is State.APPROVED)
    assert spent is bool(store.get(identity).spent_ns)


@pytest.mark.parametrize("number", range(4))
def test_a_call_that_leaves_and_one_that_joins_never_lose_each_other(address, number):
    """The one that joins waits for an open request: the old one, or its own."""
    here, there = open_store(address), open_store(address)
    for turn in range(5):
        call = f"call {number} {turn}"
        one = here.open(same(call_key=call))
        _, joined = at_once(
            lambda one=one: here.abandon(one.request.approval_id, 300),
            lambda call=call: there.open(same(call_key=call)),
        )
        assert here.get(joined.request.approval_id).state is State.PENDING


@pytest.mark.parametrize("number", range(4))
def test_sweeps_of_many_replicas_tell_each_expiry_once(address, store, number):
    """Each one becomes one entry."""
    many = [request(expires_ns=50) for _ in range(20)]
    for each in many:
        store.open(each)
    done = at_once(
        *(lambda each=each: each.sweep(60, keep_ns=10**18) for each in [open_store(address) for _ in range(4)])
    )
    done.append(store.sweep(60, keep_ns=10**18))
    told = [approval.request.approval_id for swept in done for approval in swept]
    assert sorted(told) == sorted(each.approval_id for each in many)


def acts_on(store, approval, at, voter):
    """Everything that can be done to one of the requests below."""
    identity, key = approval.request.approval_id, f"key {at % 3}"
    return (
        lambda: store.vote(identity, vote(voter, approve=at % 5 > 0), SRE),
        lambda: store.spend(identity, approval.request.digest, 600),
        lambda: store.withdraw(key, WithdrawnBy.CANCELLATION, 600),
        lambda: store.open(same(call_key=f"{at}"), (key,), began_ns=10**18),
        lambda: store.sweep(600, keep_ns=10**18),
        lambda: store.withdraw_vote(identity, voter, 600),
    )


def test_everything_at_once_leaves_no_contradiction(address):
    """Whatever six replicas do to eight requests: what is denied is not spent, what is spent was approved."""
    replicas = [open_store(address) for _ in range(6)]
    many = [replicas[0].open(same(call_key=f"{number}"), (f"key {number % 3}",)) for number in range(8)]

    def work(number):
        for turn in range(4):
            for at, each in enumerate(many):
                acts = acts_on(replicas[number], each, at, f"i|{number}{turn}")
                with suppress(VoteRefused):
                    acts[(number + turn + at) % len(acts)]()

    failures = at_once(*(lambda number=number: work(number) for number in range(6)))
    assert failures == [None] * 6
    for each in replicas[0].recent(pending_only=False, limit=1_000):
        counted = each.counted
        if each.spent_ns:
            assert each.state is State.APPROVED
        if each.state is State.APPROVED:
            assert counted
            assert all(word.approve for word in counted)
        if each.state is State.DENIED:
            assert any(not word.approve for word in counted)
        if each.state is State.PENDING:
            assert not counted


@pytest.mark.parametrize("number", range(4))
def test_one_caller_gets_no_more_tickets_by_asking_at_once(address, store, number):
    many = [store.open(same(call_key=f"{each}")).request.approval_id for each in range(6)]
    replicas = [open_store(address) for _ in many]
    at_once(
        *(
            lambda each=each, identity=identity: each.issue_ticket(identity, 200, 2)
            for each, identity in zip(replicas, many, strict=True)
        )
    )
    assert len(store.search(Filter(ticketed=True))) == 2


@pytest.mark.parametrize("number", range(4))
def test_processes_that_start_together_make_one_store(address, number):
    """Each would make the tables."""

    def start():
        return open_store(address).open(request()).state

    assert at_once(*[start] * 6) == [State.PENDING] * 6
    assert len(open_store(address).recent(pending_only=True, limit=9)) == 6
