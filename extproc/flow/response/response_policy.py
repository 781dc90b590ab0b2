"""Policy about a response: it may withhold the response, or have more of it masked."""

from dataclasses import replace

from extproc.flow.decide import Question, ask
from extproc.flow.record.call_record import CallRecord
from extproc.flow.services import Services
from extproc.flow.stages import PermittedCall
from extproc.model.call import Headers, ResponseHead
from extproc.model.decision import Action, Decision
from extproc.model.errors import MaskingError, PolicyError, Refused, Undecodable
from extproc.model.masking import MaskPlan
from extproc.model.reasons import Reason, Uninspectable
from extproc.policy.contract.response_input import ResponseFacts
from extproc.policy.contract.response_interest import ResponseInterest

RULE = "policy.response"


async def decide_response(
    permitted: PermittedCall,
    services: Services,
    record: CallRecord,
    head: ResponseHead,
    plain: bytes | None = b"",
    *,
    streamed: bool = False,
) -> Decision:
    """Ask policy about the response, unless policy certainly decides none.

    Args:
        permitted: a call that was forwarded.
        services: the worker's services.
        record: is told of the decision.
        head: the response's head.
        plain: its whole body, content-encoding undone; empty when there is none; None when that cannot be.
        streamed: a body follows that goes piece by piece: policy sees nothing of it.

    Returns:
        The decision in force for the response: what was decided about the request, and what is added now.

    Raises:
        Refused: policy withholds the response, or there is no usable answer.
    """
    decided = permitted.decided
    if services.engine.response_interest is ResponseInterest.NEVER:
        return decided.decision
    facts = _facts(permitted, services, head, plain, streamed=streamed)
    try:
        answer = await ask(
            Question(decided.identified, decided.usage, decided.definition, response=facts), services
        )
    except PolicyError as error:
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail=str(error)) from error
    return _merged(permitted, answer, record)


def _facts(
    permitted: PermittedCall, services: Services, head: ResponseHead, plain: bytes | None, *, streamed: bool
) -> ResponseFacts:
    """Return what policy sees of the response, with the findings where detectors can look."""
    redact = permitted.redact_credential
    fields = Headers(tuple((name, redact(value)) for name, value in head.headers))
    if streamed or plain is None:
        unseen = Uninspectable.STREAMED if streamed else Uninspectable.CONTENT_ENCODING
        return ResponseFacts(head.status, fields, unseen=unseen)
    try:
        content_type = permitted.decided.connection.masked_as(head.headers.get("content-type"))
        shape = permitted.decided.connection.protocol.shape(permitted.decided.call.answered, response=True)
        found = services.masker.find(plain, content_type, shape=shape) if plain else ()
    except MaskingError as error:
        kind = error.kind if isinstance(error, Undecodable) else None
        return ResponseFacts(head.status, fields, plain, unsearched=kind or Uninspectable.NOT_JSON)
    return ResponseFacts(head.status, fields, plain, found)


def _merged(permitted: PermittedCall, answer: Decision, record: CallRecord) -> Decision:
    """Return both decisions together.

    A hold that people have released is not asked for twice: a policy that does not tell a response from its
    request says ``hold`` again. Any other hold comes too late.

    Raises:
        Refused: policy withholds the response.
    """
    before = permitted.decided.decision
    shadow = tuple(dict.fromkeys(before.shadow + answer.shadow))
    risk = max(before.risk, answer.risk)
    if answer.action is Action.HOLD and permitted.released.approval is None:
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail="a response cannot be held")
    if answer.action is Action.DENY:
        record.decided_response(replace(answer, shadow=shadow, risk=risk))
        raise Refused(answer.reason, rule=answer.rule or RULE, detail=answer.detail or "the response was withheld")
    merged = replace(
        before,
        shadow=shadow,
        risk=risk,
        mask=before.mask | MaskPlan(response=answer.mask.response),
        headers=replace(before.headers, response=before.headers.response + _new_fields(before, answer)),
    )
    record.decided_response(merged)
    return merged


def _new_fields(before: Decision, answer: Decision) -> tuple[tuple[str, str], ...]:
    """Return the fields that only the second answer adds: a policy that ignores ``direction`` repeats some."""
    return tuple(field for field in answer.headers.response if field not in before.headers.response)
