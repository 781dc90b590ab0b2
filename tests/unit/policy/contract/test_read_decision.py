"""Answers that are exactly right become decisions; all others deny."""

import math

import pytest

from extproc.model.decision import Action, ApprovalTerms, HoldMode
from extproc.model.masking import MaskOperator, MaskPlan, MaskRule
from extproc.model.quorum import Quorum
from extproc.model.reasons import Reason
from extproc.policy.contract.read_decision import (
    DENY_REASONS,
    HOLD_REASONS,
    POLICY_REASONS,
    UNREADABLE,
    read_decision,
)

DEFAULTS = ApprovalTerms(Quorum.any_of("leads", minimum=2), 600.0, HoldMode.TICKET)
NOBODY = ApprovalTerms()


def read(answer, defaults=DEFAULTS):
    return read_decision(answer, revision="r1", defaults=defaults)


def assert_unreadable(answer, defaults=DEFAULTS):
    decision = read(answer, defaults)
    assert (decision.action, decision.reason, decision.rule) == (Action.DENY, Reason.POLICY_ERROR, UNREADABLE)
    assert decision.revision == "r1"


def test_the_whole_object():
    decision = read(
        {
            "action": "hold",
            "reason": "high-risk",
            "rule": "deploy_needs_two",
            "risk": 80,
            "mask": {
                "request": [{"path": "$.customer.ssn", "how": "redact"}],
                "response": [{"entity": "CREDIT_CARD", "how": "partial"}, {"entity": "*"}],
            },
            "approval": {"groups": ["sre"], "min": 2, "expires_in": "15m", "mode": "wait"},
            "shadow": ["night_shift"],
        }
    )
    assert decision.action is Action.HOLD
    assert decision.reason is Reason.HIGH_RISK
    assert decision.rule == "deploy_needs_two"
    assert decision.risk == 80
    assert decision.mask == MaskPlan(
        (MaskRule(MaskOperator.REDACT, path="$.customer.ssn"),),
        (MaskRule(MaskOperator.PARTIAL, entity="CREDIT_CARD"), MaskRule(MaskOperator.REDACT, entity="*")),
    )
    assert decision.approval == ApprovalTerms(Quorum.any_of("sre", minimum=2), 900.0, HoldMode.WAIT)
    assert decision.shadow == ("night_shift",)
    assert decision.revision == "r1"


def test_reasons_have_defaults():
    assert read({"action": "allow"}).reason is Reason.POLICY_ALLOWED
    assert read({"action": "deny"}).reason is Reason.POLICY_DENIED
    assert read({"action": "hold"}).reason is Reason.APPROVAL_REQUIRED


def test_every_reason_is_policys_or_not():
    for reason in Reason:
        denied, held = ({"action": action, "reason": reason.value} for action in ("deny", "hold"))
        assert (read(denied).rule == UNREADABLE) is (reason not in DENY_REASONS)
        assert (read(held).rule == UNREADABLE) is (reason not in HOLD_REASONS)
        if reason is not Reason.POLICY_ALLOWED:
            assert_unreadable({"action": "allow", "reason": reason.value})
    assert Reason.APPROVED not in POLICY_REASONS
    assert Reason.POLICY_ERROR not in POLICY_REASONS


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("15m", 900.0), ("1h", 3600.0), ("168h", 604_800.0)])
def test_durations(text, seconds):
    assert read({"action": "hold", "approval": {"expires_in": text}}).approval.expires_in_s == seconds


def test_what_policy_does_not_say_the_connection_says():
    assert read({"action": "hold"}).approval == DEFAULTS
    assert read({"action": "hold", "approval": {"min": 1}}).approval.quorum.minimum == 1


def test_a_hold_that_nobody_could_release_is_unreadable():
    assert_unreadable({"action": "hold"}, NOBODY)
    assert_unreadable({"action": "hold", "approval": {"groups": []}})
    assert_unreadable({"action": "hold", "approval": {"groups": [""]}})
    assert_unreadable({"action": "hold", "approval": {"groups": {"any": [["dba", "dba"]]}}})


