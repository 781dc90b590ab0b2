"""The record of a call whose evaluation killed its worker (``docs/adr/0011``)."""

from dataclasses import replace
from pathlib import Path

from extproc.evidence.spool.crash_file import CrashRecord, Orphan, orphans, recorded_ends
from extproc.flow.services import Services
from extproc.flow.stages import IdentifiedCall
from extproc.model.entries import DID_NOT_END, Entry, EntryKind
from extproc.model.errors import EvidenceError
from extproc.model.ids import envoys_id
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_MILLISECOND


def crash_record(identified: IdentifiedCall, *, forwarded: bool, revision: str, worker: str) -> CrashRecord:
    """Make the entry that ends this call if its evaluation kills the worker.

    The entry holds names only: never a path, an argument or any other value of the call.

    Args:
        identified: a call about which, or about whose response, policy is asked next.
        forwarded: whether the request has gone to the backend.
        revision: of the policy that is asked.
        worker: name of this worker.
    """
    request, call, identity = identified.request, identified.call, identified.identity
    entry = Entry(
        kind=EntryKind.FAILED if forwarded else EntryKind.DENIED,
        call_id=request.call_id,
        time_ns=request.started_ns,
        request_id=request.head.request_id,
        source=request.head.source,
        connection=identified.connection.name,
        function=call.function,
        protocol=call.protocol,
        method=call.method or request.head.method,
        session=call.session,
        issuer=identity.issuer,
        subject=identity.recorded_subject,
        groups=identity.groups,
        actor=identity.actor,
        reason=Reason.POLICY_ERROR.value,
        rule="policy.response" if forwarded else "policy",
        detail=DID_NOT_END,
        policy_revision=revision,
        worker=worker,
    )
    return CrashRecord(entry, request.started_ns)


async def record_orphans(services: Services, folder: Path) -> None:
    """Record the calls that killed their workers. Call it before this worker serves. Never raises.

    Args:
        services: its recorder takes the entries.
        folder: where the crash files are, beside the spools.
    """
    for orphan in orphans(folder):
        if await _record(orphan, services, folder):
            orphan.discard()
        else:
            orphan.release()


async def _record(orphan: Orphan, services: Services, folder: Path) -> bool:
    """Return whether nothing in the file is left to record."""
    if not orphan.began:
        return True
    if orphan.record is None:
        services.observer.crash_file_unreadable(orphan.worker)
        return True
    entry = _ended(orphan.record, services.clock())
    call_id, started_ns = orphan.record.entry.call_id, orphan.record.started_ns
    recorded = recorded_ends(folder, call_id=call_id, request_id=entry.request_id, since_ns=started_ns)
    if any(_is_end_of(each, call_id, started_ns, entry.worker) for each in recorded):
        return True
    if recorded:  # the request id names another call already: this one must not seem to be a part of it
        entry = replace(entry, call_id=call_id)
    try:
        await services.recorder.record(entry)
    except EvidenceError:  # the spool says why, and refuses calls; the next worker that starts tries again
        return False
    services.observer.call_ended(entry)
    return True


def _ended(record: CrashRecord, now_ns: int) -> Entry:
    """Return the entry as of now.

    Envoy may have reported the call as well. Envoy knows the guard's id of forwarded calls only, and uses its
    own id for the others: so does this entry, so that both entries belong to one call.
    """
    entry = record.entry
    forwarded = entry.kind is EntryKind.FAILED
    return replace(
        entry,
        call_id=entry.call_id if forwarded else envoys_id(entry.request_id) or entry.call_id,
        time_ns=now_ns,
        duration_ms=_duration_ms(record.started_ns, now_ns),
    )


def _duration_ms(started_ns: int, now_ns: int) -> float:
    return max(0, now_ns - started_ns) / NANOSECONDS_PER_MILLISECOND


def _is_end_of(recorded: Entry, call_id: str, started_ns: int, worker: str) -> bool:
    """Return whether a recorded end is of this call, and not of another call with the same request id.

    An entry that ``_ended`` made bears the request id only; but no worker begins two calls in one nanosecond.
    """
    began_then = recorded.duration_ms == _duration_ms(started_ns, recorded.time_ns)
    return recorded.call_id == call_id or (recorded.worker == worker and began_then)
