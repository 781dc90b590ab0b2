"""The ext_authz service: decides as ext_proc does, but cannot change bodies and sees no response.

It cannot mask. A call whose plan masks anything is refused with ``masking-unavailable`` rather than let through
unmasked.
"""

import asyncio

from extproc.flow.decide import decide
from extproc.flow.grant import grant
from extproc.flow.hold import release
from extproc.flow.record.call_record import CallRecord
from extproc.flow.refusal import refusal_reply
from extproc.flow.request.identify import identify
from extproc.flow.request.read import read_check
from extproc.flow.request.rewrite import request_rules, rewrite
from extproc.flow.services import Services
from extproc.flow.stages import DecidedCall
from extproc.flow.withdraw import withdraw
from extproc.model.errors import Answered, ExtprocError, Refused
from extproc.model.reasons import Reason
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.wire import ext_authz
from extproc.wire.ext_authz import CheckAsked


class CheckPeer:
    """Envoy, waiting for one answer: as long as its ``grpc_service.timeout``, which no message can lengthen."""

    async def keep_waiting(self, seconds: float) -> None:
        """Do nothing."""


async def check(asked: CheckAsked, services: Services) -> bytes:
    """Decide one request.

    Returns:
        An encoded ``CheckResponse``. Anything raised means: answer with a gRPC error, which Envoy denies on.
    """
    record = CallRecord(services, asked.head)
    try:
        request = read_check(asked, record, services.limits)
        # no response is seen here, so no session id was bound
        call = identify(request, services, record, binds_sessions=False)
        await withdraw(call, services, record)
        decided = await decide(call, services, record)
        _check_decide_only(decided, services)
        outbound = rewrite(decided, services)
        record.rewritten(outbound)
        released = await release(decided, outbound, CheckPeer(), services, record)
        services = released.services
        _check_decide_only(released.outbound.decided, services)
        permitted = grant(released)
        await record.intent()
        allow = ext_authz.allow(permitted.permit, now_ns=services.clock())
    except Refused as refusal:
        record.refused(refusal)
        return ext_authz.deny(refusal_reply(record, refusal, services), record.metadata, record.call_id)
    except Answered as answered:
        record.answered(answered)
        return ext_authz.deny(answered.reply, decision_id=record.call_id)
    except asyncio.CancelledError:
        record.failed(Reason.CALLER_GONE, "the check was cancelled")
        raise
    except ExtprocError as error:
        record.failed(Reason.GUARD_ERROR, str(error))
        raise
    else:
        record.forwarded()
        record.completed(0, "decided only: the response was not seen")
        return allow
    finally:
        record.end()


def _check_decide_only(decided: DecidedCall, services: Services) -> None:
    """Refuse a call that needs more than a decision.

    Raises:
        Refused: something is to be masked, policy decides responses, or the body is encoded.
    """
    request = decided.request
    if request_rules(decided) or decided.connection_mask.response or decided.decision.mask.response:
        raise Refused(Reason.MASKING_UNAVAILABLE, rule="ext_authz")
    if services.engine.response_interest is ResponseInterest.ALWAYS:
        raise Refused(Reason.MASKING_UNAVAILABLE, rule="ext_authz", detail="policy decides responses, unseen here")
    if request.plain != request.body:
        raise Refused(Reason.UNINSPECTABLE, rule="ext_authz", detail="an encoded body cannot be rewritten here")
