"""The desk: who sees, who acts, and what is recorded of it, whatever is tried."""

import contextlib
import logging
import threading
import time
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from extproc.approvals.approval import State
from extproc.approvals.port import Filter
from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.sqlite import SqliteApprovals
from extproc.console.act_log import ActLog
from extproc.console.approval_desk import (
    CHUNK,
    HISTORY_SCANNED,
    LOOK_NS,
    PER_CALLER,
    REFUSED_NS,
    ApprovalDesk,
    DeskMemory,
)
from extproc.console.forward_clock import ForwardClock
from extproc.console.roles import Role
from extproc.console.visitor import SOCKET, Visitor
from extproc.evidence.spool.entry_codec import encode_entry
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.evidence.spool.spool_file import connect
from extproc.evidence.spool.threaded_spool import ThreadedSpool
from extproc.model.errors import ApprovalError, EvidenceError, Refused, VoteRefused, WhyRefused
from extproc.model.identity import ANONYMOUS
from extproc.server.act_metrics import ActMetrics
from tests.unit.approvals.samples import new_id, request
from tests.unit.console.desks import Acts, make_desk, visitor
from tests.unit.console.served import ISSUER

NOTE = "ticket 42"
SECOND = 10**9
OTHER = "https://other.example"


class Failing:
    """A store that fails on purpose, before a vote is counted or after."""

    fails_before = fails_after = False

    def vote(self, *args):
        if self.fails_before:
            raise ApprovalError("the disk is gone")
        after = super().vote(*args)
        if self.fails_after:
            raise ApprovalError("the answer is gone")
        return after


class SqliteStore(Failing, SqliteApprovals):
    pass


class PostgresStore(Failing, PostgresApprovals):
    pass


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request, tmp_path):
    if request.param == "sqlite":
        made = SqliteStore(tmp_path / "approvals.db")
    else:
        server = request.getfixturevalue("postgresql")
        made = PostgresStore(server.url(server.empty_database()))
    yield made
    made.close()


@pytest.fixture
def acts():
    return Acts()


@pytest.fixture
def desk(store, acts):
    return make_desk(store, acts)


def opened(store, *, at_ns=None, **changes):
    now_ns = at_ns or time.time_ns()
    given = {"created_ns": now_ns, "expires_ns": now_ns + 600 * SECOND, "minimum": 1, "groups": ("sre",)}
    caller = {"requester": f"{ISSUER}|alice", "actor": f"{ISSUER}|agent-7", "approval_id": new_id(now_ns)}
    made = request(**(given | caller | changes))
    store.open(made)
    return made


def say(desk, by, one, *, approve=True, note=NOTE, seen="", preview="", **more):
    digests = {"seen": seen or one.digest, "preview": preview or one.preview_digest}
    return desk.vote(by, one.approval_id, approve=approve, note=note, **digests, **more)


def refused_because(act, *args, **kwargs):
    with pytest.raises(VoteRefused) as caught:
        act(*args, **kwargs)
    return caught.value.why


# Seeing


UNKNOWN_ID = "01a22c22-6f2f-7949-908e-9af73332f73a"


@pytest.mark.parametrize(
    ("by", "sees"),
    [
        (visitor("bob", ("sre",)), True),
        (visitor("bob", ("hr",)), False),
        (visitor("bob", ()), False),
        (visitor("alice", ()), True),
        (visitor("agent-7", ()), True),
        (visitor("alice", (), issuer=OTHER), False),
        (visitor("ALICE", ()), False),
        (visitor("second", (), issuer=OTHER, person="alice@example.com"), True),
        (visitor("carol", (), roles=(Role.AUDITOR,)), True),
        (visitor("carol", (), roles=(Role.ADMIN,)), True),
        (visitor("carol", (), roles=(Role.AUTHOR,)), False),
        (Visitor(ANONYMOUS, frozenset(), "api"), False),
        (Visitor(ANONYMOUS, frozenset({Role.ADMIN}), SOCKET), True),
    ],
)
def test_a_request_is_seen_by_its_caller_its_groups_and_auditors(store, desk, by, sees):
    one = opened(store, requester_person="alice@example.com")
    assert [each.request for each in desk.queue(by)] == ([one] if sees else [])
    assert [each.request for each in desk.history(by, Filter())] == ([one] if sees else [])
    if sees:
        assert desk.look(by, one.approval_id).request == one
    else:
        assert refused_because(desk.look, by, one.approval_id) is WhyRefused.UNKNOWN
        assert refused_because(desk.get, by, one.approval_id) is WhyRefused.UNKNOWN


