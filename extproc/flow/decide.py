"""The decision: policy is asked, and its answer is read."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from extproc.flow.dry_run import softened
from extproc.flow.pinned import definition_of
from extproc.flow.record.call_record import CallRecord
from extproc.flow.record.crash_record import crash_record
from extproc.flow.services import Services
from extproc.flow.shown_headers import without_shown
from extproc.flow.stages import DecidedCall, IdentifiedCall
from extproc.flow.unread import check_facts, check_request, check_response
from extproc.model.call import Call, Headers, Json
from extproc.model.decision import Action, Decision
from extproc.model.errors import PolicyError, Refused
from extproc.model.reasons import Reason
from extproc.pinning.pins import PinFact
from extproc.policy.contract.call_usage import Usage
from extproc.policy.contract.input_document import build_document
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.contract.readings import Reading, for_both, may_be_read_otherwise
from extproc.policy.contract.response_input import ResponseFacts, response_part


@dataclass(frozen=True, slots=True)
class Question:
    """One question to policy."""

    identified: IdentifiedCall
    """The request, the caller and the call."""
    usage: Usage | None
    """The caller's calls so far; None where calls are not counted."""
    definition: PinFact | None
    """The facts about that function's definition; None where definitions are not pinned."""
    about: Call | None = None
    """The call that is asked about in place of the caller's: of a listed function, or of the server."""
    response: ResponseFacts | None = None
    """The response, where that is asked about."""

    @property
    def call(self) -> Call:
        """The call that is asked about."""
        return self.about or self.identified.call

    @property
    def forwarded(self) -> bool:
        """True if the request has gone to the backend."""
        return self.about is not None or self.response is not None


async def decide(identified: IdentifiedCall, services: Services, record: CallRecord) -> DecidedCall:
    """Ask policy about the call.

    Returns:
        The call with a decision that allows or holds it.

    Raises:
        Refused: for ``deny``, and with ``policy-error`` whenever there is no usable answer. With
            ``uninspectable``, for a call that policy cannot be asked about.
    """
    try:
        usage = await _count(identified, services)
        question = await _question(identified, usage, services, record)
        decision = await ask(question, services)
    except PolicyError as error:
        raise policy_failed(error, services, record) from error
    return _admit(question, decision, record)


async def decide_again(held: DecidedCall, services: Services, record: CallRecord) -> DecidedCall:
    """Ask policy about a held call once more, as of now. The call is not counted a second time.

    Raises:
        Refused: policy denies it by now, or there is no usable answer.
    """
    try:
        question = await _question(held.identified, held.usage, services, record)
        decision = await ask(question, services)
    except PolicyError as error:
        raise policy_failed(error, services, record) from error
    return _admit(question, decision, record)


async def _question(
    identified: IdentifiedCall, usage: Usage | None, services: Services, record: CallRecord
) -> Question:
    """Return the question about a call, with the definition of its function as it is known now.

    Raises:
        PolicyError: the store of definitions cannot be used.
    """
    definition = await definition_of(identified.connection, identified.call, services)
    record.defined(definition)
    return Question(identified, usage, definition)


def _admit(question: Question, decision: Decision, record: CallRecord) -> DecidedCall:
    """Record the decision, and let pass what it does not deny.

    Raises:
        Refused: it denies.
    """
    record.decided(decision)
    if decision.action is Action.DENY:
        raise Refused(decision.reason, rule=decision.rule, detail=decision.detail)
    return DecidedCall(question.identified, question.usage, question.definition, decision)


def policy_failed(error: PolicyError, services: Services, record: CallRecord) -> Refused:
    """Return the refusal of a call about which policy gave no usable answer."""
    if not services.engine.is_remote:  # a server's revision comes with its answer, and there is none
        record.policy_failed(services.engine.revision)
    return Refused(Reason.POLICY_ERROR, rule="policy", detail=str(error))


async def ask(question: Question, services: Services) -> Decision:
    """Ask policy one question.

    Returns:
        The decision; an answer that cannot be read is one that denies.

    Raises:
        PolicyError: there is no usable answer.
        Refused: the call has no form that policy could be shown, or policy would see less of it than there is.
    """
    check_request(question.identified, services.engine.uninspectable_reads)
    check_facts(question.identified.request.head, services.engine.connection_facts)
    documents = tuple(_documents(question, services))
    try:
        decision = await _strictest(documents, question, services)
    except PolicyError:
        services.observer.policy_failed()
        raise
    decision = softened(decision) if services.dry_run else decision
    services.observer.policy_decided(decision)
    return decision


