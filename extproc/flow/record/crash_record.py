"""The record of a call whose evaluation its worker did not survive (``docs/adr/0011``)."""

from dataclasses import replace
from pathlib import Path

from extproc.evidence.spool.crash_file import Left, ends_recorded, words_left
from extproc.flow.case import NANOSECONDS_PER_MILLISECOND, Case
from extproc.flow.services import Services
from extproc.model.entries import DID_NOT_END, Entry, EntryKind
from extproc.model.errors import EvidenceError
from extproc.model.ids import envoys_id
from extproc.model.reasons import Reason

FORWARDED = "forwarded"
FIXED = 15
"""Words before the caller's groups, which may be any number."""


def words(case: Case, revision: str) -> tuple[str, ...]:
    """What an entry needs: names, and never a path, an argument or any other value of the call.

    Args:
        case: of a call about which, or about whose response, policy is asked next.
        revision: of the policy that is asked.
    """
    head, identity, call = case.head, case.identity, case.call
    assert identity is not None  # noqa: S101 - identified before
    assert call is not None  # noqa: S101 - identified before
    return (
        case.call_id,
        str(case.started_ns),
        FORWARDED if case.forwarded else "",
        head.request_id,
        head.source,
        case.connection.name if case.connection else "",
        call.function,
        call.protocol,
        call.method or head.method,
        case.session or call.session,
        identity.issuer,
        identity.subject,
        identity.actor,
        revision,
        case.worker,
        *identity.groups,
    )


def ending(said: tuple[str, ...], now_ns: int) -> Entry:
    """The entry that ends such a call.

    Envoy may have told of it as well. It knows the guard's id of what was forwarded only, and calls the rest by an
    id of its own: so does this entry, and the call is one.

    Raises:
        ValueError: these are not the words of a call.
    """
    if len(said) < FIXED:
        raise ValueError("too few words")
    call_id, started, forwarded, request_id, source, connection, function, protocol, method = said[:9]
    session, issuer, subject, actor, revision, worker = said[9:FIXED]
    return Entry(
        kind=EntryKind.FAILED if forwarded else EntryKind.DENIED,
        call_id=call_id if forwarded else envoys_id(request_id) or call_id,
        time_ns=now_ns,
        request_id=request_id,
        source=source,
        connection=connection,
        function=function,
        protocol=protocol,
        method=method,
        session=session,
        issuer=issuer,
        subject=subject,
        groups=said[FIXED:],
        actor=actor,
        reason=Reason.POLICY_ERROR.value,
        rule="policy.response" if forwarded else "policy",
        detail=DID_NOT_END,
        policy_revision=revision,
        duration_ms=_duration_ms(int(started), now_ns),
        worker=worker,
    )


def _duration_ms(started_ns: int, now_ns: int) -> float:
    return max(0, now_ns - started_ns) / NANOSECONDS_PER_MILLISECOND


def _is_end_of(recorded: Entry, call_id: str, started_ns: int, worker: str) -> bool:
    """Whether a recorded end is of this call, and not of another that its caller gave the same request id.

    The one that ``ending`` made bears the request id only; but no worker begins two calls in one nanosecond.
    """
    began_then = recorded.duration_ms == _duration_ms(started_ns, recorded.time_ns)
    return recorded.call_id == call_id or (recorded.worker == worker and began_then)


async def tell_last_words(services: Services, folder: Path) -> None:
    """Record what workers that are gone have left unsaid. Call it before this one serves. Never raises.

    Args:
        services: its recorder takes the entries.
        folder: where the last words are, beside the spools.
    """
    for left in words_left(folder):
        if await _tell(left, services, folder):
            left.forget()
        else:
            left.leave()


async def _tell(left: Left, services: Services, folder: Path) -> bool:
    """Whether nothing of it has to be told any more."""
    if not left.said:
        return True
    said = left.words or ()
    try:
        entry = ending(said, services.clock())
        call_id, started_ns = said[0], int(said[1])
    except ValueError:
        services.observer.words_unreadable(left.worker)
        return True
    recorded = ends_recorded(folder, call_id=call_id, request_id=entry.request_id, since_ns=started_ns)
    if any(_is_end_of(each, call_id, started_ns, entry.worker) for each in recorded):
        return True
    if recorded:  # that id names another call already, of which this one would seem to be a part
        entry = replace(entry, call_id=call_id)
    try:
        await services.recorder.record(entry)
    except EvidenceError:  # the spool says why, and refuses calls; the next that starts tries again
        return False
    services.observer.call_ended(entry)
    return True