def test_the_queue_has_no_request_that_is_overdue_or_decided(store, acts):
    one, two = opened(store), opened(store)
    desk = make_desk(store, acts)
    say(desk, visitor(), one)
    assert [each.request for each in desk.queue(visitor())] == [two]
    late = make_desk(store, acts, clock=lambda: two.expires_ns)
    assert late.queue(visitor()) == []


def test_thousands_of_requests_of_one_caller_hide_no_other(store, desk):
    """The queue has the newest of each caller."""
    early = opened(store, at_ns=time.time_ns() - 100 * SECOND, requester=f"{ISSUER}|carol")
    for number in range(1_200):
        opened(store, at_ns=time.time_ns() + number)
    shown = [each.request for each in desk.queue(visitor())]
    assert early in shown
    assert len(shown) == PER_CALLER + 1


def test_the_history_finds_what_is_far_behind_and_reads_a_bounded_number(store, desk, monkeypatch):
    """Requests of other groups are skipped, up to a limit, and the next page goes on from there."""
    monkeypatch.setattr("extproc.console.approval_desk.HISTORY_SCANNED", 40)
    start = time.time_ns()
    mine = opened(store, at_ns=start)
    for number in range(50):
        opened(store, at_ns=start + (number + 1) * 10**6, groups=("hr",))
    found, before = desk.history_page(visitor(), Filter(limit=5))
    assert found == []
    assert before
    found, before = desk.history_page(visitor(), Filter(limit=5, before_id=before))
    assert [each.request for each in found] == [mine]
    assert not before
    assert CHUNK < HISTORY_SCANNED


def test_pages_of_the_history_follow_each_other(store, desk):
    start = time.time_ns()
    made = [opened(store, at_ns=start + number * 10**6) for number in range(7)]
    seen, before = [], ""
    while True:
        found, before = desk.history_page(visitor(), Filter(limit=3, before_id=before))
        seen += [each.request for each in found]
        if not before:
            break
    assert seen == made[::-1]


def test_similar_decisions_and_the_last_approved_one_are_those_that_the_visitor_may_see(store, desk):
    start = time.time_ns() - 100 * SECOND
    approved = opened(store, at_ns=start)
    denied = opened(store, at_ns=start + SECOND)
    hidden = opened(store, at_ns=start + 2 * SECOND, groups=("hr",))
    opened(store, at_ns=start + 3 * SECOND, function="crm.other")
    one = opened(store, at_ns=start + 4 * SECOND)
    say(desk, visitor(), approved)
    say(desk, visitor(), denied, approve=False)
    say(desk, visitor("hans", ("hr",)), hidden)
    now = desk.get(visitor(), one.approval_id)
    assert [each.request for each in desk.similar(visitor(), now)] == [denied, approved]
    last = desk.last_approved(visitor(), now)
    assert last is not None
    assert last.request == approved
    assert desk.last_approved(visitor(), last) is None
    assert [each.request.approval_id for each in desk.others_of_caller(visitor(), now)][:1] != [one.approval_id]


# Looks


def test_a_look_is_recorded_once_in_a_while_for_each_person(store, acts):
    now = [time.time_ns()]
    one = opened(store, at_ns=now[0])
    desk = make_desk(store, acts, clock=lambda: now[0])
    for _ in range(3):
        desk.look(visitor(), one.approval_id)
        desk.look(visitor("carol"), one.approval_id)
        desk.get(visitor("dave"), one.approval_id)
        desk.queue(visitor("dave"))
    assert acts.told == [("looked", "bob", ""), ("looked", "carol", "")]
    [first, _] = acts.entries
    assert (first.source, first.groups, first.issuer) == ("console 10.0.0.7", ("sre",), ISSUER)
    assert (first.request_sha256, first.preview_digest) == (one.digest, one.preview_digest)
    assert (first.call_id, first.approval_id, first.function) == (one.call_id, one.approval_id, one.function)
    now[0] += LOOK_NS
    desk.look(visitor(), one.approval_id)
    assert len(acts.entries) == 3


def test_a_look_is_remembered_over_a_change_of_the_configuration(store, acts):
    one, memory = opened(store), DeskMemory.make()
    for _ in range(2):
        make_desk(store, acts, memory=memory).look(visitor(), one.approval_id)
    assert acts.told == [("looked", "bob", "")]


