"""One request, arranged so that nothing of it is missing."""

from dataclasses import replace

from extproc.approvals.approval import State
from extproc.approvals.rules import redeemable_until
from extproc.console.pages.plain_words import clock_time
from extproc.console.pages.request_page import past_view, request_view
from extproc.model.decision import Reuse
from extproc.model.masking import Finding
from extproc.model.quorum import Quorum
from tests.unit.console.pages.page_samples import LIN, NOOR, NOW_NS, OMAR, S, approval, numbered, vote


def view(found, identity=NOOR, **more):
    return request_view(found, identity, NOW_NS, **more)


def test_agent_and_person_are_told_apart():
    page = view(approval(requester_person="omar@example.com"))
    assert (page.agent.name, page.person.name, page.person.subject) == (
        "release-agent",
        "omar@example.com",
        "omar",
    )
    assert page.person.issuer == "login.example.com"


def test_method_and_host_of_an_open_function_are_shown_apart():
    page = view(approval(function="mesh.all (DELETE a.example.com)"))
    assert (page.function, page.said) == ("mesh.all", "DELETE a.example.com")


def test_approving_needs_that_everything_is_shown():
    long = approval(preview='{"a": "' + "x" * 10_000 + '"}')
    assert not view(long).may_approve
    assert view(long).standing.may_vote
    assert view(long, whole=True).may_approve
    assert not view(long, LIN, whole=True).may_approve


def test_changes_against_the_last_approved_call():
    last = approval(State.APPROVED, [vote()], approval_id=numbered(9), preview='{"service": "orders", "x": 1}')
    page = view(approval(), last=last)
    assert page.changes == "1 changed, 1 gone"
    assert page.shown.lines[0].before == '"orders"'
    assert [line.path for line in page.gone] == ["$.x"]
    assert page.last.outcome == "approved by noor"


def test_what_is_dangerous_comes_first():
    page = view(
        approval(
            preview='{"amount": 5, "key": "[STRIPE_KEY]"}',
            findings=(Finding("STRIPE_KEY", "$.key", "redact"),),
            definition="changed",
            reuse=Reuse(600, frozenset({"function"})),
        )
    )
    assert [each.mark.label for each in page.warned] == ["reuse", "changed definition", "stripe key", "money"]
    assert "WITH ANY ARGUMENTS" in page.reuse


def test_a_name_with_hidden_characters_is_warned_of():
    page = view(approval(actor="https://idp|agent\u202e"))
    assert [each.mark.label for each in page.warned] == ["hidden characters"]


def test_an_overdue_request_has_expired_whoever_closes_it():
    page = view(approval(expires_ns=NOW_NS))
    assert (page.state, page.is_open, page.outcome) == ("expired", False, "expired: nobody decided in time")


def test_votes_that_were_taken_back_stay_visible():
    page = view(approval(votes=[vote(withdrawn_ns=NOW_NS), vote(LIN)]))
    assert [(each.voter.name, bool(each.withdrawn)) for each in page.votes] == [("noor", True), ("lin", False)]
    assert page.approvals == 1


def test_breaking_the_glass_is_said_in_the_vote():
    page = view(approval(State.APPROVED, [vote(break_glass=True)]))
    assert page.votes[0].word == "approved, breaking the glass"


def test_other_requests_are_listed_without_this_one_and_bounded():
    others = [approval(State.DENIED, approval_id=numbered(each)) for each in range(20, 40)]
    page = view(approval(), callers=[approval(), *others], similar=others)
    assert (len(page.callers), len(page.similar)) == (5, 5)
    assert approval().request.approval_id not in [each.approval_id for each in page.callers]


def test_who_must_approve_in_words():
    def needs(quorum):
        return view(approval(quorum=quorum)).needs

    assert needs(Quorum.any_of("sre")) == "one person of sre"
    assert needs(Quorum.any_of("sre", "dba", minimum=2)) == "2 different people of sre or dba"
    assert needs(Quorum((("sre",), ("dba", "security")))) == "one of sre, or one of dba and one of security"
    assert needs(Quorum()) == "nobody: policy names no group"


def test_the_outcome_names_those_whose_votes_count():
    taken_back = [vote(withdrawn_ns=1), vote(LIN)]
    assert view(approval(State.APPROVED, taken_back)).outcome == "approved by lin"
    assert view(approval(State.DENIED, [vote(LIN), vote(approve=False)])).outcome == "denied by noor"
    assert view(replace(approval(State.CANCELLED), closed_ns=S), OMAR).outcome == "cancelled: its caller gave up"


def test_a_warning_shows_the_masked_value_and_its_place_without_signs():
    page = view(approval(preview='{"a": {"amount": 900}, "sum": "' + "9" * 500 + '", "role": {"x\\u200b": 1}}'))
    shown = {each.path: each.value for each in page.warned}
    assert shown["a.amount"] == "900"
    assert shown["sum"] == '"' + "9" * 58 + "…"
    assert view(approval(preview='"drop table x"')).warned[0].path == ""


def test_a_broken_glass_is_seen_in_the_outcome():
    page = view(approval(State.APPROVED, [vote(LIN), vote(break_glass=True)]))
    assert page.outcome == "approved by lin, noor (broke the glass)"
    assert past_view(approval(State.APPROVED, [vote(break_glass=True)]), NOW_NS).outcome == (
        "approved by noor (broke the glass)"
    )


def test_an_approved_call_says_until_when_it_can_be_made():
    approved = replace(approval(State.APPROVED, [vote()], expires_ns=NOW_NS), closed_ns=NOW_NS - S)
    until_ns = redeemable_until(approved)
    assert view(approved).good_until == clock_time(until_ns)
    assert request_view(approved, NOOR, until_ns).good_until == ""
    assert view(replace(approved, spent_ns=NOW_NS)).good_until == ""
    assert view(approval()).good_until == ""


def test_who_has_voted_is_told_for_what_the_call_waits():
    page = view(approval(votes=[vote()], quorum=Quorum.any_of("sre", minimum=2)))
    assert page.has_voted
    assert page.refused == "It needs 2 different people of sre: others must vote, too."
    assert not view(approval(), LIN).has_voted
    assert not view(approval()).has_voted
