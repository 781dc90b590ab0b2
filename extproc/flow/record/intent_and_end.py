"""The entries that bracket a call: the intent before it is forwarded, the outcome whatever it was."""

from functools import partial

from extproc.flow.case import Case
from extproc.flow.request.identify import record_request, record_unknown
from extproc.flow.services import Guard
from extproc.model.entries import EntryKind
from extproc.model.errors import EvidenceError, Refused
from extproc.model.reasons import Reason


async def record_intent(case: Case, guard: Guard) -> None:
    """Record that the call is about to be forwarded; durable on return where the connection is ``strict``.

    Raises:
        Refused: with ``evidence-unavailable``: what cannot be recorded is not forwarded.
    """
    assert case.connection is not None  # noqa: S101 - identified before
    entry = case.entry(EntryKind.DECIDED, guard.clock())
    try:
        if case.connection.strict:
            await guard.recorder.record(entry)
        else:
            guard.recorder.record_relaxed(entry)
    except EvidenceError as error:
        raise Refused(Reason.EVIDENCE_UNAVAILABLE, rule="call.decided", detail=str(error)) from error


def close(case: Case, guard: Guard) -> None:
    """Record how the call ended. Runs on every way out, cancellation included; never raises."""
    if not case.recorded.path:
        record_request(case, guard)
    if case.outcome.reason is Reason.UNKNOWN_FUNCTION:
        record_unknown(case, guard)
    entry = case.closing_entry(guard.clock())
    try:
        guard.recorder.record_end(entry, partial(guard.observer.evidence_lost, entry))
    except EvidenceError:
        guard.observer.evidence_lost(entry)
    guard.observer.call_ended(entry)