def test_a_look_at_a_request_that_one_may_not_see_is_no_look(store, desk, acts):
    one = opened(store, groups=("hr",))
    refused_because(desk.look, visitor(), one.approval_id)
    assert acts.entries == []


def test_a_look_is_shown_even_if_it_cannot_be_recorded(store, desk, acts):
    """It is counted and logged as lost."""
    one = opened(store)
    acts.full = True
    assert desk.look(visitor(), one.approval_id).request == one
    assert [each.kind for each in acts.lost_entries] == ["approval.looked"]


# Votes


@pytest.mark.parametrize(("approve", "state"), [(True, State.APPROVED), (False, State.DENIED)])
def test_a_vote_is_recorded_before_it_counts_and_its_outcome_after(store, acts, approve, state):
    one = opened(store)
    desk = make_desk(store, acts, mask_note=lambda note: note.replace("42", "[N]"))
    acts.before = lambda entry: seen.append(store.get(one.approval_id).votes)
    seen = []
    after = say(desk, visitor(), one, approve=approve)
    assert after.state is state
    assert seen == [()]
    assert acts.told == [("voted", "bob", "approve" if approve else "deny"), ("counted", "bob", state.value)]
    [vote] = store.get(one.approval_id).votes
    assert (vote.note, vote.source) == ("ticket [N]", "console 10.0.0.7")
    assert vote.preview_digest == one.preview_digest
    intent = acts.entries[0]
    assert (intent.approval_note, intent.preview_digest) == ("ticket [N]", one.preview_digest)
    assert intent.request_sha256 == one.digest


@pytest.mark.parametrize(
    ("by", "more", "why"),
    [
        (visitor("alice"), {}, WhyRefused.OWN_CALL),
        (visitor("agent-7"), {}, WhyRefused.OWN_CALL),
        (visitor("second", issuer=OTHER, person="alice@example.com"), {}, WhyRefused.OWN_CALL),
        (visitor("bob", actor="agent-9"), {}, WhyRefused.ON_BEHALF),
        (visitor("bob", ("hr",)), {}, WhyRefused.WRONG_GROUP),
        (visitor("bob", ()), {}, WhyRefused.WRONG_GROUP),
        (visitor("bob", roles=()), {}, WhyRefused.WRONG_GROUP),
        (visitor("bob", ("hr",), roles=(Role.ADMIN, Role.AUDITOR, Role.APPROVER)), {}, WhyRefused.WRONG_GROUP),
        (visitor(), {"seen": "0" * 64}, WhyRefused.WRONG_DIGEST),
        (visitor(), {"preview": "0" * 64}, WhyRefused.WRONG_PREVIEW),
        (visitor(), {"note": "  a  "}, WhyRefused.NOTE_REQUIRED),
        (visitor(), {"break_glass": True}, WhyRefused.NO_BREAK_GLASS),
    ],
)
def test_a_vote_that_breaks_a_rule_is_refused_and_recorded(store, acts, by, more, why):
    one, desk = opened(store, requester_person="alice@example.com"), make_desk(store, acts)
    assert refused_because(say, desk, by, one, **more) is why
    assert store.get(one.approval_id).votes == ()
    assert acts.told == [("refused", by.identity.subject, why.value)]


def test_a_refusal_tells_no_state_to_those_who_may_not_see(store, desk):
    one = opened(store)
    with pytest.raises(VoteRefused) as caught:
        say(desk, visitor("bob", ("hr",)), one)
    assert caught.value.state == ""


@pytest.mark.parametrize(
    "more", [{"seen": "0" * 64}, {"preview": "0" * 64}, {"note": "a"}, {"break_glass": True}, {}]
)
def test_a_refusal_tells_those_who_may_not_see_nothing_of_the_request(store, desk, more):
    """Neither a guessed digest nor the state."""
    stranger = visitor("eve", ("hr",))
    waits, decided = opened(store), opened(store)
    say(desk, visitor("bob"), decided)
    for one in (waits, decided):
        assert refused_because(say, desk, stranger, one, **more) is WhyRefused.WRONG_GROUP


def test_what_a_visitor_may_not_see_makes_no_prefix_ambiguous(store, desk):
    mine, hidden = (f"01890000-0000-7000-8000-00000000000{number}" for number in "12")
    opened(store, approval_id=mine)
    opened(store, approval_id=hidden, groups=("hr",))
    assert desk.get(visitor("bob"), mine[:8]).request.approval_id == mine
    assert refused_because(desk.get, visitor("bob"), hidden) is WhyRefused.UNKNOWN


