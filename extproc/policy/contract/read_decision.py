"""Turn policy's answer, a JSON value, into a decision. Nothing is guessed, and nothing is ignored."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from extproc.model.call import Json
from extproc.model.decision import ARGUMENTS, FUNCTION, Action, ApprovalTerms, Decision, HoldMode, Reuse
from extproc.model.masking import MaskOperator, MaskPlan, MaskRule
from extproc.model.quorum import Quorum
from extproc.model.reasons import Reason
from extproc.policy.contract.json_checks import Malformed, known_keys, mapping, member, named, sequence, text
from extproc.policy.contract.opa_envoy_decision import read_opa_envoy_decision

DENY_REASONS = frozenset(
    {
        Reason.POLICY_DENIED,
        Reason.UNINSPECTABLE,
        Reason.NOT_IN_SCOPE,
        Reason.FORBIDDEN_ARGUMENT,
        Reason.HIGH_RISK,
        Reason.OUTSIDE_HOURS,
        Reason.RATE_EXCEEDED,
        Reason.BUDGET_EXCEEDED,
        Reason.SEPARATION_OF_DUTIES,
        Reason.SENSITIVE_DATA,
        Reason.MASKED_VALUE,
    }
)
"""The reasons that policy may give for a denial. All others are for the guard's own refusals."""
HOLD_REASONS = (DENY_REASONS - {Reason.POLICY_DENIED, Reason.UNINSPECTABLE}) | {Reason.APPROVAL_REQUIRED}
"""The reasons that policy may give to hold a call."""
POLICY_REASONS = DENY_REASONS | HOLD_REASONS | {Reason.POLICY_ALLOWED}
"""All reasons that policy may give."""

REASONS_OF = {
    Action.ALLOW: frozenset({Reason.POLICY_ALLOWED}),
    Action.DENY: DENY_REASONS,
    Action.HOLD: HOLD_REASONS,
}
DEFAULT_REASON = {
    Action.ALLOW: Reason.POLICY_ALLOWED,
    Action.DENY: Reason.POLICY_DENIED,
    Action.HOLD: Reason.APPROVAL_REQUIRED,
}
UNREADABLE = "policy-answer-unreadable"
"""The rule in the record of a call that is denied because the answer is unreadable."""
KEYS = frozenset({"action", "reason", "rule", "risk", "mask", "approval", "shadow"})
APPROVAL_KEYS = frozenset({"groups", "min", "expires_in", "mode", "break_glass", "reuse"})
MAX_RISK = 100
MAX_APPROVERS = 10
MAX_TEXT = 200
"""Characters of the name of a rule or group."""
MAX_ITEMS = 1_000
"""Mask rules, groups or shadow rules in one answer."""
MAX_ALTERNATIVES = 100
LONGEST_APPROVAL_S = 7 * 86_400.0
LONGEST_REUSE_S = 86_400.0
DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h)")
UNIT_S = {"s": 1, "m": 60, "h": 3_600}
PATH = re.compile(r"\$[^\x00-\x1f]{0,500}")
ENTITY = re.compile(r"\*|[A-Z][A-Z0-9_]{0,63}")


def read_decision(
    answer: Json, *, revision: str, defaults: ApprovalTerms, credential_header: str = "authorization"
) -> Decision:
    """Turn policy's answer into a decision. Never raises: an unreadable answer denies.

    Args:
        answer: an object with ``action``, or opa-envoy-plugin's boolean or object with ``allowed``.
        revision: the revision of the policy that answered.
        defaults: the connection's approval terms, for those that policy leaves out.
        credential_header: the header with the backend's credential, in lower case. Policy may not change it.

    Returns:
        The decision; ``deny`` with ``policy-error`` for any value that is not exactly right.
    """
    try:
        return _read(answer, revision, defaults, credential_header)
    except Malformed as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - any error in here denies the call
        why = type(error).__name__
    return Decision(Action.DENY, Reason.POLICY_ERROR, rule=UNREADABLE, detail=why, revision=revision)


def _read(answer: Json, revision: str, defaults: ApprovalTerms, credential_header: str) -> Decision:
    match answer:
        case True:
            return Decision(Action.ALLOW, Reason.POLICY_ALLOWED, revision=revision)
        case False:
            return Decision(Action.DENY, Reason.POLICY_DENIED, revision=revision)
        case {"action": _}:
            return _read_action(known_keys(mapping(answer), KEYS), revision, defaults)
        case {"allowed": _}:
            return replace(read_opa_envoy_decision(mapping(answer), credential_header), revision=revision)
        case _:
            raise Malformed("neither a boolean nor an object with action or allowed")


def _read_action(answer: Mapping[str, Any], revision: str, defaults: ApprovalTerms) -> Decision:
    action = named("action", member, Action, answer["action"])
    return Decision(
        action,
        named("reason", _reason, answer, action),
        rule=named("rule", text, answer.get("rule", ""), MAX_TEXT),
        risk=_risk(answer.get("risk", 0)),
        mask=named("mask", _mask, answer.get("mask", {})),
        approval=named("approval", _approval, answer, action, defaults),
        shadow=named("shadow", _names, answer.get("shadow", [])),
        revision=revision,
    )


