"""A held call: people are asked, and everything that their approval rests on is checked again at the release.

The exact bytes stay in this worker's memory. The digest that people approve binds caller, function, arguments,
connection, policy revision and body.
"""

import asyncio
from dataclasses import replace

from extproc.approvals.digest import digest
from extproc.approvals.port import Approval as StoredApproval
from extproc.approvals.port import ApprovalRequest, State
from extproc.approvals.rules import enough
from extproc.concurrency.threads import to_its_end
from extproc.flow.decide import decide_again
from extproc.flow.record.call_record import CallRecord
from extproc.flow.record.masked_request import masked_arguments, open_host
from extproc.flow.request.identify import caller_of, find_connection, identify_again
from extproc.flow.request.rewrite import rewrite
from extproc.flow.services import Services
from extproc.flow.stages import Approval, DecidedCall, IdentifiedCall, OutboundRequest, ReleasedRequest
from extproc.flow.withdraw import withdrawal_keys
from extproc.model.decision import Action, ApprovalTerms, HoldMode
from extproc.model.errors import ApprovalError, MaskingError, Refused
from extproc.model.ids import uuid7
from extproc.model.masking import MASK_EVERYTHING
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.pinning.pins import PinState
from extproc.wire.peer import WaitingPeer

PREVIEW_MAX = 64 << 10
"""Characters of masked arguments that a person can be asked to read."""
ENVOY_SLACK_S = 5.0
"""Envoy waits this much longer than the hold, so that the guard's answer, not a 504, ends it."""


async def release(
    decided: DecidedCall, outbound: OutboundRequest, peer: WaitingPeer, services: Services, record: CallRecord
) -> ReleasedRequest:
    """Release a request: at once where policy allows it, and by approvers where policy holds it.

    Args:
        decided: the call as policy was asked about it.
        outbound: the request as it may go upstream.
        peer: is told to wait.
        services: the worker's services.
        record: is told of each step.

    Raises:
        Refused: denied, expired, or something that the approval rests on has changed; the store or the evidence
            cannot be had.
        asyncio.CancelledError: the caller left; the request for approval is cancelled first.
    """
    if decided.decision.action is not Action.HOLD:
        return ReleasedRequest(outbound, approval=None, services=services)
    if decided.identified.identity.is_anonymous:  # who approves must not be who calls
        raise _unavailable("approval.anonymous", "a call without an identity cannot be held")
    terms = decided.decision.approval or ApprovalTerms()
    if terms.mode is not HoldMode.WAIT:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="approval.mode", detail="mode ticket is not offered")
    with services.hold_limiter.counted(decided.identified.identity.name, services.limits):
        seconds = min(terms.expires_in_s, services.limits.hold)
        request = _request(outbound.decided, services, record, terms, seconds)
        record.asked_for_approval(request)
        approval = await _decision_of_people(decided, request, peer, services, record)
        services = services.in_force()
        decided = replace(decided, identified=_identified_again(decided.identified, services))
        record.continued(decided.identified, services)
        outbound = await _decided_again(decided, request, approval, services, record)
        await _spend(request, services)
        return ReleasedRequest(outbound, Approval(request.approval_id, _approvers(approval)), services)


async def _decision_of_people(
    decided: DecidedCall, request: ApprovalRequest, peer: WaitingPeer, services: Services, record: CallRecord
) -> StoredApproval:
    """Ask people, and wait until the request is approved.

    Raises:
        Refused: it is denied, expired or cancelled, or cannot be asked.
    """
    try:
        await _open(request, decided.identified, services)
        await _record_held(request, services, record)
        approval = await _wait(request, peer, services)
    except ApprovalError as error:
        raise _unavailable("approvals", str(error)) from error
    except asyncio.CancelledError:
        await services.waiter.abandon(request.approval_id)
        raise
    finally:
        record.no_longer_held()
    record.voted("; ".join(services.masker.mask_text(vote.note, MASK_EVERYTHING)[0] for vote in approval.votes))
    _check_approved(approval)
    record.approved(_approvers(approval))
    return approval


def _approvers(approval: StoredApproval) -> tuple[str, ...]:
    return tuple(vote.voter for vote in approval.votes if vote.approve)


def _request(
    decided: DecidedCall, services: Services, record: CallRecord, terms: ApprovalTerms, seconds: float
) -> ApprovalRequest:
    """Make the request that approvers see.

    Raises:
        Refused: the call has no digest, or no preview that people can read.
    """
    identity, decision = decided.identified.identity, decided.decision
    now = services.clock()
    exact = _digest(decided, decision.revision)
    return ApprovalRequest(
        approval_id=uuid7(now, services.entropy(10)),
        call_id=decided.request.call_id,
        digest=exact,
        function=_function(decided),
        requester=identity.name,
        actor=f"{identity.issuer}|{identity.actor}" if identity.actor else "",
        reason=decision.reason.value,
        rule=decision.rule,
        risk=decision.risk,
        groups=terms.groups,
        minimum=terms.minimum,
        created_ns=now,
        expires_ns=now + int(seconds * NANOSECONDS_PER_SECOND),
        preview=_preview(decided, services),
        findings=record.kept_findings(),
        source=decided.request.head.source,
        definition=decided.definition.state if decided.definition else "",
    )