@pytest.mark.parametrize("name", ["Alice", "alice ", "\uff41lice", "alice\u200b"])
def test_another_spelling_of_a_name_is_another_account_and_the_person_is_the_same(store, acts, name):
    """Names of accounts are compared exactly; where accounts are joined, none of a person's votes on the own call."""
    one = opened(store, requester_person="alice@example.com")
    desk = make_desk(store, acts, joins_accounts=True)
    own = visitor(name, person="alice@example.com")
    assert refused_because(say, desk, own, one) is WhyRefused.OWN_CALL
    assert refused_because(say, desk, visitor(name), one) is WhyRefused.PERSON_UNKNOWN
    assert store.get(one.approval_id).votes == ()


def test_nobody_votes_without_an_identity(store, desk, acts):
    one = opened(store)
    owner = Visitor(ANONYMOUS, frozenset({Role.ADMIN, Role.APPROVER}), SOCKET)
    for act in (desk.withdraw_vote, desk.cancel):
        with pytest.raises(Refused):
            act(owner, one.approval_id)
    with pytest.raises(Refused):
        say(desk, owner, one)
    assert store.get(one.approval_id).votes == ()


@pytest.mark.parametrize("approval_id", ["", "x", "0189", "%", "\x00" * 36, "0" * 36, UNKNOWN_ID])
def test_an_unknown_request_takes_no_act_and_leaves_no_entry(desk, acts, approval_id):
    for act in (desk.withdraw_vote, desk.cancel, desk.look):
        assert refused_because(act, visitor(), approval_id) is WhyRefused.UNKNOWN
    assert acts.entries == []


def test_a_prefix_of_an_id_takes_no_vote(store, desk):
    one = opened(store)
    part = replace(one, approval_id=one.approval_id[:20])
    assert refused_because(say, desk, visitor(), part) is WhyRefused.UNKNOWN


def test_a_vote_that_is_repeated_counts_once(store, desk, acts):
    one = opened(store, minimum=2)
    say(desk, visitor(), one)
    assert refused_because(say, desk, visitor(), one) is WhyRefused.ALREADY_VOTED
    assert len(store.get(one.approval_id).votes) == 1
    assert acts.told[-1] == ("refused", "bob", "already-voted")


def test_two_equal_votes_that_race_count_once(store, acts):
    """Both are recorded as said; one counts and one is refused."""
    one = opened(store, minimum=2)
    desk = make_desk(store, acts)
    meet = threading.Barrier(2)
    acts.before = lambda entry: meet.wait(30)
    outcomes = []

    def race():
        try:
            outcomes.append(say(desk, visitor(), one).state)
        except VoteRefused as error:
            outcomes.append(error.why)

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already-voted", "pending"]
    assert len(store.get(one.approval_id).votes) == 1
    assert sorted(kind for kind, _, _ in acts.told) == ["counted", "refused", "voted", "voted"]


def test_a_vote_after_the_end_is_refused_with_the_state(store, desk):
    one = opened(store)
    say(desk, visitor(), one, approve=False)
    with pytest.raises(VoteRefused) as caught:
        say(desk, visitor("carol"), one)
    assert (caught.value.why, caught.value.state) == (WhyRefused.NOT_PENDING, State.DENIED)
    assert store.get(one.approval_id).state is State.DENIED


def test_a_clock_that_is_set_back_reopens_nothing(store, acts):
    """Ten minutes pass, the request expires, and somebody sets the clock of the machine back."""
    wall, ticks = [time.time_ns()], [0]
    one = opened(store, at_ns=wall[0])
    desk = make_desk(store, acts, clock=ForwardClock(lambda: wall[0], lambda: ticks[0]))
    ticks[0] += 601 * SECOND
    assert wall[0] < one.expires_ns
    assert desk.queue(visitor()) == []
    assert refused_because(say, desk, visitor(), one) is WhyRefused.EXPIRED
    assert store.get(one.approval_id).votes == ()


def test_attempts_that_repeat_themselves_are_counted_in_one_entry(store, acts):
    now = [time.time_ns()]
    one = opened(store, at_ns=now[0], expires_ns=now[0] + 10 * REFUSED_NS)
    desk = make_desk(store, acts, clock=lambda: now[0])
    for _ in range(5):
        refused_because(say, desk, visitor("alice"), one)
    assert acts.told == [("refused", "alice", "own-call")]
    now[0] += REFUSED_NS
    refused_because(say, desk, visitor("alice"), one)
    assert [each.detail for each in acts.entries] == ["approve", "approve, and 4 more before"]