def _names(value: Any) -> tuple[str, ...]:
    return tuple(text(name, MAX_TEXT) for name in sequence(value, MAX_ITEMS))


def _reason(answer: Mapping[str, Any], action: Action) -> Reason:
    if "reason" not in answer:
        return DEFAULT_REASON[action]
    reason = member(Reason, answer["reason"])
    if reason not in REASONS_OF[action]:
        raise Malformed("not a reason that policy may give for this action")
    return reason


def _risk(value: Any) -> int:
    """A whole number, 0 to 100. An engine may write 80 as 80.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed("risk is not a number")
    if not math.isfinite(value) or value != int(value) or not 0 <= value <= MAX_RISK:
        raise Malformed("risk is not a whole number from 0 to 100")
    return int(value)


def _mask(value: Any) -> MaskPlan:
    plan = known_keys(mapping(value), frozenset({"request", "response"}))
    request, response = (named(side, _mask_rules, plan.get(side, [])) for side in ("request", "response"))
    return MaskPlan(request, response)


def _mask_rules(value: Any) -> tuple[MaskRule, ...]:
    return tuple(_mask_rule(item) for item in sequence(value, MAX_ITEMS))


def _mask_rule(value: Any) -> MaskRule:
    rule = known_keys(mapping(value), frozenset({"path", "entity", "how"}))
    how = named("how", member, MaskOperator, rule.get("how", MaskOperator.REDACT.value))
    match rule.get("path"), rule.get("entity"):
        case str(path), None if PATH.fullmatch(path):
            return MaskRule(how, path=path)
        case None, str(entity) if ENTITY.fullmatch(entity):
            return MaskRule(how, entity=entity)
        case _:
            raise Malformed("a mask rule needs exactly one of path and entity")


def _approval(answer: Mapping[str, Any], action: Action, defaults: ApprovalTerms) -> ApprovalTerms | None:
    if action is not Action.HOLD:
        if "approval" in answer:
            raise Malformed("approval terms without hold")
        return None
    asked = known_keys(mapping(answer.get("approval", {})), APPROVAL_KEYS)
    minimum = _minimum(asked["min"]) if "min" in asked else defaults.quorum.minimum
    groups = named("groups", _alternatives, asked["groups"]) if "groups" in asked else defaults.quorum.alternatives
    terms = ApprovalTerms(
        Quorum(groups, minimum),
        named("expires_in", _duration_s, asked["expires_in"]) if "expires_in" in asked else defaults.expires_in_s,
        named("mode", member, HoldMode, asked["mode"]) if "mode" in asked else defaults.mode,
        named("break_glass", _groups, asked["break_glass"]) if "break_glass" in asked else defaults.break_glass,
        named("reuse", _reuse, asked["reuse"]) if "reuse" in asked else defaults.reuse,
    )
    if not terms.quorum.alternatives:
        raise Malformed("nobody could approve")
    return terms


def _alternatives(value: Any) -> tuple[tuple[str, ...], ...]:
    """Read ``["sre", "dba"]``, or ``{"any": [["sre"], ["dba", "security"]]}``."""
    if not isinstance(value, Mapping):
        return tuple((group,) for group in _groups(value))
    asked = known_keys(value, frozenset({"any"}))
    given = sequence(asked.get("any", []), MAX_ALTERNATIVES)
    alternatives = tuple(dict.fromkeys(_groups(each) for each in given))
    if sum(map(len, given)) != sum(len(_groups(each)) for each in given):
        raise Malformed("an alternative names a group twice: min says how many people")
    if not all(alternatives):
        raise Malformed("an alternative without a group")
    if any(len(each) > MAX_APPROVERS for each in alternatives):
        raise Malformed("an alternative needs more people than an approval may")
    return alternatives


def _groups(value: Any) -> tuple[str, ...]:
    groups = tuple(dict.fromkeys(_names(value)))
    if not all(groups):
        raise Malformed("a group without a name")
    return groups


def _reuse(value: Any) -> Reuse:
    asked = known_keys(mapping(value), frozenset({"for", "same"}))
    if "for" not in asked:
        raise Malformed("for is missing")
    seconds = named("for", _duration_s, asked["for"])
    if seconds > LONGEST_REUSE_S:
        raise Malformed("an approval may be used again for at most 24 hours")
    same = frozenset(_names(asked["same"])) if "same" in asked else frozenset({FUNCTION, ARGUMENTS})
    if FUNCTION not in same or same - {FUNCTION, ARGUMENTS}:
        raise Malformed("same is neither function, nor function and arguments")
    return Reuse(seconds, same)


def _minimum(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed("min is not a number")
    if not 1 <= value <= MAX_APPROVERS or value != int(value):
        raise Malformed("min is not a whole number from 1 to 10")
    return int(value)


def _duration_s(value: Any) -> float:
    """The seconds of ``90s``, ``15m``, ``1h``."""
    found = DURATION.fullmatch(text(value, MAX_TEXT))
    if found is None:
        raise Malformed("not a duration: a whole number and s, m or h, such as 15m")
    seconds = float(int(found[1]) * UNIT_S[found[2]])
    if seconds > LONGEST_APPROVAL_S:
        raise Malformed("an approval may wait for at most seven days")
    return seconds
