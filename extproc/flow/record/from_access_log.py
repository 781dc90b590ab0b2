"""Entries for requests whose end the guard did not see: it was down or killed, or Envoy refused first."""

from collections.abc import Mapping

from extproc.codecs.url import readable_url
from extproc.flow.record.call_record import PATH_MAX
from extproc.masking.masker import Masker
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import MaskingError
from extproc.model.ids import envoys_id
from extproc.model.masking import MASK_EVERYTHING
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_MILLISECOND
from extproc.settings.hosts import find_host
from extproc.wire.access_log import AccessLogEntry
from extproc.wire.local_replies import is_broken_off, reported_reason


def entry_from_access_log(
    ended: AccessLogEntry, masker: Masker, *, hosts: Mapping[str, str], clusters: Mapping[str, str]
) -> Entry | None:
    """Return the entry for a request that Envoy ended without the guard; None when the guard recorded the end.

    A request that Envoy's codec refuses has no id at all: its source and its time distinguish it from others.

    Args:
        ended: Envoy's entry.
        masker: the path is masked before it is kept.
        hosts: connection names by host.
        clusters: connection names by the backend's cluster: ``upstream.host`` has replaced the caller's host.
    """
    reason = reported_reason(ended.details)
    if ended.guarded or (ended.call_id and (reason is Reason.CALLER_GONE or is_broken_off(ended.details))):
        return None  # a worker that let the call go records that its caller left, or that it broke off itself
    by_host, host = find_host(hosts, ended.authority), ended.authority.lower()
    connection = clusters.get(ended.cluster) or by_host or ""
    named = f"//{host}" if connection and connection == by_host and host not in hosts else ""
    try:
        path = masker.mask_text(named + readable_url(ended.path.partition("?")[0]), MASK_EVERYTHING)[0]
    except MaskingError:
        path = ""
    return Entry(
        kind=EntryKind.REPORTED,
        call_id=ended.call_id or envoys_id(ended.request_id) or f"{ended.source}@{ended.started_ns}",
        time_ns=ended.started_ns + ended.duration_ns,
        request_id=ended.request_id,
        source=ended.source,
        connection=connection,
        method=ended.method,
        path=path[:PATH_MAX],
        reason=reason.value,
        rule="envoy",
        detail=ended.details,
        status=ended.status,
        duration_ms=ended.duration_ns / NANOSECONDS_PER_MILLISECOND,
        worker="envoy",
    )
