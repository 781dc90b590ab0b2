"""Dry-run: what policy would deny or hold goes on, and the record names the rule that would have stopped it.

As in opa-envoy-plugin, it softens what policy decided, and nothing else: no usable answer, a request that cannot
be read, an unknown caller or function are refused all the same.
"""

from dataclasses import replace

from extproc.model.decision import Action, Decision, HeaderChanges
from extproc.model.reasons import Reason

NEVER_SOFTENED = frozenset({Reason.POLICY_ERROR, Reason.UNINSPECTABLE})


def softened(decision: Decision) -> Decision:
    """The decision as dry-run has it: allowed, with the rule that would have denied or held among ``shadow``.

    Masks and dynamic metadata stay; what a denial would have answered goes.
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
