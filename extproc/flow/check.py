"""The decide-only door (ext_authz): the same questions and the same decision, without a hand on the bodies.

It cannot mask. A call whose plan masks anything is refused here with ``masking-unavailable`` rather than let
through unmasked.
"""

import asyncio

from extproc.flow.case import Case, open_case
from extproc.flow.decide import decide, grant
from extproc.flow.hold import hold
from extproc.flow.record.intent_and_end import close, record_intent
from extproc.flow.refusal import refusal_reply
from extproc.flow.request.identify import find_connection, identify_call, identify_caller, take_body
from extproc.flow.request.rewrite import mask_request, request_rules, rewrite_request
from extproc.flow.request.sessions import check_session, name_session
from extproc.flow.services import Services
from extproc.model.decision import Action
from extproc.model.entries import EntryKind
from extproc.model.errors import ExtprocError, Refused
from extproc.model.reasons import Reason, Uninspectable
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.wire import ext_authz
from extproc.wire.encode import as_headers
from extproc.wire.ext_authz import CheckAsked


async def check(asked: CheckAsked, services: Services) -> bytes:
    """Decide one request.

    Returns:
        An encoded ``CheckResponse``. Anything raised means: answer with a gRPC error, which Envoy denies on.
    """
    case = open_case(services, asked.head)
    try:
        take_body(case, services, asked.body)
        if asked.truncated:
            case.unreadable = Uninspectable.TRUNCATED
        find_connection(case, services)
        identify_caller(case, services, asked.metadata)
        name_session(case, services)
        identify_call(case, services)
        check_session(case, services, bound=False)  # no answer is seen here, so no id was bound
        if await decide(case, services) is Action.HOLD:
            await hold(case, services, _nothing_to_tell)
        return await _allow(case, services)
    except Refused as refusal:
        case.refused(refusal)
        return ext_authz.deny(
            refusal_reply(case, refusal), case.decision.metadata if case.decision else None, case.call_id
        )
    except asyncio.CancelledError:
        case.failed(Reason.CALLER_GONE, "the check was cancelled")
        raise
    except ExtprocError as error:
        case.failed(Reason.GUARD_ERROR, str(error))
        raise
    finally:
        close(case, services)


async def _nothing_to_tell(_seconds: float) -> None:
    """ext_authz waits as long as its ``grpc_service.timeout``; there is no message to lengthen it."""


async def _allow(case: Case, services: Services) -> bytes:
    decision, connection = case.decision, case.connection
    assert decision is not None  # noqa: S101 - decided before
    assert connection is not None  # noqa: S101 - identified before
    if request_rules(case) or connection.mask.response or decision.mask.response:
        raise Refused(Reason.MASKING_UNAVAILABLE, rule="ext_authz")
    if services.engine.response_interest is ResponseInterest.ALWAYS:
        raise Refused(Reason.MASKING_UNAVAILABLE, rule="ext_authz", detail="policy decides responses, unseen here")
    if case.plain != case.body:
        raise Refused(Reason.UNINSPECTABLE, rule="ext_authz", detail="an encoded body cannot be rewritten here")
    rewrite = rewrite_request(case, mask_request(case, services))
    permit = grant(case, services)
    await record_intent(case, services)
    case.forwarded = True
    case.completed(0)
    case.outcome.kind = EntryKind.COMPLETED
    case.outcome.detail = "decided only: the response was not seen"
    response = as_headers(decision.headers.response)
    return ext_authz.allow(permit, case.body, rewrite.edits, response, decision.metadata, now_ns=services.clock())
