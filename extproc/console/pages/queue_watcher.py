"""One watcher of the store for all open pages: each page waits for it, and none asks the store by itself."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from extproc.approvals.approval import Approval, State
from extproc.approvals.port import ApprovalStore, Changes, Filter
from extproc.console.approval_desk import LOOKED_AT, PER_CALLER
from extproc.model.errors import ApprovalError

LOOK_S = 0.25
"""Seconds between two looks at a store that cannot say that it changed."""
LISTEN_S = 5.0
"""Seconds after which a store that can say so is looked at in any case: a note about a change may get lost."""
REST, REST_MOST_S = 4, 2.0
"""A look is followed by a rest of so many times its own duration, and of at most so many seconds: a long queue
takes a part of a processor only, and does not make pages late."""
AFTER_FAILURE_S = 2.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a look at the store has shown."""

    number: int = 0
    """Rises with each change."""
    pending: tuple[Approval, ...] = ()
    others: Mapping[str, Approval] = field(default_factory=dict)
    """The requests that open pages show and that are not pending, by id."""

    def find(self, approval_id: str) -> Approval | None:
        """Return a request that a page shows; None if the store has it no more."""
        pending = (each for each in self.pending if each.request.approval_id == approval_id)
        return self.others.get(approval_id) or next(pending, None)


class QueueWatcher:
    """Looks at the store while a page is open. Belongs to one event loop."""

    def __init__(
        self, store: ApprovalStore, *, look_s: float = LOOK_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._look_s = look_s
        self._monotonic = monotonic
        self._shown: Counter[str] = Counter()
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self.snapshot = Snapshot()

    @contextlib.asynccontextmanager
    async def watching(self, approval_id: str = "") -> AsyncIterator[None]:
        """Look at the store while the block runs.

        Args:
            approval_id: of the request that the page shows; empty: the queue.
        """
        self._watchers += 1
        self._shown[approval_id] += 1
        self._asked.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="queue-watcher")
        try:
            yield
        finally:
            self._watchers -= 1
            self._shown -= Counter([approval_id])
            if not self._watchers:
                self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def newer(self, number: int, within_s: float) -> Snapshot | None:
        """Return a snapshot newer than that number, once there is one; None if there is none in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.snapshot.number <= number:
                    await self._changed.wait()
                return self.snapshot
        return None

    async def _watch(self) -> None:
        """Look and rest, by turns. The store is used from one thread, as ``Changes`` demands."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="queue-watcher")
        changes: Changes | None = None
        try:
            changes = await loop.run_in_executor(thread, self._listen)
            while True:
                began = self._monotonic()
                await self._look_once(loop, thread)
                await self._rest(loop, thread, changes, self._monotonic() - began)
        finally:
            if changes is not None:
                thread.submit(changes.close)
            thread.shutdown(wait=False)

    def _listen(self) -> Changes | None:
        """Return a listener; None where there is none, or none now: the store is then asked."""
        try:
            return self._store.listen()
        except ApprovalError:
            return None

    async def _look_once(self, loop: asyncio.AbstractEventLoop, thread: ThreadPoolExecutor) -> None:
        self._asked.clear()
        shown = [approval_id for approval_id in self._shown if approval_id]
        try:
            pending, others = await loop.run_in_executor(thread, self._look, shown)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, open pages go on
            structlog.get_logger().warning("the queue cannot be watched", error=type(error).__name__)
            await asyncio.sleep(AFTER_FAILURE_S)
            return
        if not self.snapshot.number or (pending, others) != (self.snapshot.pending, self.snapshot.others):
            self.snapshot = Snapshot(self.snapshot.number + 1, pending, others)
            self._changed.set()
            self._changed = asyncio.Event()

    def _look(self, shown: list[str]) -> tuple[tuple[Approval, ...], dict[str, Approval]]:
        wanted = Filter(states=(State.PENDING,), per_requester=PER_CALLER, limit=LOOKED_AT)
        pending = self._store.search(wanted)
        closed = self._store.closed_among(shown) if shown else []
        return (
            tuple(each for each in pending if each.state is State.PENDING),
            {each.request.approval_id: each for each in closed},
        )

    async def _rest(
        self, loop: asyncio.AbstractEventLoop, thread: ThreadPoolExecutor, changes: Changes | None, took_s: float
    ) -> None:
        """Wait until the store or a new page gives reason to look again."""
        if changes is not None:
            told = loop.run_in_executor(thread, changes.wait, LISTEN_S)
            await asyncio.wait([told])
            await asyncio.sleep(_rest_s(took_s))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(self._look_s, _rest_s(took_s))):
                await self._asked.wait()


def _rest_s(took_s: float) -> float:
    return min(took_s * REST, REST_MOST_S)
