"""Answers that are not the backend's: the guard's own refusals, and Envoy's local replies."""

from dataclasses import replace

from extproc.flow.record.call_record import CallRecord
from extproc.flow.request.origin import readable_by_page
from extproc.flow.services import Services
from extproc.model.decision import Action, Decision
from extproc.model.errors import ProtocolViolation, Refused
from extproc.model.permit import HeaderEdits
from extproc.model.reply import Reply
from extproc.protocols.problem_document import BEARER, problem
from extproc.protocols.reply_forms import in_callers_form, pending_reply, refusal
from extproc.settings.hosts import find_host
from extproc.wire import encode
from extproc.wire.events import ResponseBodyReceived, ResponseHeadersReceived
from extproc.wire.local_replies import local_reason, local_status
from extproc.wire.peer import Peer

WITHOUT_BODY = frozenset({204, 205, 304})
"""Statuses without a body (RFC 9110). Envoy would send one, and callers would take it for the next response."""


def refusal_reply(record: CallRecord, refused: Refused, services: Services) -> Reply:
    """Return the caller's answer, in its protocol's terms: the reason and the call's id, nothing else of ours.

    Pages of listed origins may read it.

    Args:
        record: how far the call came: the connection's protocol answers once the caller is known.
        refused: why it ends.
        services: know which pages may read it.
    """
    reply = _in_callers_terms(record, refused)
    return replace(reply, headers=(*reply.headers, *readable_by_page(record.head, services)))


def _in_callers_terms(record: CallRecord, refused: Refused) -> Reply:
    headers, decision = record.head.headers, record.decision
    protocol = record.connection.protocol if record.connection and record.identity else None
    if decision and decision.action is Action.DENY and refused.reason is decision.reason:
        own = _policys_reply(decision)
        if own is not None:
            if protocol and record.call:
                own = protocol.policys_reply(record.call, own, refused.reason, record.call_id)
            return in_callers_form(headers, own)
    if refused.pending and protocol and record.call:
        return pending_reply(headers, refused.pending, record.call_id, protocol, record.call)
    return refusal(headers, refused.reason, record.call_id, protocol, record.call, challenge=_challenge(record))


def _challenge(record: CallRecord) -> str:
    """Return ``WWW-Authenticate`` of a 401, which says where to sign in once the connection is known."""
    return record.connection.protocol.challenge if record.connection else BEARER


def _policys_reply(decision: Decision) -> Reply | None:
    """Return the answer that a policy written for opa-envoy-plugin asks for; None when it asks for nothing."""
    if not (decision.body or decision.status or decision.headers.response):
        return None
    status = decision.status or decision.reason.answer.status
    body = b"" if status in WITHOUT_BODY else decision.body.encode()
    return Reply(status, decision.headers.response, body)


async def guard_local_reply(peer: Peer, services: Services, first: ResponseHeadersReceived) -> None:
    """Record a request that Envoy refused before the guard was asked (a bad token, say), and answer in our terms.

    The upstream was not reached; a stream that begins with a response of the upstream breaks the contract.

    Raises:
        ProtocolViolation: the response is not Envoy's own.
    """
    if not first.head.local_reply:
        raise ProtocolViolation("the guard never saw the request of this response")
    record = CallRecord(services, first.request)
    connection = find_host(services.hosts, first.request.authority)
    if connection is not None:
        record.located(connection)
    reason = local_reason(first.head)
    status = local_status(first.head)
    record.answered_by_envoy(reason, first.head.local_reply, status)
    try:
        await _answer(peer, first, problem(reason, record.call_id, status, challenge=_challenge(record)))
    finally:
        record.end()


async def _answer(peer: Peer, first: ResponseHeadersReceived, reply: Reply) -> None:
    """Keep Envoy's status, and put our problem document in place of its text."""
    if first.end_of_stream:
        await peer.send(encode.release_headers(HeaderEdits()))
        return
    await peer.send(encode.AWAIT_RESPONSE_BODY)
    event = await peer.receive()
    if not isinstance(event, ResponseBodyReceived):
        raise ProtocolViolation("expected response_body")
    fields = encode.as_headers(reply.headers)
    await peer.send(encode.release_body(HeaderEdits(fields), reply.body))