# What cannot be recorded, and stores that fail


def test_a_vote_that_cannot_be_recorded_does_not_count(store, desk, acts):
    one = opened(store)
    acts.full = True
    for approve in (True, False):
        with pytest.raises(EvidenceError):
            say(desk, visitor(), one, approve=approve)
    assert store.get(one.approval_id).votes == ()
    assert store.get(one.approval_id).state is State.PENDING
    assert [each.kind for each in acts.lost_entries] == ["approval.voted"] * 2
    acts.full = False
    assert say(desk, visitor(), one).state is State.APPROVED


def test_a_full_spool_takes_no_vote(store, tmp_path):
    """The real spool, without room for one more entry."""
    one = opened(store)
    spool = ThreadedSpool(lambda: Spool(tmp_path / "spool", "control", SpoolLimits(max_spool=10)))
    desk = ApprovalDesk(store, ActLog(spool, ActMetrics()), time.time_ns, str)
    with capture_logs() as logs, pytest.raises(EvidenceError):
        say(desk, visitor(), one)
    spool.close()
    assert store.get(one.approval_id).votes == ()
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["evidence lost"]


def test_a_full_disk_takes_no_vote_until_there_is_room(store, tmp_path):
    """SQLite's own error, as a full disk gives it."""
    one, two = opened(store), opened(store)

    def small(path):
        db = connect(path)
        db.execute("PRAGMA max_page_count = 12")
        return db

    spool = ThreadedSpool(lambda: Spool(tmp_path / "spool", "control", connect=small))
    desk = ApprovalDesk(store, ActLog(spool, ActMetrics()), time.time_ns, str)
    assert say(desk, visitor(), one).state is State.APPROVED
    with contextlib.suppress(EvidenceError):
        for number in range(50):
            say(desk, visitor(f"p{number}"), opened(store, minimum=9), note="x" * 1_000)
    with pytest.raises(EvidenceError, match="FULL"):
        say(desk, visitor(), two, note="x" * 1_000)
    assert store.get(two.approval_id).votes == ()
    spool.close()


def test_a_vote_counts_though_its_outcome_cannot_be_recorded(store, desk, acts):
    """The vote itself is recorded; the loss of the outcome is told."""
    one = opened(store)
    acts.queue_full = True
    assert say(desk, visitor(), one).state is State.APPROVED
    assert acts.told == [("voted", "bob", "approve")]
    assert [each.kind for each in acts.lost_entries] == ["approval.counted"]


@pytest.mark.parametrize(("when", "votes"), [("fails_before", 0), ("fails_after", 1)])
def test_a_store_that_fails_is_recorded_as_the_reason(store, desk, acts, when, votes):
    one = opened(store, minimum=2)
    setattr(store, when, True)
    with pytest.raises(ApprovalError):
        say(desk, visitor(), one)
    assert acts.told == [("voted", "bob", "approve"), ("refused", "bob", "approval-unavailable")]
    assert len(store.get(one.approval_id).votes) == votes


def test_notes_are_kept_masked_only(store, acts, caplog):
    """Neither the store, nor an entry, nor the log has the raw value."""
    caplog.set_level(logging.DEBUG)
    canary = "078-05-1120"
    one = opened(store, minimum=3)
    log = ActMetrics()
    acts.acted, acts.broke_glass = log.acted, log.broke_glass
    desk = make_desk(store, acts, mask_note=lambda note: note.replace(canary, "[US_SSN]"))
    with capture_logs() as logs:
        say(desk, visitor(), one, note=f"for {canary} now")
        refused_because(say, desk, visitor("alice"), one, note=canary)
        refused_because(say, desk, visitor(), one, note=canary)
    kept = repr(store.get(one.approval_id)) + "".join(encode_entry(each).decode() for each in acts.entries)
    assert "[US_SSN]" in kept
    assert canary not in kept + repr(logs) + caplog.text


# Taking back, and giving up


def test_a_person_takes_the_own_vote_back_from_another_account(store, desk, acts):
    one = opened(store, minimum=2)
    say(desk, visitor("bob", person="bob@example.com"), one)
    other = visitor("b2", issuer=OTHER, person="bob@example.com")
    after = desk.withdraw_vote(other, one.approval_id)
    assert after.state is State.PENDING
    assert (len(after.votes), after.counted) == (1, ())
    assert acts.told[-2:] == [("withdrawn", "b2", "withdraw"), ("counted", "b2", "pending")]
    assert say(desk, visitor("carol"), one).state is State.PENDING
    assert say(desk, visitor("bob", person="bob@example.com"), one).state is State.APPROVED


