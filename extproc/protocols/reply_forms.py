"""The guard's answers, in the form that the caller can read, whichever host the request came to.

Envoy answers a request that speaks gRPC as gRPC does, and so does the guard.
"""

from extproc.model.call import Call, Headers
from extproc.model.pending_approval import PendingApproval
from extproc.model.reasons import Reason
from extproc.model.reply import Reply
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.protocols.grpc.status_reply import grpc_pending, grpc_refusal, speaks_grpc, spoken
from extproc.protocols.problem_document import BEARER, problem


def refusal(
    headers: Headers,
    reason: Reason,
    call_id: str,
    protocol: FunctionProtocol | None = None,
    call: Call | None = None,
    *,
    challenge: str = BEARER,
) -> Reply:
    """Answer a refused request.

    Args:
        headers: of the request.
        reason: why it is refused.
        call_id: the call's id.
        protocol: of the connection, once the caller is known; None before.
        call: the call, as far as it was read.
        challenge: ``WWW-Authenticate`` of a 401.
    """
    if speaks_grpc(headers):
        return grpc_refusal(reason, call_id)
    return protocol.refusal(call, reason, call_id) if protocol else problem(reason, call_id, challenge=challenge)


def pending_reply(
    headers: Headers, pending: PendingApproval, call_id: str, protocol: FunctionProtocol, call: Call
) -> Reply:
    """Answer a call that waits for approval longer than its caller does.

    Args:
        headers: of the request.
        pending: the request for approval.
        call_id: the call's id.
        protocol: of the connection.
        call: the call.
    """
    return grpc_pending(pending, call_id) if speaks_grpc(headers) else protocol.pending(call, call_id, pending)


def in_callers_form(headers: Headers, reply: Reply) -> Reply:
    """Put an answer that policy wrote for HTTP into the form that the caller can read."""
    return spoken(headers, reply)
