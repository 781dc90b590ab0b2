"""A held call: people are asked, and everything that their approval rests on is checked again at the release.

The exact bytes stay in this worker's memory. The digest that people approve binds caller, function, arguments,
connection, policy revision and body.

A caller waits in Envoy, or is told to call again: see ``HoldMode``. Calls of one caller that are the same share a
request. It releases one of them; the others ask again.
"""

import asyncio
from dataclasses import dataclass, replace

from extproc.approvals.approval import Approval as StoredApproval
from extproc.approvals.approval import ApprovalRequest, State
from extproc.approvals.rules import enough
from extproc.concurrency.threads import to_its_end
from extproc.flow.approval_request import call_key, make_request, reuse_key
from extproc.flow.check_again import decided_again, identified_again
from extproc.flow.record.call_record import CallRecord
from extproc.flow.services import Services
from extproc.flow.stages import Approval, DecidedCall, OutboundRequest, ReleasedRequest
from extproc.flow.withdraw import withdrawal_keys
from extproc.identity.approval_state import ApprovalState, NotOpened
from extproc.model.decision import Action, ApprovalTerms, HoldMode
from extproc.model.errors import ApprovalError, Refused, TooManyTickets, VoteRefused
from extproc.model.masking import MASK_EVERYTHING
from extproc.model.pending_approval import PendingApproval
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.model.withdrawal import WithdrawnBy
from extproc.wire.peer import WaitingPeer

ENVOY_SLACK_S = 5.0
"""Envoy waits this much longer than the hold, so that the guard's answer, not a 504, ends it."""
RETRY_AFTER_S = 5
"""Seconds after which a caller with a ticket may call again. The guard then lets it wait once more."""
CLOCKS_DIFFER_S = 30.0
"""Seconds by which the clocks of two machines may differ."""
MAX_TURNS = 100
"""Most requests that one call waits for, one after the other."""


@dataclass(frozen=True, slots=True)
class HeldCall:
    """A call that policy holds."""

    decided: DecidedCall
    """The call as policy was asked about it."""
    outbound: OutboundRequest
    """The request as it may go upstream."""
    services: Services
    """Those under which it is held."""
    record: CallRecord
    state: ApprovalState | None = None
    """The state of the request that its client gave back by protocol; None where it gave none."""

    @property
    def terms(self) -> ApprovalTerms:
        """Who approves it."""
        return self.decided.decision.approval or ApprovalTerms()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys by which its caller withdraws it."""
        return withdrawal_keys(self.decided.identified, self.services)

    @property
    def expires_in_s(self) -> float:
        """Seconds until its request expires. A caller that waits in Envoy waits no longer than ``limits.hold``."""
        longest = self.services.limits.hold if self.terms.mode is HoldMode.WAIT else self.terms.expires_in_s
        return min(self.terms.expires_in_s, longest)

    @property
    def wait_s(self) -> float:
        """Seconds that its caller waits in Envoy."""
        limits = self.services.limits
        match self.terms.mode:
            case HoldMode.WAIT:
                return self.expires_in_s
            case HoldMode.AUTO if not self.decided.request.decide_only:
                return min(self.expires_in_s, limits.hold, self.services.approval_wait_s)
            case _:  # over ext_authz Envoy waits for a time that the guard does not know
                return 0.0

    @property
    def is_patient(self) -> bool:
        """True if its caller waits in Envoy until the request expires."""
        return self.wait_s >= self.expires_in_s


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
            cannot be had. With ``approval-required``: the caller gets a ticket.
        asyncio.CancelledError: the caller left; the request for approval is cancelled first.
    """
    if decided.decision.action is not Action.HOLD:
        return ReleasedRequest(outbound, approval=None, services=services)
    _check_person(decided, services)
    held = HeldCall(decided, outbound, services, record)
    state = await _given_back(held)
    reused = await _reusable(held)
    if reused is not None:
        record.approved(reused.approvers, reused.request.approval_id, reused=True)
        return ReleasedRequest(outbound, _of(reused), services)
    with services.hold_limiter.counted(decided.identified.identity.name, services.limits):
        return await _ask_until_released(replace(held, state=state), peer)


def _check_person(decided: DecidedCall, services: Services) -> None:
    """Refuse callers of whom nobody could say whether an approver is the same person.

    Raises:
        Refused: nobody said who calls, or which person that is although accounts are joined.
    """
    identity = decided.identified.identity
    if identity.is_anonymous:
        raise _unavailable("approval.anonymous", "a call without an identity cannot be held")
    joined = any(each.issuer == identity.issuer and each.claims.person for each in services.providers.values())
    if joined and not identity.person:
        raise _unavailable("approval.person", "the token lacks the claim that joins the accounts of a person")


