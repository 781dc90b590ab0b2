"""Requests that a server makes of the client (sampling, elicitation, roots): policy decides about each.

Policy is asked with ``input.direction`` ``server``, if ``data.extproc.directions`` says that it decides them.
"""

from dataclasses import replace

from extproc.codecs.unreadable import Unreadable
from extproc.flow.decide import Question, ask
from extproc.flow.response.responding import Responding, Rules
from extproc.model.call import Call
from extproc.model.decision import Action, Decision
from extproc.model.errors import PolicyError, Refused
from extproc.model.masking import MaskPlan
from extproc.model.reasons import Reason

RULE = "policy.server"


async def decide_server_requests(response: Responding, asks: tuple[Call, ...]) -> Rules:
    """Ask policy about each request.

    Args:
        response: the response that holds them.
        asks: each as a call with the direction ``server``.

    Returns:
        The mask rules that policy adds for the message that holds them.

    Raises:
        Refused: policy denies one, or gives no usable answer: the message must not pass.
    """
    if not response.services.engine.decides_server_requests:
        return ()
    added: Rules = ()
    for each in asks:
        decision = await _decide(response, each)
        added += tuple(rule for rule in decision.mask.response if rule not in added)
    masks = replace(response.permitted.decided.decision, mask=MaskPlan(response=added))
    return response.rules(masks) if added else ()


async def _decide(response: Responding, asked: Call) -> Decision:
    decided, record = response.permitted.decided, response.record
    try:
        decision = await ask(Question(decided.identified, decided.usage, None, about=asked), response.services)
    except PolicyError as error:
        record.decided_server_request(asked.method, Action.DENY, Reason.POLICY_ERROR.value)
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail=str(error)) from error
    record.decided_server_request(asked.method, decision.action, decision.rule, decision.shadow)
    if decision.action is Action.HOLD:
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail="a server's request cannot be held")
    if decision.action is Action.DENY:
        detail = decision.detail or "a request of the server was denied"
        raise Refused(decision.reason, rule=decision.rule or RULE, detail=detail)
    return decision


async def decide_in_whole(response: Responding, plain: bytes | None) -> Rules:
    """Ask policy about the server's requests in a whole response.

    Args:
        response: the response.
        plain: its whole body, content-encoding undone; None where that cannot be.

    Returns:
        The mask rules that policy adds.

    Raises:
        Refused: policy denies one, or they cannot be told for certain.
    """
    try:
        found = response.protocol.read_answer(response.answered, response.head, plain)
    except Unreadable as error:
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="answer", detail=error.kind.value) from error
    if found.is_stray:
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="answer", detail="an answer to another call")
    return await decide_server_requests(response, found.asks)
