"""What a release rests on beside votes. All of it is checked again, as it is now, by the configuration in force.

1. the caller's token is still good, and names the same caller;
2. the host still names the same connection, with the same backend (its credential is read by the grant, after
   this), and its protocol reads the same call in the request;
3. policy and data in force do not deny the call;
4. where they hold it, these votes release it: as many people, of the groups that are asked for now; and the
   function's definition is the one for which they did;
5. the request that would go is the call that people approved.
"""

from dataclasses import replace

from extproc.approvals.approval import Approval
from extproc.approvals.rules import enough
from extproc.flow.approval_request import exact_digest
from extproc.flow.decide import decide_again
from extproc.flow.record.call_record import CallRecord
from extproc.flow.request.identify import caller_of, find_connection, identify_again
from extproc.flow.request.rewrite import rewrite
from extproc.flow.services import Services
from extproc.flow.stages import DecidedCall, IdentifiedCall, OutboundRequest
from extproc.model.decision import Action, ApprovalTerms
from extproc.model.errors import Refused
from extproc.model.reasons import Reason
from extproc.pinning.pins import PinState


def identified_again(held: IdentifiedCall, services: Services) -> IdentifiedCall:
    """Check points 1 and 2. The call is searched by the detectors in force.

    Raises:
        Refused: ``unauthenticated``, ``unknown-function``, ``approval-outdated``; the approval stays unused.
    """
    _check_caller(held, services)
    _check_connection(held, services)
    found = identify_again(held, services)
    if found.call != replace(held.call, uninspectable=found.call.uninspectable):
        raise _outdated("approval.call", "the connection reads another call in the request now")
    return found


def _check_caller(held: IdentifiedCall, services: Services) -> None:
    try:
        identity = caller_of(held.request, services)
    except Refused as refusal:
        raise Refused(Reason.UNAUTHENTICATED, rule="jwt.expired-while-held") from refusal
    if identity != held.identity:
        raise Refused(Reason.UNAUTHENTICATED, rule="jwt.changed-while-held")


def _check_connection(held: IdentifiedCall, services: Services) -> None:
    try:
        connection = find_connection(held.request.head, services)
    except Refused as refusal:
        if refusal.reason is Reason.ROUTE_MISMATCH:
            raise _outdated("approval.connection", "the backend changed while the call was held") from refusal
        raise
    if (connection.name, connection.cluster) != (held.connection.name, held.connection.cluster):
        raise _outdated("approval.connection", "the connection changed while the call was held")


async def decided_again(
    held: DecidedCall,
    approval: Approval,
    services: Services,
    record: CallRecord,
) -> OutboundRequest:
    """Check points 3 to 5, and make the request again under the decision in force.

    Raises:
        Refused: with policy's reason, ``policy-error`` or ``approval-outdated``; the approval stays unused.
    """
    decided = await decide_again(held, services, record)
    _check_definition(held, decided)
    if decided.decision.action is Action.HOLD:
        terms = decided.decision.approval or ApprovalTerms()
        if not enough(approval.counted, terms):
            raise _outdated("approval.terms", "policy asks for other approvers now")
    outbound = rewrite(decided, services)
    if exact_digest(outbound.decided, approval.request.policy_revision) != approval.request.digest:
        raise _outdated("approval.digest", "policy makes another request of the call now")
    record.rewritten(outbound)
    return outbound


def _check_definition(held: DecidedCall, now: DecidedCall) -> None:
    """Let nothing pass that people approved before the function's definition changed.

    Raises:
        Refused: ``approval-outdated``.
    """
    changed = now.definition is not None and now.definition.state is PinState.CHANGED
    if changed and now.definition != held.definition:
        raise _outdated("approval.definition", "the definition of the function changed while the call was held")


def _outdated(rule: str, detail: str) -> Refused:
    return Refused(Reason.APPROVAL_OUTDATED, rule=rule, detail=detail)
