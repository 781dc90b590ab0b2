"""Answers that are not the backend's: the guard's own refusals, and Envoy's local replies."""

from extproc.flow.case import Case, open_case
from extproc.flow.record.intent_and_end import close
from extproc.flow.services import Services
from extproc.model.call import ResponseHead
from extproc.model.decision import Action, Decision
from extproc.model.errors import ProtocolViolation, Refused
from extproc.model.reasons import Reason
from extproc.model.reply import Reply
from extproc.protocols.grpc.refusal import grpc_refusal, speaks_grpc, spoken
from extproc.protocols.problem_document import problem
from extproc.wire import encode
from extproc.wire.events import ResponseBodyReceived, ResponseHeadersReceived
from extproc.wire.peer import Peer

LOCAL_REASONS = {
    "request_payload_too_large": Reason.BODY_TOO_LARGE,
    "route_not_found": Reason.UNKNOWN_FUNCTION,
    "direct_response": Reason.UNKNOWN_FUNCTION,
}
"""Envoy's ``response.code_details`` by the reason it amounts to."""
BY_GRPC_STATUS = {"16": 401, "7": 403, "8": 413, "12": 404, "14": 503}
"""As Envoy translates the statuses that it answers by itself (its ``Grpc::Utility::httpToGrpcStatus``)."""
BY_STATUS = {401: Reason.UNAUTHENTICATED, 403: Reason.TOKEN_REJECTED, 413: Reason.BODY_TOO_LARGE}


def refusal_reply(case: Case, refusal: Refused) -> Reply:
    """The caller's answer, in its protocol's terms: the reason and the call's id, nothing else of ours."""
    decision = case.decision
    if decision and decision.action is Action.DENY and refusal.reason is decision.reason:
        own = _policys_reply(decision)
        if own is not None:
            return spoken(case.head.headers, own)
    if speaks_grpc(case.head.headers):  # whatever host it came to: Envoy answers such a request as gRPC does
        return grpc_refusal(refusal.reason, case.call_id)
    if case.connection is not None and case.identity is not None:
        return case.connection.protocol.refusal(case.call, refusal.reason, case.call_id)
    return problem(refusal.reason, case.call_id)


def _policys_reply(decision: Decision) -> Reply | None:
    """The answer that a policy written for opa-envoy-plugin asks for; None when it asks for nothing."""
    if not (decision.body or decision.status or decision.headers.response):
        return None
    asked = decision.headers.response
    named = any(name == "content-type" for name, _ in asked)
    kind = () if named or not decision.body else (("content-type", "text/plain; charset=utf-8"),)
    return Reply(decision.status or decision.reason.answer.status, kind + asked, decision.body.encode())


async def guard_local_reply(peer: Peer, services: Services, first: ResponseHeadersReceived) -> None:
    """Envoy refused before the guard was asked (a bad token, say): record it, and answer in our terms.

    The upstream was not reached; a stream that begins with a response of the upstream breaks the contract.

    Raises:
        ProtocolViolation: the response is not Envoy's own.
    """
    if not first.head.local_reply:
        raise ProtocolViolation("a response to a request that the guard never saw")
    case = open_case(services, first.request)
    case.connection = services.hosts.get(first.request.authority.lower())
    status = _status(first.head)
    reason = LOCAL_REASONS.get(first.head.local_reply) or BY_STATUS.get(status, Reason.GUARD_ERROR)
    case.refused(Refused(reason, rule="envoy", detail=first.head.local_reply))
    case.outcome.status = status
    try:
        await _answer(peer, first, problem(reason, case.call_id))
    finally:
        close(case, services)


def _status(head: ResponseHead) -> int:
    """The HTTP status of Envoy's answer; to a gRPC request it is 200, and ``grpc-status`` tells."""
    told = head.headers.get("grpc-status")
    return BY_GRPC_STATUS.get(told, 500) if told else head.status


async def _answer(peer: Peer, first: ResponseHeadersReceived, reply: Reply) -> None:
    """Keep Envoy's status, and put our problem document in place of its text."""
    fields = encode.as_headers(reply.headers)
    if first.end_of_stream:
        await peer.send(encode.release_headers(encode.HeaderEdits()))
        return
    await peer.send(encode.AWAIT_RESPONSE_BODY)
    event = await peer.receive()
    if not isinstance(event, ResponseBodyReceived):
        raise ProtocolViolation("expected response_body")
    await peer.send(encode.release_body(encode.HeaderEdits(fields), reply.body))
