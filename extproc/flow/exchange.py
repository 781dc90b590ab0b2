"""One call from end to end. Read this first; ``docs/topics/architecture.md`` has the same steps with a picture.

Every exit of ``guard_call`` goes through its ``finally``, which records: there is no early return before it.
Whatever is raised out of ``exchange`` makes the server abort the stream, because Envoy takes a clean end of an
unfinished exchange for consent (``docs/reference/envoy.md``).
"""

import asyncio

from extproc.flow.decide import decide
from extproc.flow.grant import grant
from extproc.flow.hold import release
from extproc.flow.record.call_record import CallRecord
from extproc.flow.refusal import guard_local_reply, refusal_reply
from extproc.flow.request.identify import identify
from extproc.flow.request.read import read_request
from extproc.flow.request.rewrite import rewrite
from extproc.flow.response.respond import respond
from extproc.flow.services import Services
from extproc.flow.withdraw import withdraw
from extproc.model.errors import Answered, CallerGone, ExtprocError, ProtocolViolation, Refused, ResponseBrokenOff
from extproc.model.reasons import Reason
from extproc.wire import encode
from extproc.wire.events import RequestHeadersReceived, ResponseHeadersReceived
from extproc.wire.peer import Peer


async def exchange(peer: Peer, services: Services) -> None:
    """Guard one exchange to its last byte; return only when nothing is left to guard.

    Raises:
        ProtocolViolation: Envoy sent a message that cannot be accepted. Anything raised means: abort the stream.
    """
    first = await peer.receive()
    match first:
        case RequestHeadersReceived():
            await guard_call(peer, services, first)
        case ResponseHeadersReceived():
            await guard_local_reply(peer, services, first)
        case _:
            raise ProtocolViolation("an exchange begins with headers")


async def guard_call(peer: Peer, services: Services, opened: RequestHeadersReceived) -> None:
    """Guard one call: each line makes the next stage of ``extproc.flow.stages``, or ends the call."""
    record = CallRecord(services, opened.head)
    try:
        request = await read_request(peer, opened, record, services.limits)  # 1
        call = identify(request, services, record)  # 2, 3: who, what, and the sensitive data in it
        await withdraw(call, services, record)  # the held calls that this one cancels
        decided = await decide(call, services, record)  # 4
        outbound = rewrite(decided, services)  # 5
        record.rewritten(outbound)
        released = await release(decided, outbound, peer, services, record)  # 6: at once, or by approvers
        services = released.services  # of the configuration in force at the release
        permitted = grant(released)  # 7
        await record.intent()  # 8
        forward = encode.forward(permitted.permit, now_ns=services.clock())
        record.forwarded()
        await peer.send(forward)  # 9
        await respond(peer, services, permitted, record)  # 10
    except Refused as refusal:
        record.refused(refusal)
        await peer.send(encode.refuse(refusal_reply(record, refusal, services), record.metadata))
    except Answered as answered:
        record.answered(answered)
        await peer.send(encode.refuse(answered.reply))
    except asyncio.CancelledError:
        if not record.is_complete:
            record.failed(Reason.CALLER_GONE, "the stream was cancelled")
        raise
    except CallerGone as gone:
        if not record.is_complete:
            record.failed(Reason.CALLER_GONE, str(gone))
        raise
    except ResponseBrokenOff as broken:
        record.broke_off(broken)
        raise
    except ExtprocError as error:
        record.failed(Reason.RESPONSE_ABANDONED if record.was_forwarded else Reason.GUARD_ERROR, str(error))
        raise
    finally:
        record.end()  # 11
