"""Watch the approvals store, and queue what has to be told. Events follow from states, so none is lost.

What happened while no control process ran is found at its next start: new approvals by their absence from the
outbox, decisions by the approvals that the outbox knows as open.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from extproc.approvals.approval import Approval, State
from extproc.approvals.port import ApprovalStore, Filter
from extproc.model.ids import Clock
from extproc.model.notification_events import NotificationEvent
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.notice import Notice, make_notice
from extproc.notifications.outbox import Outbox, Watched
from extproc.notifications.recipients import Targets, broke_glass_ns, events_of, recipients

NEWEST = 25
"""Approvals that a pass reads. It reads more pages until one has nothing new."""
PAGE = 500
AT_ONCE = 500
"""Most approvals in one transaction of the outbox."""
PAGES_MAX = 200
SWEEP_EVERY_NS = 10 * NANOSECONDS_PER_SECOND
"""Nanoseconds between two readings of all pending approvals: replicas' clocks differ, so ids can come late."""
SWEEP_SHARE = 20
"""A reading that takes long is repeated after so many times its own time, at the earliest."""
LONGEST_NS = 600 * NANOSECONDS_PER_SECOND
"""Most nanoseconds between two readings."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass has done."""

    queued: int
    """Notices."""
    dropped: int
    """Deliveries for which there was no room."""


class ApprovalWatch:
    """Watches one store. Belongs to one thread at a time."""

    def __init__(
        self,
        store: ApprovalStore,
        outbox: Outbox,
        targets: Targets,
        *,
        public_url: str,
        recent_ns: int,
        clock: Clock,
    ) -> None:
        """Begin where the outbox has ended.

        Args:
            store: of approvals; it is only read.
            outbox: takes the notices.
            targets: their settings, by name.
            public_url: address of the console, without a slash at its end; empty: no links.
            recent_ns: nanoseconds for which a decision is told of an approval that nobody was told of.
            clock: wall clock.

        Raises:
            NotificationError: the outbox cannot be used.
        """
        self._store, self._outbox, self._targets = store, outbox, targets
        self._public_url, self._recent_ns, self._clock = public_url, recent_ns, clock
        self._began_ns = outbox.began_ns(clock())
        known = outbox.watched()
        self._known = set(known)
        self._open = {each.approval_id: each.expires_ns for each in known.values() if each.open}
        self._glass: set[str] = set()
        self._expiring: list[tuple[int, str, str]] = []
        self._next_sweep_ns = 0
        for each in known.values():
            self._plan_expiring(each)

    def look(self) -> Found:
        """Look once, and queue what has to be told.

        Raises:
            ApprovalError, NotificationError: a store cannot be used. Nothing is lost: the next look finds it.
        """
        now_ns = self._clock()
        found = Found(0, 0)
        for some in _some(self._changed(now_ns)):
            found = self._record(some, now_ns, found)
        return self._expire(now_ns, found)

    def _changed(self, now_ns: int) -> Iterator[Approval]:
        """Yield approvals that are new, or closed, or released by break-glass, since the last look."""
        yield from self._pages(Filter(limit=NEWEST))
        if self._open:
            yield from self._store.closed_among(list(self._open))
        if now_ns >= self._next_sweep_ns or self._next_sweep_ns > now_ns + LONGEST_NS:
            began_ns = self._clock()
            yield from self._pages(Filter(states=(State.PENDING,), limit=PAGE), all_pages=True)
            took_ns = max(0, self._clock() - began_ns)
            self._next_sweep_ns = now_ns + min(LONGEST_NS, max(SWEEP_EVERY_NS, SWEEP_SHARE * took_ns))

    def _pages(self, wanted: Filter, *, all_pages: bool = False) -> Iterator[Approval]:
        before = ""
        for _ in range(PAGES_MAX):
            page = self._store.search(
                Filter(states=wanted.states, before_id=before, limit=PAGE if before else wanted.limit)
            )
            fresh = [each for each in page if self._is_news(each)]
            yield from fresh
            if not page or not (fresh or all_pages):
                return
            before = page[-1].request.approval_id

    def _is_news(self, approval: Approval) -> bool:
        approval_id = approval.request.approval_id
        closed = approval.state is not State.PENDING and approval_id in self._open
        glass = broke_glass_ns(approval) > 0 and approval_id not in self._glass
        return approval_id not in self._known or closed or glass

    def _record(self, some: list[Approval], now_ns: int, found: Found) -> Found:
        unique = {each.request.approval_id: each for each in some}
        notices = [notice for each in unique.values() for notice in self._notices(each, now_ns)]
        watched = [
            Watched(
                each.request.approval_id,
                each.request.created_ns,
                each.request.expires_ns,
                each.state is State.PENDING,
            )
            for each in unique.values()
        ]
        dropped = self._outbox.record(notices, watched, now_ns)
        for approval, each in zip(unique.values(), watched, strict=True):
            self._remember(approval, each)
        return Found(found.queued + len(notices), found.dropped + dropped)

    def _notices(self, approval: Approval, now_ns: int) -> Iterator[tuple[Notice, list[str]]]:
        request = approval.request
        since_ns = max(self._began_ns, now_ns - self._recent_ns)
        if broke_glass_ns(approval) >= self._began_ns:
            yield self._notice(approval, NotificationEvent.BREAK_GLASS)
        known, was_open = request.approval_id in self._known, request.approval_id in self._open
        if known and not was_open:
            return
        for event in events_of(approval, known=known, since_ns=since_ns):
            yield self._notice(approval, event)

    def _notice(self, approval: Approval, event: NotificationEvent) -> tuple[Notice, list[str]]:
        request = approval.request
        names = recipients(self._targets, event, request.function, request.groups)
        return make_notice(approval, event, self._public_url), names

    def _remember(self, approval: Approval, watched: Watched) -> None:
        approval_id = watched.approval_id
        if broke_glass_ns(approval):
            self._glass.add(approval_id)
        if watched.open and approval_id not in self._open:
            self._open[approval_id] = watched.expires_ns
            self._plan_expiring(watched)
        elif not watched.open:
            self._open.pop(approval_id, None)
        self._known.add(approval_id)

    def _plan_expiring(self, watched: Watched) -> None:
        for name, target in self._targets.items():
            due_ns = watched.expires_ns - int(target.expiring_before * NANOSECONDS_PER_SECOND)
            # An approval that is as short as this has just been announced.
            if watched.open and target.wants(NotificationEvent.EXPIRING) and due_ns > watched.created_ns:
                heapq.heappush(self._expiring, (due_ns, watched.approval_id, name))

    def _expire(self, now_ns: int, found: Found) -> Found:
        """Queue what is about to expire."""
        due: dict[str, list[str]] = {}
        while self._expiring and self._expiring[0][0] <= now_ns and len(due) < AT_ONCE:
            _, approval_id, target = heapq.heappop(self._expiring)
            if self._open.get(approval_id, 0) > now_ns:
                due.setdefault(approval_id, []).append(target)
        notices = []
        for approval_id, names in due.items():
            approval = self._store.get(approval_id)
            if approval is not None and approval.state is State.PENDING:
                notice, wanted = self._notice(approval, NotificationEvent.EXPIRING)
                notices.append((notice, [name for name in names if name in wanted]))
        dropped = self._outbox.record(notices, (), now_ns) if notices else 0
        return Found(found.queued + len(notices), found.dropped + dropped)


def _some(approvals: Iterable[Approval]) -> Iterator[list[Approval]]:
    some: list[Approval] = []
    for each in approvals:
        some.append(each)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some