async def _strictest(documents: tuple[bytes, ...], question: Question, services: Services) -> Decision:
    first, *others = documents
    decision = await _asked(first, question, services)
    for document in others:
        if decision.action is not Action.DENY:
            decision = for_both(decision, await _asked(document, question, services))
    return decision


def _documents(question: Question, services: Services) -> Iterator[bytes]:
    """Yield the input, and the input in opa-envoy-plugin's reading where that is another: both must let it pass.

    Raises:
        Refused: the call has no form that policy could be shown, or policy would see less of it than there is.
    """
    request, response, now_ns = question.identified.request, _response(question, services), services.clock()
    build = partial(_document, question, services, response, now_ns)
    document = build(Reading.GUARD)
    yield document
    if question.forwarded or not may_be_read_otherwise(request.head, request.plain):
        return
    other = build(Reading.PLUGIN)
    if other != document:
        yield other


def _document(
    question: Question, services: Services, response: dict[str, Any] | None, now_ns: int, reading: Reading
) -> bytes:
    identified, request = question.identified, question.identified.request
    return build_document(
        head=request.head,
        call=question.call,
        identity=identified.identity,
        findings=identified.findings,
        body=request.plain,
        body_sha256=request.sha256.hex(),
        uninspectable=identified.call.uninspectable,
        now_ns=now_ns,
        max_depth=services.limits.json_depth,
        metadata=request.metadata,
        usage=question.usage,
        definition=question.definition,
        input_keys=services.engine.input_keys,
        show_headers=services.show_headers,
        response=response,
        reading=reading,
    )


async def _asked(document: bytes, question: Question, services: Services) -> Decision:
    begun = services.stopwatch()
    try:
        answer = await _evaluated(document, question, services)
    finally:
        services.observer.policy_asked(services.stopwatch() - begun)
    connection = question.identified.connection
    decision = read_decision(
        answer,
        revision=services.engine.revision,
        defaults=connection.terms,
        credential_header=connection.credential.header if connection.credential else "authorization",
    )
    if bundles := services.engine.bundles:
        decision = replace(decision, bundles=bundles)
    return without_shown(decision, _seen_headers(question), services.show_headers)


def _response(question: Question, services: Services) -> dict[str, Any] | None:
    """The response as policy sees it; None for a question about the request.

    Raises:
        Refused: policy would see less of it than there is.
    """
    if question.response is None:
        return None
    depth, shown = services.limits.json_depth, services.show_headers
    part = response_part(question.response, max_depth=depth, show_headers=shown)
    check_response(part, services.engine.uninspectable_reads)
    return part


def _seen_headers(question: Question) -> Iterator[Headers]:
    yield question.identified.request.head.headers
    if question.response is not None:
        yield question.response.headers


async def _evaluated(document: bytes, question: Question, services: Services) -> Json:
    if not services.engine.is_remote:
        return await _evaluated_here(document, question, services)
    try:
        async with asyncio.timeout(services.limits.decision_timeout):
            return await services.engine.evaluate(document, question.identified.identity.name)
    except TimeoutError:
        raise PolicyError("timeout") from None


async def _evaluated_here(document: bytes, question: Question, services: Services) -> Json:
    """Evaluate in this process, which cannot interrupt it: a crash record is written first."""
    if services.crash_file is None:
        return await services.engine.evaluate(document)
    services.crash_file.begin(
        crash_record(
            question.identified,
            forwarded=question.forwarded,
            revision=services.engine.revision,
            worker=services.worker,
        )
    )
    try:
        return await services.engine.evaluate(document)
    finally:
        services.crash_file.clear()


async def _count(identified: IdentifiedCall, services: Services) -> Usage | None:
    """Count the call where policy wants to know, by address if nobody said who calls.

    A store that cannot count is an error of policy: it denies.
    """
    if services.usage is None:
        return None
    caller, source = identified.identity, identified.request.head.source
    counted = source.rpartition(":")[0] if caller.is_anonymous else caller.subject
    try:
        async with asyncio.timeout(services.limits.decision_timeout):
            return await asyncio.to_thread(
                services.usage.count, caller.issuer, counted, identified.call.function, services.clock()
            )
    except TimeoutError:
        raise PolicyError("timeout") from None
