"""What policy says of a response: it may withhold it, or have more of it masked."""

from dataclasses import replace

from extproc.flow.case import Case
from extproc.flow.decide import ask
from extproc.flow.services import Services
from extproc.model.call import Headers, ResponseHead
from extproc.model.decision import Action, Decision
from extproc.model.errors import MaskingError, PolicyError, Refused
from extproc.model.masking import MaskPlan, MaskRule
from extproc.model.reasons import Reason, Uninspectable
from extproc.policy.contract.response_input import ResponseFacts
from extproc.policy.contract.response_interest import ResponseInterest

RULE = "policy.response"


async def consider(
    case: Case, services: Services, head: ResponseHead, plain: bytes | None = b"", *, streamed: bool = False
) -> tuple[MaskRule, ...]:
    """Ask policy about the response, unless it has certainly nothing to say about any.

    Args:
        case: of a call that was forwarded.
        services: the worker's parts.
        head: the response's head.
        plain: all of its body, content-encoding undone; nothing when there is none; None when that cannot be.
        streamed: a body follows that is sent on piece by piece: policy sees nothing of it.

    Returns:
        What is to be masked besides.

    Raises:
        Refused: withheld, or there is no usable answer.
    """
    if services.engine.response_interest is ResponseInterest.NEVER:
        return ()
    assert case.call is not None  # noqa: S101 - identified before
    assert case.decision is not None  # noqa: S101 - decided before
    assert case.connection is not None  # noqa: S101 - identified before
    if streamed or plain is None:
        why = Uninspectable.STREAMED if streamed else Uninspectable.CONTENT_ENCODING
        seen = ResponseFacts(head.status, _concealed(case, head), unseen=why)
    else:
        seen = _look(case, services, head, plain)
    try:
        found = await ask(case, services, case.call, seen)
    except PolicyError as error:
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail=str(error)) from error
    _settle(case, found)
    return case.connection.protocol.response_rules(found.mask.response)


def _look(case: Case, services: Services, head: ResponseHead, plain: bytes) -> ResponseFacts:
    """Find what is sensitive, where detectors can look."""
    try:
        found = services.masker.find(plain, head.headers.get("content-type")) if plain else ()
    except MaskingError:
        found = None
    return ResponseFacts(head.status, _concealed(case, head), plain, found)


def _concealed(case: Case, head: ResponseHead) -> Headers:
    return Headers(tuple((name, case.redact_credential(value)) for name, value in head.headers))


def _settle(case: Case, found: Decision) -> None:
    """Take over what policy said of the response.

    A hold that people have released is not asked for twice: a policy that does not tell a response from its
    request says ``hold`` again. Any other hold comes too late.

    Raises:
        Refused: withheld.
    """
    before = case.decision
    assert before is not None  # noqa: S101 - decided before
    if found.action is Action.HOLD and not case.released.approvers:
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail="a response cannot be held")
    if found.action is Action.DENY:
        case.decision = replace(found, shadow=_both(before, found), risk=max(before.risk, found.risk))
        raise Refused(found.reason, rule=found.rule or RULE, detail=found.detail or "the response was withheld")
    case.decision = replace(
        before,
        shadow=_both(before, found),
        risk=max(before.risk, found.risk),
        mask=before.mask | MaskPlan(response=found.mask.response),
        headers=replace(before.headers, response=before.headers.response + found.headers.response),
    )


def _both(before: Decision, found: Decision) -> tuple[str, ...]:
    return tuple(dict.fromkeys(before.shadow + found.shadow))