async def _given_back(held: HeldCall) -> ApprovalState | None:
    """Verify the state that the client gave back with the call.

    Raises:
        Refused: it is forged, over, or of another call; or the person at the client declined to ask for approval.
    """
    identified, services = held.decided.identified, held.services
    given, name = identified.given_back, identified.connection.name
    if given is None:
        return None
    key = call_key(held.outbound.decided, held.terms)
    state = services.approval_states.open(
        given.state, identified.identity, name, call_key=key, now_ns=services.clock()
    )
    if isinstance(state, NotOpened):
        reason = Reason.APPROVAL_EXPIRED if state is NotOpened.EXPIRED else Reason.TICKET_REFUSED
        raise Refused(reason, rule="approval.state", detail=f"the state that the client gave back: {state}")
    if given.is_declined:
        await _cancel(state.approval_id, services)
        raise Refused(Reason.CALLER_GONE, rule="approval.declined", detail="the client declined to ask")
    return state


async def _cancel(approval_id: str, services: Services) -> None:
    try:
        await to_its_end(services.approvals.cancel_own, approval_id, services.clock())
    except VoteRefused:  # it is decided or over: there is nothing to cancel
        return
    except ApprovalError as error:
        raise _unavailable("approvals", str(error)) from error


async def _reusable(held: HeldCall) -> StoredApproval | None:
    """Return an approval that releases this call too, if policy lets one be used again; None if there is none."""
    if held.terms.reuse is None:
        return None
    key = reuse_key(held.outbound.decided, held.terms)
    try:
        found = await asyncio.to_thread(held.services.approvals.reusable, key, held.services.clock())
    except ApprovalError as error:
        raise _unavailable("approvals", str(error)) from error
    if found is None or not _is_within(found, held) or not enough(found.counted, held.terms):
        return None
    unused = not found.spent_ns and found.request.call_key == call_key(held.outbound.decided, held.terms)
    return None if unused else found  # the call that it was given for uses it up first


def _is_within(found: StoredApproval, held: HeldCall) -> bool:
    """Return whether the approval is not older than policy lets it be by now, nor of the future."""
    reuse = held.terms.reuse
    age_s = (held.services.clock() - found.closed_ns) / NANOSECONDS_PER_SECOND
    return reuse is not None and -CLOCKS_DIFFER_S <= age_s < reuse.for_s


async def _ask_until_released(held: HeldCall, peer: WaitingPeer) -> ReleasedRequest:
    """Ask people. Where their approval released another call, or another one of the caller withdrew it, ask again.

    Raises:
        Refused: see ``release``.
    """
    services, record = held.services, held.record
    until_ns = services.clock() + int(held.wait_s * NANOSECONDS_PER_SECOND)
    for _ in range(MAX_TURNS):
        if held.wait_s:
            await peer.keep_waiting(held.wait_s + ENVOY_SLACK_S)
        approval = await _decision_of_people(held, until_ns)
        if approval.state is State.CANCELLED:
            continue
        now = services.in_force()
        decided = replace(held.decided, identified=identified_again(held.decided.identified, now))
        record.continued(decided.identified, now)
        try:
            outbound = await decided_again(decided, approval, now, record)
            is_ours = await _spend(approval, held, now)
        except asyncio.CancelledError:
            await services.waiter.abandon(approval.request.approval_id)
            raise
        if is_ours:
            return ReleasedRequest(outbound, _of(approval), now)
    raise _unavailable("approval.single-use", "its approvals released other calls")


async def _decision_of_people(held: HeldCall, until_ns: int) -> StoredApproval:
    """Ask people, and wait until the request is closed.

    Returns:
        The request; approved, or cancelled by another call that shared it.

    Raises:
        Refused: it is denied, expired or withdrawn, or cannot be asked; or the caller gets a ticket.
    """
    services, record = held.services, held.record
    request = make_request(held.outbound.decided, services, record, held.terms, held.expires_in_s)
    record.asked_for_approval(request)
    try:
        opened = await to_its_end(_open, request, held)
        await _record_held(opened, held)
        approval = await _closed(opened, held, until_ns)
    except TooManyTickets:
        raise _too_many_tickets() from None
    except ApprovalError as error:
        raise _unavailable("approvals", str(error)) from error
    except asyncio.CancelledError:
        await services.waiter.abandon(record.approval_id)
        raise
    finally:
        record.no_longer_held()
    note = "; ".join(services.masker.mask_text(vote.note, MASK_EVERYTHING)[0] for vote in approval.counted)
    record.voted(note, denied_by=tuple(vote.voter for vote in approval.counted if not vote.approve))
    _check_not_refused(approval, held)
    if approval.state is State.APPROVED:
        record.approved(approval.approvers, approval.request.approval_id, broke_glass=approval.broke_glass)
    return approval


