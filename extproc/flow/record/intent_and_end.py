"""The entries that bracket a call: the intent before it is forwarded, the outcome whatever it was."""

from functools import partial

from extproc.flow.case import Case
from extproc.flow.request.identify import record_request, record_unknown
from extproc.flow.services import Services
from extproc.model.entries import EntryKind
from extproc.model.errors import EvidenceError, Refused
from extproc.model.reasons import Reason


async def record_intent(case: Case, services: Services) -> None:
    """Record that the call is about to be forwarded; durable on return where the connection is ``strict``.

    Raises:
        Refused: with ``evidence-unavailable``: what cannot be recorded is not forwarded.
    """
    assert case.connection is not None  # noqa: S101 - identified before
    entry = case.entry(EntryKind.DECIDED, services.clock())
    try:
        if case.connection.strict:
            await services.recorder.record(entry)
        else:
            services.recorder.record_relaxed(entry)
    except EvidenceError as error:
        raise Refused(Reason.EVIDENCE_UNAVAILABLE, rule="call.decided", detail=str(error)) from error


def close(case: Case, services: Services) -> None:
    """Record how the call ended. Runs on every way out, cancellation included; never raises."""
    if not case.recorded.path:
        record_request(case, services)
    if case.outcome.reason is Reason.UNKNOWN_FUNCTION:
        record_unknown(case, services)
    entry = case.closing_entry(services.clock())
    try:
        services.recorder.record_end(entry, partial(services.observer.evidence_lost, entry))
    except EvidenceError:
        services.observer.evidence_lost(entry)
    services.observer.call_ended(entry)