@pytest.mark.parametrize("by", [visitor("carol"), visitor("bob", person="x"), visitor("bob", issuer=OTHER)])
def test_nobody_takes_anothers_vote_back(store, desk, acts, by):
    """A name of another issuer is another account."""
    one = opened(store, minimum=2)
    say(desk, visitor("bobby", person=""), one)
    assert refused_because(desk.withdraw_vote, by, one.approval_id) is WhyRefused.NOTHING_TO_WITHDRAW
    assert len(store.get(one.approval_id).counted) == 1
    assert acts.told[-1][0] == "refused"


def test_an_agent_takes_no_vote_back(store, desk):
    one = opened(store, minimum=2)
    say(desk, visitor(), one)
    agent = visitor("bob", actor="agent-9")
    assert refused_because(desk.withdraw_vote, agent, one.approval_id) is WhyRefused.ON_BEHALF


@pytest.mark.parametrize(
    "by",
    [
        visitor("alice", ()),
        visitor("alice", (), actor="agent-7"),
        visitor("agent-7", ()),
        visitor("x", (), issuer=OTHER, person="alice@example.com"),
    ],
)
def test_the_requester_cancels(store, desk, acts, by):
    one = opened(store, requester_person="alice@example.com")
    assert desk.cancel(by, one.approval_id).state is State.CANCELLED
    assert [kind for kind, _, _ in acts.told] == ["cancelled", "counted"]
    assert refused_because(say, desk, visitor(), one) is WhyRefused.NOT_PENDING


@pytest.mark.parametrize("by", [visitor(), visitor("carol", roles=(Role.ADMIN,)), visitor("alice", issuer=OTHER)])
def test_nobody_else_cancels(store, desk, acts, by):
    one = opened(store)
    assert refused_because(desk.cancel, by, one.approval_id) is WhyRefused.NOT_YOURS
    assert store.get(one.approval_id).state is State.PENDING
    assert acts.told == [("refused", by.identity.subject, "not-yours")]


def test_what_only_stops_a_call_happens_even_if_it_cannot_be_recorded(store, desk, acts):
    one, two = opened(store, minimum=2), opened(store)
    say(desk, visitor(), one)
    acts.full = True
    desk.withdraw_vote(visitor(), one.approval_id)
    desk.cancel(visitor("alice", ()), two.approval_id)
    assert store.get(one.approval_id).counted == ()
    assert store.get(two.approval_id).state is State.CANCELLED
    assert {each.kind for each in acts.lost_entries} >= {"approval.withdrawn", "approval.cancelled"}


# Breaking the glass


def test_one_person_releases_a_call_alone_where_policy_allows_it_and_everybody_hears_of_it(store, acts):
    one = opened(store, minimum=3, break_glass=("oncall",))
    log = ActMetrics()
    acts.broke_glass = lambda entry: (acts.alarms.append(entry), log.broke_glass(entry))
    desk = make_desk(store, acts)
    with capture_logs() as logs:
        after = say(desk, visitor("olga", ("oncall",)), one, break_glass=True)
    assert after.state is State.APPROVED
    assert acts.told == [("break-glass", "olga", "approve"), ("counted", "olga", "approved")]
    assert [each.subject for each in acts.alarms] == ["olga"]
    assert [line["log_level"] for line in logs if "BREAK GLASS" in line["event"]] == ["warning"]


@pytest.mark.parametrize("by", [visitor(), visitor("alice", ("oncall",)), visitor("o", ("oncall",), actor="a")])
def test_nobody_else_breaks_the_glass(store, desk, acts, by):
    one = opened(store, minimum=3, break_glass=("oncall",))
    assert refused_because(say, desk, by, one, break_glass=True)
    assert acts.alarms == []
    assert store.get(one.approval_id).votes == ()


# What nobody caused


def test_requests_that_nobody_decided_leave_an_entry(store, desk, acts):
    one = opened(store, at_ns=time.time_ns() - 1_000 * SECOND)
    desk.expired(store.sweep(time.time_ns(), keep_ns=3_600 * SECOND))
    [entry] = acts.entries
    assert (entry.kind, entry.approval_id, entry.subject) == ("approval.expired", one.approval_id, "")
    assert entry.source == "control"
