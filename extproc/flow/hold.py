"""A held call: asked about, waited for, released or refused. The exact bytes stay in this worker's memory."""

import asyncio
from collections.abc import Awaitable, Callable

from extproc.approvals.digest import digest
from extproc.approvals.port import Approval, ApprovalRequest, State
from extproc.flow.case import Case, Released
from extproc.flow.request.identify import EVERYTHING, masked_arguments
from extproc.flow.services import Services
from extproc.identity.jwt_metadata import identify
from extproc.model.decision import ApprovalTerms, Decision, HoldMode
from extproc.model.entries import EntryKind
from extproc.model.errors import ApprovalError, EvidenceError, MaskingError, Refused
from extproc.model.ids import uuid7
from extproc.model.reasons import Reason

NANOSECONDS = 1_000_000_000
PREVIEW_MAX = 64 << 10
"""Characters of masked arguments that a person can be asked to read."""
ENVOY_SLACK_S = 5.0
"""Envoy waits this much longer than the hold, so that the guard's answer, not a 504, ends it."""


async def hold(case: Case, services: Services, keep_waiting: Callable[[float], Awaitable[None]]) -> None:
    """Hold the call until approvers release it; on return ``case.released`` names them.

    Args:
        case: decided as ``hold``.
        services: the worker's parts.
        keep_waiting: tells the mesh to wait for that many seconds.

    Raises:
        Refused: denied, expired, or the store or the evidence cannot be had.
        asyncio.CancelledError: the caller left; the request is cancelled first.
    """
    decision = case.decision
    assert decision is not None  # noqa: S101 - decided before
    terms = decision.approval or ApprovalTerms()
    if terms.mode is not HoldMode.WAIT:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="approval.mode", detail="mode ticket is not offered")
    assert case.identity is not None  # noqa: S101 - identified before
    with services.held.counted(case.identity.name, services.limits):
        await _hold(case, services, decision, terms, keep_waiting)


async def _hold(
    case: Case,
    services: Services,
    decision: Decision,
    terms: ApprovalTerms,
    keep_waiting: Callable[[float], Awaitable[None]],
) -> None:
    seconds = min(terms.expires_in_s, services.limits.hold)
    request = _request(case, services, decision, terms, seconds)
    case.released = Released(approval_id=request.approval_id)
    try:
        await _open(services, request)
        await _record_held(case, services)
        approval = await _wait(services, request, lambda: keep_waiting(seconds + ENVOY_SLACK_S))
    except ApprovalError as error:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="approvals", detail=str(error)) from error
    except asyncio.CancelledError:
        await services.waiter.abandon(request.approval_id)
        raise
    finally:
        case.released.held_ns = services.clock() - request.created_ns
    _settle(case, services, approval)
    _still_valid(case, services)
    await _spend(services, request)


def _still_valid(case: Case, services: Services) -> None:
    """A caller's token must be good when its call goes, not only when it came.

    Raises:
        Refused: with ``unauthenticated``; the approval stays unused.
    """
    try:
        identify(case.metadata, services.providers, now_s=services.clock() / NANOSECONDS)
    except Refused as refusal:
        raise Refused(Reason.UNAUTHENTICATED, rule="jwt.expired-while-held") from refusal


async def _open(services: Services, request: ApprovalRequest) -> None:
    """Store the request. A caller that leaves meanwhile is waited for, so that what is stored can be cancelled."""
    storing = asyncio.ensure_future(asyncio.to_thread(services.approvals.open, request))
    try:
        await asyncio.shield(storing)
    except asyncio.CancelledError:
        await asyncio.wait([storing])
        raise


async def _wait(
    services: Services, request: ApprovalRequest, keep_waiting: Callable[[], Awaitable[None]]
) -> Approval:
    try:
        await keep_waiting()
        return await services.waiter.wait(request.approval_id, request.expires_ns)
    finally:
        services.observer.call_released()


def _request(
    case: Case, services: Services, decision: Decision, terms: ApprovalTerms, seconds: float
) -> ApprovalRequest:
    call, identity, connection = case.call, case.identity, case.connection
    assert call is not None  # noqa: S101 - identified before
    assert identity is not None  # noqa: S101 - identified before
    assert connection is not None  # noqa: S101 - identified before
    now = services.clock()
    try:
        exact = digest(
            identity=identity,
            function=call.function,
            arguments=call.arguments,
            connection=connection.name,
            policy_revision=decision.revision,
            body_sha256=case.body_sha256,
        )
    except ApprovalError as error:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="digest", detail=str(error)) from error
    return ApprovalRequest(
        approval_id=uuid7(now, services.entropy(10)),
        call_id=case.call_id,
        digest=exact,
        function=call.function,
        requester=identity.name,
        actor=f"{identity.issuer}|{identity.actor}" if identity.actor else "",
        reason=decision.reason.value,
        rule=decision.rule,
        risk=decision.risk,
        groups=terms.groups,
        minimum=terms.minimum,
        created_ns=now,
        expires_ns=now + int(seconds * NANOSECONDS),
        preview=_preview(case, services),
        findings=case.kept_findings(),
        source=case.head.source,
    )


def _preview(case: Case, services: Services) -> str:
    """The masked arguments, whole: what approvers cannot read they cannot approve.

    Raises:
        Refused: they cannot be masked, or are too long to be read.
    """
    try:
        preview = masked_arguments(case, services)
    except MaskingError as error:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="approval.preview", detail=str(error)) from error
    if len(preview) > PREVIEW_MAX:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="approval.preview", detail="too long to be read")
    return preview


async def _record_held(case: Case, services: Services) -> None:
    entry = case.entry(EntryKind.HELD, services.clock())
    try:
        await services.recorder.record(entry)
    except EvidenceError as error:
        await services.waiter.abandon(case.released.approval_id)
        raise Refused(Reason.EVIDENCE_UNAVAILABLE, rule="call.held", detail=str(error)) from error
    services.observer.call_held(entry)


async def _spend(services: Services, request: ApprovalRequest) -> None:
    """Use the approval up, for the very call it was given for.

    Raises:
        Refused: it was used already, or belongs to another call.
    """
    try:
        spent = await asyncio.to_thread(
            services.approvals.spend, request.approval_id, request.digest, services.clock()
        )
    except ApprovalError as error:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="approvals", detail=str(error)) from error
    if not spent:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="approval.single-use")


def _settle(case: Case, services: Services, approval: Approval) -> None:
    """Read how the approval stands. Only ``approved`` passes."""
    case.released.note = "; ".join(services.masker.mask_text(vote.note, EVERYTHING)[0] for vote in approval.votes)
    match approval.state:
        case State.APPROVED:
            case.released.approvers = tuple(vote.voter for vote in approval.votes if vote.approve)
        case State.DENIED:
            raise Refused(Reason.APPROVAL_DENIED, rule="approval")
        case State.EXPIRED:
            raise Refused(Reason.APPROVAL_EXPIRED, rule="approval")
        case _:
            raise Refused(Reason.CALLER_GONE, rule="approval", detail=f"approval is {approval.state}")