@pytest.mark.parametrize(
    "answer",
    [
        None,
        1,
        "allow",
        "true",
        [],
        [True],
        {},
        {"allow": True},
        {"action": "Allow"},
        {"action": True},
        {"action": None},
        {"action": "allow", "extra": 1},
        {"action": "allow", "allowed": True},
        {"action": "allow", "approval": {}},
        {"action": "deny", "approval": {}},
        {"action": "deny", "reason": None},
        {"action": "deny", "reason": "because"},
        {"action": "allow", "rule": 1},
        {"action": "allow", "rule": "x" * 201},
        {"action": "allow", "rule": "a\nb"},
        {"action": "allow", "risk": -1},
        {"action": "allow", "risk": 101},
        {"action": "allow", "risk": 1.5},
        {"action": "allow", "risk": True},
        {"action": "allow", "risk": "10"},
        {"action": "allow", "risk": math.nan},
        {"action": "allow", "risk": math.inf},
        {"action": "allow", "mask": []},
        {"action": "allow", "mask": None},
        {"action": "allow", "mask": {"respnse": []}},
        {"action": "allow", "mask": {"response": {}}},
        {"action": "allow", "mask": {"response": [{}]}},
        {"action": "allow", "mask": {"response": [{"how": "redact"}]}},
        {"action": "allow", "mask": {"response": [{"path": "$.a", "entity": "US_SSN"}]}},
        {"action": "allow", "mask": {"response": [{"path": "a.b"}]}},
        {"action": "allow", "mask": {"response": [{"path": ""}]}},
        {"action": "allow", "mask": {"response": [{"entity": "us_ssn"}]}},
        {"action": "allow", "mask": {"response": [{"entity": "US_SSN", "how": "hide"}]}},
        {"action": "allow", "mask": {"response": [{"entity": "US_SSN", "hw": "redact"}]}},
        {"action": "allow", "mask": {"response": ["US_SSN"]}},
        {"action": "allow", "shadow": "rule"},
        {"action": "allow", "shadow": [1]},
        {"action": "hold", "approval": []},
        {"action": "hold", "approval": {"group": ["sre"]}},
        {"action": "hold", "approval": {"groups": "sre"}},
        {"action": "hold", "approval": {"min": 0}},
        {"action": "hold", "approval": {"min": 11}},
        {"action": "hold", "approval": {"min": True}},
        {"action": "hold", "approval": {"min": 1.5}},
        {"action": "hold", "approval": {"min": math.nan}},
        {"action": "hold", "approval": {"mode": "later"}},
        {"action": "hold", "approval": {"expires_in": 900}},
        {"action": "hold", "approval": {"expires_in": "0s"}},
        {"action": "hold", "approval": {"expires_in": "15"}},
        {"action": "hold", "approval": {"expires_in": "-5m"}},
        {"action": "hold", "approval": {"expires_in": "15m\n"}},
        {"action": "hold", "approval": {"expires_in": "169h"}},
    ],
)
def test_anything_else_denies(answer):
    assert_unreadable(answer)


def test_an_engine_may_spell_whole_numbers_as_floats():
    assert read({"action": "allow", "risk": 80.0}).risk == 80


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"action": "deny", "reson": "x"}, "unknown key reson (did you mean reason?)"),
        (
            {"action": "deny", "zzz": 1},
            "unknown key zzz (known: action, approval, mask, reason, risk, rule, shadow)",
        ),
        ({"action": "allow", "mask": {"respond": []}}, "mask: unknown key respond (did you mean response?)"),
        (
            {"action": "allow", "mask": {"request": [{"entitty": "*"}]}},
            "mask: request: unknown key entitty (did you mean entity?)",
        ),
        (
            {"action": "hold", "approval": {"expires": 1}},
            "approval: unknown key expires (did you mean expires_in?)",
        ),
        ({"action": "permit"}, "action: not one of allow, deny, hold"),
        ({"action": "deny", "rule": 1}, "rule: not text, or too long"),
        ({"action": "allow", "shadow": "x"}, "shadow: not an array, or too long"),
        (
            {"action": "hold", "approval": {"expires_in": "1d"}},
            "approval: expires_in: not a duration: a whole number and s, m or h",
        ),
        (
            {"action": "hold", "approval": {"expires_in": "169h"}},
            "approval: expires_in: an approval may wait for at most seven days",
        ),
        (
            {"action": "hold", "approval": {"reuse": {"for": "48h"}}},
            "approval: reuse: an approval may be used again for at most 24 hours",
        ),
        ({"action": "allow", "mask": {"request": [{"how": "x", "path": "$"}]}}, "mask: request: how: not one of"),
    ],
)
def test_the_detail_names_the_part_that_is_wrong(answer, says):
    assert read(answer).detail.startswith(says)


@pytest.mark.parametrize(
    "key", ["078-05-1120", "jo@example.org", "sk_live_51H8", "a" * 40, "Jörg", "a b", "\u202ex"]
)
def test_a_key_that_may_be_a_value_is_not_repeated(key):
    detail = read({"action": "deny", key: 1}).detail
    assert key not in detail
    assert detail.startswith(f"unknown key of {len(key)} characters")
