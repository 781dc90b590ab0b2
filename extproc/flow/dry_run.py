"""Dry-run: calls that policy would deny or hold go on, and the record names the rule that would have stopped each.

As in opa-envoy-plugin, dry-run softens policy's decisions and nothing else. A call is still refused when there is
no usable answer, when it cannot be read, or when its caller or function is unknown.
"""

from dataclasses import replace

from extproc.model.decision import Action, Decision, HeaderChanges
from extproc.model.reasons import Reason

NEVER_SOFTENED = frozenset({Reason.POLICY_ERROR, Reason.UNINSPECTABLE})


def softened(decision: Decision) -> Decision:
    """Return the decision under dry-run: allowed, with the rule that would have denied or held among ``shadow``.

    Masks and dynamic metadata stay; the answer of a denial is dropped.
    """
    if decision.action is Action.ALLOW or decision.reason in NEVER_SOFTENED:
        return decision
    would = decision.rule or decision.reason.value
    return replace(
        decision,
        action=Action.ALLOW,
        reason=Reason.POLICY_ALLOWED,
        shadow=tuple(dict.fromkeys((*decision.shadow, would))),
        approval=None,
        headers=HeaderChanges(),
        status=0,
        body="",
    )