def _open(request: ApprovalRequest, held: HeldCall) -> StoredApproval:
    """Store the request, or share one. A caller that leaves meanwhile gives up the one that is noted."""
    at_most = None if held.wait_s else held.services.limits.tickets_per_caller
    opened = held.services.approvals.open(request, held.keys, held.decided.request.started_ns, at_most)
    held.record.asked_for_approval(opened.request)
    return opened


async def _record_held(opened: StoredApproval, held: HeldCall) -> None:
    try:
        await held.record.held()
    except Refused:
        await held.services.waiter.abandon(opened.request.approval_id)
        raise


async def _closed(opened: StoredApproval, held: HeldCall, until_ns: int) -> StoredApproval:
    """Wait until the request is closed.

    Raises:
        Refused: with ``approval-required``: the caller is told to call again.
        ApprovalError: the store cannot be used.
    """
    waiter, request = held.services.waiter, opened.request
    try:
        if opened.state is not State.PENDING:
            return opened
        ends_ns = request.expires_ns if held.is_patient else min(until_ns, request.expires_ns)
        closed = await waiter.wait(request.approval_id, ends_ns) if ends_ns > held.services.clock() else None
        if closed is not None:
            return closed
        if ends_ns == request.expires_ns:
            return await waiter.expire(request.approval_id)
        ticketed = await waiter.issue_ticket(request.approval_id, held.services.limits.tickets_per_caller)
    finally:
        held.services.observer.call_released()
    if ticketed.state is State.PENDING and not ticketed.ticketed:
        await waiter.abandon(request.approval_id)
        raise _too_many_tickets()
    if ticketed.state is State.PENDING:
        raise Refused(Reason.APPROVAL_REQUIRED, rule="approval.ticket", pending=_pending(ticketed, held))
    return ticketed


def _pending(ticketed: StoredApproval, held: HeldCall) -> PendingApproval:
    request, pages = ticketed.request, held.services.approval_pages
    before, identified = held.state, held.decided.identified
    rounds = before.rounds + 1 if before else 1
    state = ApprovalState(request.approval_id, request.call_key, request.expires_ns, rounds)
    is_told = identified.request.decide_only or (before is not None and _is_told_in_words(held, before))
    sealed = "" if is_told else held.services.approval_states.seal(state, identified.identity, request.connection)
    return PendingApproval(
        approval_id=request.approval_id,
        url=f"{pages}{request.approval_id}" if pages else "",
        retry_after_s=RETRY_AFTER_S,
        expires_ns=request.expires_ns,
        state_token=sealed,
        was_shown=before is not None,
    )


def _is_told_in_words(held: HeldCall, before: ApprovalState) -> bool:
    """Return whether a client that came back by itself is not to do so again.

    It would give up soon, or come back at once in mode ``ticket``, or its person did not want to be asked.
    """
    given = held.decided.identified.given_back
    return before.is_last or not held.wait_s or (given is not None and given.is_dismissed)


def _check_not_refused(approval: StoredApproval, held: HeldCall) -> None:
    """Let an approved request pass, and one that another call withdrew.

    Raises:
        Refused: any other state.
    """
    by, others = approval.withdrawn_by, approval.withdrawn_key not in held.keys
    match approval.state:
        case State.APPROVED:
            return
        case State.DENIED:
            raise Refused(Reason.APPROVAL_DENIED, rule="approval")
        case State.EXPIRED:
            raise Refused(Reason.APPROVAL_EXPIRED, rule="approval")
        case State.CANCELLED if by is WithdrawnBy.APPROVER:
            raise Refused(Reason.APPROVAL_DENIED, rule=f"approval.{by}")
        case State.CANCELLED if (by is None or approval.withdrawn_key) and others:
            return
        case _:
            rule = f"approval.{by}" if by else "approval"
            raise Refused(Reason.CALLER_GONE, rule=rule, detail=f"approval is {approval.state}")


async def _spend(approval: StoredApproval, held: HeldCall, services: Services) -> bool:
    """Use the approval up, for the very call that it was given for.

    Returns:
        False if it has released another call of the caller, which was the same.

    Raises:
        Refused: the store cannot be used, or the approval was withdrawn.
    """
    store, request = services.approvals, approval.request
    try:
        if await asyncio.to_thread(store.spend, request.approval_id, request.digest, services.clock()):
            return True
        stored = await asyncio.to_thread(store.get, request.approval_id)
    except ApprovalError as error:
        raise _unavailable("approvals", str(error)) from error
    if stored is None:
        raise _unavailable("approval.single-use", "")
    _check_not_refused(stored, held)
    return False


def _of(approval: StoredApproval) -> Approval:
    return Approval(approval.request.approval_id, approval.approvers)


def _unavailable(rule: str, detail: str) -> Refused:
    return Refused(Reason.APPROVAL_UNAVAILABLE, rule=rule, detail=detail)


def _too_many_tickets() -> Refused:
    return Refused(Reason.OVERLOADED, rule="limits.tickets_per_caller")