def _function(decided: DecidedCall) -> str:
    """Name the function, with method and host where they are left open: approvers approve them too."""
    settings, head, call = decided.connection.settings, decided.request.head, decided.call
    method = [head.method] if call.name in settings.any_method_functions else []
    words = decided.connection.protocol.said_of(call)
    said = " ".join(filter(None, [*method, words, open_host(head, decided.connection)]))
    return f"{call.function} ({said})" if said else call.function


def _digest(decided: DecidedCall, revision: str) -> str:
    """Name the exact call under one revision of the policy.

    Raises:
        Refused: it has no canonical form.
    """
    try:
        return digest(
            identity=decided.identified.identity,
            function=_function(decided),
            arguments=decided.call.arguments,
            connection=decided.connection.name,
            policy_revision=revision,
            body_sha256=decided.request.sha256,
        )
    except ApprovalError as error:
        raise _unavailable("digest", str(error)) from error


def _preview(decided: DecidedCall, services: Services) -> str:
    """Return the masked arguments, whole: approvers cannot approve a call that they cannot read.

    Raises:
        Refused: the arguments cannot be masked, or are too long to be read.
    """
    try:
        preview = masked_arguments(decided.identified, services, decided.decision.mask.request)
    except MaskingError as error:
        raise _unavailable("approval.preview", str(error)) from error
    if len(preview) > PREVIEW_MAX:
        raise _unavailable("approval.preview", "too long to be read")
    return preview


async def _open(request: ApprovalRequest, identified: IdentifiedCall, services: Services) -> None:
    """Store the request. A caller that leaves meanwhile is waited for, so that what is stored can be cancelled."""
    keys, began_ns = withdrawal_keys(identified, services), identified.request.started_ns
    await to_its_end(services.approvals.open, request, keys, began_ns)


async def _record_held(request: ApprovalRequest, services: Services, record: CallRecord) -> None:
    try:
        await record.held()
    except Refused:
        await services.waiter.abandon(request.approval_id)
        raise


async def _wait(request: ApprovalRequest, peer: WaitingPeer, services: Services) -> StoredApproval:
    seconds = (request.expires_ns - request.created_ns) / NANOSECONDS_PER_SECOND
    try:
        await peer.keep_waiting(seconds + ENVOY_SLACK_S)
        return await services.waiter.wait(request.approval_id, request.expires_ns)
    finally:
        services.observer.call_released()


def _check_approved(approval: StoredApproval) -> None:
    """Let only ``approved`` pass.

    Raises:
        Refused: any other state.
    """
    match approval.state:
        case State.APPROVED:
            return
        case State.DENIED:
            raise Refused(Reason.APPROVAL_DENIED, rule="approval")
        case State.EXPIRED:
            raise Refused(Reason.APPROVAL_EXPIRED, rule="approval")
        case _:
            rule = f"approval.{approval.withdrawn_by}" if approval.withdrawn_by else "approval"
            raise Refused(Reason.CALLER_GONE, rule=rule, detail=f"approval is {approval.state}")


# A release rests on more than votes. All of it is checked again, as it is now, by the configuration in force:
#
# 1. the caller's token is still good, and names the same caller;
# 2. the host still names the same connection, with the same backend (its credential is read by the grant, after
#    this), and its protocol reads the same call in the request;
# 3. policy and data in force do not deny the call;
# 4. where they hold it, these votes release it: as many people, of the groups that are asked for now; and the
#    function's definition is the one for which they did;
# 5. the request that would go is the call that people approved.


def _identified_again(held: IdentifiedCall, services: Services) -> IdentifiedCall:
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


async def _decided_again(
    held: DecidedCall,
    request: ApprovalRequest,
    approval: StoredApproval,
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
        if terms.mode is not HoldMode.WAIT or not enough(approval.votes, terms.groups, terms.minimum):
            raise _outdated("approval.terms", "policy asks for other approvers now")
    outbound = rewrite(decided, services)
    if _digest(outbound.decided, held.decision.revision) != request.digest:
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


async def _spend(request: ApprovalRequest, services: Services) -> None:
    """Use the approval up, for the very call that it was given for.

    Raises:
        Refused: it was withdrawn or used already, or belongs to another call.
    """
    store, approval_id = services.approvals, request.approval_id
    try:
        if await asyncio.to_thread(store.spend, approval_id, request.digest, services.clock()):
            return
        stored = await asyncio.to_thread(store.get, approval_id)
    except ApprovalError as error:
        raise _unavailable("approvals", str(error)) from error
    if stored is not None:
        _check_approved(stored)
    raise _unavailable("approval.single-use", "")


def _unavailable(rule: str, detail: str) -> Refused:
    return Refused(Reason.APPROVAL_UNAVAILABLE, rule=rule, detail=detail)


def _outdated(rule: str, detail: str) -> Refused:
    return Refused(Reason.APPROVAL_OUTDATED, rule=rule, detail=detail)
