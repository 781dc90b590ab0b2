"""The decision: policy is asked, its answer is read, and only here a permit is made."""

import asyncio

from extproc.flow.case import Case
from extproc.flow.dry_run import softened
from extproc.flow.record.crash_record import crash_record
from extproc.flow.request.identify import record_request
from extproc.flow.services import Services
from extproc.model.call import Call, Json
from extproc.model.decision import Action, Decision, Permit
from extproc.model.errors import PolicyError, Refused
from extproc.model.reasons import Reason
from extproc.policy.contract.call_usage import Usage
from extproc.policy.contract.input_document import build_document
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.contract.response_input import ResponseFacts

PERMIT_LASTS_NS = 10_000_000_000
"""From the grant to the encode; both happen in one breath unless the machine stalls."""


async def decide(case: Case, services: Services) -> Action:
    """Ask policy about the call.

    Returns:
        ``allow`` or ``hold``.

    Raises:
        Refused: for ``deny``, and with ``policy-error`` whenever there is no usable answer.
    """
    assert case.call is not None  # noqa: S101 - identified before
    try:
        case.usage = await _count(case, services)
        case.decision = await ask(case, services, case.call)
    except PolicyError as error:
        if not services.engine.is_remote:  # a server's revision comes with its answer, and there is none
            case.failed_revision = services.engine.revision
        raise Refused(Reason.POLICY_ERROR, rule="policy", detail=str(error)) from error
    finally:
        record_request(case, services)
    if case.decision.action is Action.DENY:
        raise Refused(case.decision.reason, rule=case.decision.rule, detail=case.decision.detail)
    return case.decision.action


async def ask(case: Case, services: Services, call: Call, response: ResponseFacts | None = None) -> Decision:
    """Ask policy about a call of this case, or about its response.

    Args:
        case: the case; its identity, request and usage are a part of what is asked.
        services: the worker's parts.
        call: the call to ask about: the case's own, or a tool of a listing.
        response: what came back, if that is asked about.

    Returns:
        The decision; an answer that cannot be read is one that denies.

    Raises:
        PolicyError: there is no usable answer.
        Refused: what is asked about has no form that policy could be shown.
    """
    assert case.connection is not None  # noqa: S101 - identified before
    assert case.identity is not None  # noqa: S101 - identified before
    document = build_document(
        head=case.head,
        call=call,
        identity=case.identity,
        findings=case.findings,
        body=case.plain,
        body_sha256=case.body_sha256.hex(),
        uninspectable=case.unreadable,
        now_ns=services.clock(),
        max_depth=services.limits.json_depth,
        metadata=case.metadata,
        usage=case.usage,
        input_keys=services.engine.input_keys,
        response=response,
    )
    answer = await _evaluated(document, case, services)
    credential = case.connection.credential
    decision = read_decision(
        answer,
        revision=services.engine.revision,
        defaults=case.connection.terms,
        credential_header=credential.header if credential else "authorization",
    )
    return softened(decision) if services.dry_run else decision


async def _evaluated(document: bytes, case: Case, services: Services) -> Json:
    if not services.engine.is_remote:
        return await _evaluated_here(document, case, services)
    try:
        async with asyncio.timeout(services.limits.decision_timeout):
            return await services.engine.evaluate(document, case.identity.name if case.identity else "")
    except TimeoutError:
        raise PolicyError("timeout") from None


async def _evaluated_here(document: bytes, case: Case, services: Services) -> Json:
    """By an engine that cannot be interrupted: a crash record is written first."""
    if services.crash_file is None:
        return await services.engine.evaluate(document)
    services.crash_file.begin(crash_record(case, services.engine.revision))
    try:
        return await services.engine.evaluate(document)
    finally:
        services.crash_file.clear()


async def _count(case: Case, services: Services) -> Usage | None:
    """Count the call where policy wants to know. A store that cannot count is an error of policy: it denies."""
    if services.usage is None:
        return None
    assert case.call is not None  # noqa: S101 - identified before
    assert case.identity is not None  # noqa: S101 - identified before
    who = case.identity
    try:
        async with asyncio.timeout(services.limits.decision_timeout):
            return await asyncio.to_thread(
                services.usage.count, who.issuer, who.subject, case.call.function, services.clock()
            )
    except TimeoutError:
        raise PolicyError("timeout") from None


def grant(case: Case, services: Services) -> Permit:
    """Make the permit for exactly this request. Called once it is allowed, or released by approvers.

    Raises:
        Refused: with ``policy-denied`` where neither is so, whatever the caller of this believes.
    """
    decision = case.decision
    released = bool(case.released.approvers)
    allowed = decision is not None and (
        decision.action is Action.ALLOW or (decision.action is Action.HOLD and released)
    )
    if not allowed:
        raise Refused(Reason.POLICY_DENIED, rule="grant", detail="no decision allows this")
    reason = Reason.APPROVED if released else Reason.POLICY_ALLOWED
    return Permit(case.call_id, case.body_sha256, reason, services.clock() + PERMIT_LASTS_NS)
