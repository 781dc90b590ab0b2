"""The event stream of a page: what changed, as this visitor sees it.

Source: HTML Standard section 9.2 (server-sent events).
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from extproc.approvals.approval import Approval
from extproc.console.pages.queue_watcher import QueueWatcher, Snapshot
from extproc.console.sign_in.session import Session
from extproc.model.units import NANOSECONDS_PER_SECOND

HEARTBEAT_S = 15.0
"""Seconds after which a comment says that the stream lives, so that proxies do not end it."""
CHECK_S = 2.0
"""Seconds between two looks at whether the session still lives."""
RETRY_MS = 2_000
"""Milliseconds after which a browser connects again."""
SEEN_LENGTH = 16

View = Callable[[Session, Snapshot], tuple[str, Mapping[str, Any]] | None]
"""What a page shows somebody of a snapshot: a text that stays the same while nothing changes for it, and the data
of the event. None if the page shows nothing of it."""


async def live_events(
    watcher: QueueWatcher,
    opened: AbstractContextManager[asyncio.Event],
    *,
    name: str,
    approval_id: str,
    view: View,
    seen: str,
    who: Callable[[], Session | None],
    is_in_force: Callable[[], bool] = lambda: True,
) -> AsyncIterator[str]:
    """Yield the lines of a stream until the session ends or a newer page takes its place.

    A stream begins with what the page shows now, unless the page has seen that: so a page that lost its connection
    misses nothing. It shows what the visitor may see now: groups and roles can change while it is open.

    Args:
        watcher: shared by all pages.
        opened: counts the stream, and gives the event that ends it.
        name: of the events.
        approval_id: of the request that the page shows; empty: the queue.
        view: renders a snapshot for this visitor. Called in a thread.
        seen: what the page has seen last, as ``view`` or the id of an event says it; empty: nothing.
        who: returns the session as it is now; None if it has ended. Called in a thread.
        is_in_force: returns False when another configuration is in force: the stream then ends, and the browser
            opens another one.
    """
    with opened as replaced:
        async with watcher.watching(approval_id):
            yield f"retry: {RETRY_MS}\n\n"
            number, quiet_s, rights = 0, 0.0, None
            while not replaced.is_set():
                if not is_in_force():
                    return
                by = await asyncio.to_thread(who)
                if by is None:
                    yield event("ended", {})
                    return
                if rights != (by.identity, by.roles):
                    rights, number = (by.identity, by.roles), 0
                snapshot = await watcher.newer(number, CHECK_S)
                if snapshot is None:
                    quiet_s += CHECK_S
                    if quiet_s >= HEARTBEAT_S:
                        quiet_s = 0.0
                        yield ": still here\n\n"
                    continue
                number, quiet_s = snapshot.number, 0.0
                shown = await asyncio.to_thread(view, by, snapshot)
                if shown is not None and shown[0] != seen:
                    seen = shown[0]
                    yield event(name, shown[1], seen)
            yield event("replaced", {})


def event(name: str, data: Mapping[str, Any], seen: str = "") -> str:
    """Return one event. Its data is JSON, which has no line ends; its id tells what the page has seen with it."""
    named = f"id: {seen}\n" if seen else ""
    return f"event: {name}\n{named}data: {json.dumps(data)}\n\n"


def queue_seen(approvals: Iterable[Approval]) -> str:
    """Name the requests that wait as a visitor sees them, in any order."""
    return _named(sorted(f"{each.request.approval_id}:{len(each.counted)}:{each.ticketed}" for each in approvals))


def request_seen(approval: Approval) -> str:
    """Name how a request stands."""
    votes = [vote.withdrawn_ns for vote in approval.votes]
    return _named([approval.state.value, str(approval.ticketed), str(approval.spent_ns), str(votes)])


def _named(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:SEEN_LENGTH]


def milliseconds(time_ns: int) -> int:
    """Return a moment in milliseconds, as JavaScript counts."""
    return time_ns * 1_000 // NANOSECONDS_PER_SECOND
