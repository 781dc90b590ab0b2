"""What a visitor may do follows from the rules of voting."""

from dataclasses import replace

from extproc.approvals.approval import State
from extproc.console.pages.standing import standing
from extproc.model.errors import WhyRefused
from extproc.model.identity import Identity
from tests.unit.console.pages.page_samples import ISSUER, LIN, NOOR, NOW_NS, OMAR, approval, vote


def stands(found, identity=NOOR, now_ns=NOW_NS):
    return standing(found, identity, now_ns)


def test_a_member_may_vote_and_others_may_not():
    assert stands(approval()).may_vote
    assert stands(approval(), LIN).refused is WhyRefused.WRONG_GROUP
    assert stands(approval(), OMAR).refused is WhyRefused.OWN_CALL
    assert stands(approval(), replace(NOOR, actor="agent")).refused is WhyRefused.ON_BEHALF


def test_nobody_votes_twice_or_late_or_on_what_is_closed():
    assert stands(approval(votes=[vote()])).refused is WhyRefused.ALREADY_VOTED
    assert stands(approval(expires_ns=NOW_NS)).refused is WhyRefused.EXPIRED
    assert stands(approval(State.DENIED)).refused is WhyRefused.NOT_PENDING


def test_another_account_of_the_caller_may_not_vote():
    alias = Identity("https://other", "o.m", ("sre",), person="omar@example.com")
    assert stands(approval(requester_person="omar@example.com"), alias).refused is WhyRefused.OWN_CALL


def test_break_glass_is_offered_to_its_groups_only():
    with_glass = approval(break_glass=("dba",))
    assert not stands(approval(), LIN).may_break_glass
    assert stands(with_glass, LIN).may_break_glass
    assert not stands(with_glass).may_break_glass
    assert not stands(with_glass, replace(OMAR, groups=("dba",))).may_break_glass
    assert not stands(with_glass, replace(LIN, actor="agent")).may_break_glass


def test_a_vote_can_be_taken_back_until_the_call_has_run():
    approved = approval(State.APPROVED, [vote()])
    assert stands(approved).may_withdraw_vote
    assert stands(approval(votes=[vote()])).may_withdraw_vote
    assert not stands(replace(approved, spent_ns=NOW_NS)).may_withdraw_vote
    assert not stands(approved, LIN).may_withdraw_vote
    assert not stands(approval(State.DENIED, [vote(approve=False)])).may_withdraw_vote
    assert not stands(approval(votes=[vote(withdrawn_ns=NOW_NS)])).may_withdraw_vote


def test_the_caller_alone_may_cancel():
    assert stands(approval(), OMAR).may_cancel
    assert not stands(approval()).may_cancel
    assert not stands(approval(State.APPROVED, spent_ns=1), OMAR).may_cancel
    assert not stands(approval(requester=""), Identity("", "")).may_cancel
    assert stands(approval(requester=f"{ISSUER}|x", requester_person="p"), replace(LIN, person="p")).may_cancel
