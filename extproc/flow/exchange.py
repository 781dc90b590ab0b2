"""One call from end to end. Read this first.

Every way out of ``guard_call`` goes through its ``finally``, which records: there is no early return before it.
Whatever is raised out of ``exchange`` makes the server abort the stream, because Envoy takes a clean end of an
unfinished exchange for consent (``docs/reference/envoy.md``).
"""

import asyncio

from extproc.flow.case import Case, open_case
from extproc.flow.decide import decide, grant
from extproc.flow.hold import hold
from extproc.flow.record.intent_and_end import close, record_intent
from extproc.flow.refusal import LOCAL_REASONS, guard_local_reply, refusal_reply
from extproc.flow.request.identify import find_connection, identify_call, identify_caller, take_body
from extproc.flow.request.rewrite import mask_request, rewrite_request
from extproc.flow.request.sessions import check_session, name_session
from extproc.flow.response.respond import respond
from extproc.flow.services import Services
from extproc.model.decision import Action
from extproc.model.errors import ExtprocError, ProtocolViolation, Refused
from extproc.model.reasons import Reason
from extproc.wire import encode
from extproc.wire.events import (
    RequestBodyReceived,
    RequestHeadersReceived,
    RequestTrailersReceived,
    ResponseHeadersReceived,
)
from extproc.wire.peer import Peer


async def exchange(peer: Peer, services: Services) -> None:
    """Guard one exchange to its last byte; return only when nothing is left to guard.

    Raises:
        ProtocolViolation: Envoy sent what cannot be accepted. Anything raised means: abort the stream.
    """
    first = await peer.receive()
    match first:
        case RequestHeadersReceived():
            await guard_call(peer, services, first)
        case ResponseHeadersReceived():
            await guard_local_reply(peer, services, first)
        case _:
            raise ProtocolViolation("an exchange begins with headers")


async def guard_call(peer: Peer, services: Services, first: RequestHeadersReceived) -> None:
    """Identify, decide, hold, mask, forward, mask again, record."""
    case = open_case(services, first.head)
    try:
        await _read_body(peer, services, case, first)
        find_connection(case, services)
        identify_caller(case, services, first.metadata)
        name_session(case, services)
        identify_call(case, services)
        check_session(case, services)
        action = await decide(case, services)
        masked = mask_request(case, services)
        if action is Action.HOLD:
            await hold(case, services, lambda seconds: peer.send(encode.hold(seconds)))
        rewrite = rewrite_request(case, masked)
        permit = grant(case, services)
        await record_intent(case, services)
        case.forwarded = True
        if first.end_of_stream:
            await peer.send(encode.forward_headers(permit, rewrite, now_ns=services.clock()))
        else:
            await peer.send(encode.forward_body(permit, case.body, rewrite, now_ns=services.clock()))
        await respond(peer, services, case)
    except Refused as refusal:
        case.refused(refusal)
        metadata = case.decision.metadata if case.decision else None
        await peer.send(encode.refuse(refusal_reply(case, refusal), metadata))
    except asyncio.CancelledError:
        if not case.is_complete:
            case.failed(Reason.CALLER_GONE, "the stream was cancelled")
        raise
    except ExtprocError as error:
        case.failed(Reason.RESPONSE_ABANDONED if case.forwarded else Reason.GUARD_ERROR, str(error))
        raise
    finally:
        close(case, services)


async def _read_body(peer: Peer, services: Services, case: Case, first: RequestHeadersReceived) -> None:
    """Read what the request has after its head. A decision needs all of it.

    Raises:
        Refused: too large; or trailers, of which Envoy would let nothing be edited after the decision.
    """
    if first.end_of_stream:
        return
    await peer.send(encode.AWAIT_REQUEST_BODY)
    event = await peer.receive()
    match event:
        case RequestBodyReceived(body=body, end_of_stream=end):
            take_body(case, services, body)
            if not end:
                raise Refused(Reason.UNINSPECTABLE, rule="request-trailers")
        case RequestTrailersReceived():
            raise Refused(Reason.UNINSPECTABLE, rule="request-trailers")
        case ResponseHeadersReceived(head=head):
            raise Refused(LOCAL_REASONS.get(head.local_reply, Reason.UPSTREAM_ERROR), "envoy", head.local_reply)
        case None:
            raise Refused(Reason.CALLER_GONE, "envoy", "the request was not sent to its end")
        case _:
            raise ProtocolViolation("expected request_body")
