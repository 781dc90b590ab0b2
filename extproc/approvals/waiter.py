"""Waits for approvals: one query of the store serves all held calls.

It is made once per interval; of a store that tells of changes, when it does so, and every two seconds.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial

from extproc.approvals.approval import Approval, State
from extproc.approvals.change_listener import ChangeListener
from extproc.approvals.port import MOST_TICKETS, ApprovalStore
from extproc.model.errors import ApprovalError
from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND

PATIENCE_S = 5.0
"""Seconds that one query of the store, and one change of a request, may take."""


class ApprovalWaiter:
    """Waits for the approvals of one worker's held calls. Belongs to one event loop.

    The store is not queried while no call waits. Calls go on waiting while it is away: they are released only when
    it says so.
    """

    def __init__(
        self,
        store: ApprovalStore,
        poll_s: float,
        clock: Clock,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Args: ``poll_s``: least seconds between two queries; ``clock``: wall clock, for times in the store."""
        self._store = store
        self._poll_s = poll_s
        self._clock = clock
        self._patience_s = patience_s
        self._waiting: dict[str, set[asyncio.Future[Approval]]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._listener: ChangeListener | None = None
        self._closing: set[asyncio.Task[Approval]] = set()

    @property
    def waiting(self) -> int:
        """Number of calls that wait now."""
        return sum(len(futures) for futures in self._waiting.values())

    async def wait(self, approval_id: str, until_ns: int) -> Approval | None:
        """Wait until the request is closed.

        A wall clock that is set back meanwhile does not prolong the wait.

        On cancellation the request stays open: the caller that cancels also calls ``abandon``.

        Args:
            approval_id: of a stored request.
            until_ns: wall-clock nanoseconds.

        Returns:
            The closed request; None if it is still open at that time, as far as anybody can tell.

        Raises:
            ApprovalError: the worker stops.
        """
        seconds = max(0.0, (until_ns - self._clock()) / NANOSECONDS_PER_SECOND)
        future = self._register(approval_id)
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            self._unregister(approval_id, future)

    async def expire(self, approval_id: str) -> Approval:
        """Close the request as expired.

        The first to close a request decides: a request that was decided just before its expiry keeps its decision.

        Raises:
            ApprovalError: the store cannot be used.
        """
        return await self._change(self._store.expire, approval_id)

    async def issue_ticket(self, approval_id: str, at_most: int = MOST_TICKETS) -> Approval:
        """Keep the request open without a waiting call: see ``ApprovalStore.issue_ticket``.

        Raises:
            ApprovalError: the store cannot be used.
        """
        return await self._change(partial(self._store.issue_ticket, at_most=at_most), approval_id)

    async def abandon(self, approval_id: str) -> bool:
        """Note that a call waits no more, because its caller left. The noting goes on if this call is cancelled.

        Returns:
            True if it was noted. Otherwise the request expires by itself: no call waits for it.
        """
        try:
            await self._change(self._store.abandon, approval_id)
        except ApprovalError:
            return False
        return True

    async def finish(self) -> None:
        """Stop the queries, and wait for closings in the background. Call it when the worker stops."""
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
        self._fail_all()
        if self._listener is not None:
            await self._listener.finish()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _register(self, approval_id: str) -> asyncio.Future[Approval]:
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(approval_id, set()).add(future)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="approvals-poll")
        elif self._listener is not None:
            self._listener.tell()  # it may have been decided before anybody waited for it
        return future

    def _unregister(self, approval_id: str, future: asyncio.Future[Approval]) -> None:
        futures = self._waiting.get(approval_id, set())
        futures.discard(future)
        if not futures:
            self._waiting.pop(approval_id, None)

    async def _change(self, change: Callable[[str, int], Approval], approval_id: str) -> Approval:
        task = asyncio.create_task(asyncio.to_thread(change, approval_id, self._clock()), name="approvals-close")
        self._closing.add(task)
        task.add_done_callback(self._closed)
        try:
            async with asyncio.timeout(self._patience_s):
                return await asyncio.shield(task)
        except TimeoutError:
            raise ApprovalError("the approvals store did not answer in time") from None
        except ApprovalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a store raises becomes our error, which denies
            raise ApprovalError(f"the approvals store failed: {type(error).__name__}") from None

    def _closed(self, task: asyncio.Task[Approval]) -> None:
        self._closing.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as retrieved: nobody may wait any more, and asyncio would log it

    async def _poll(self) -> None:
        """Query the store until no call waits. A query that fails is made again."""
        self._listen()
        while self._waiting:
            looked = time.monotonic()
            with contextlib.suppress(Exception):  # whatever the store raises, nobody is released by it
                async with asyncio.timeout(self._patience_s):
                    for approval in await asyncio.to_thread(self._store.closed_among, list(self._waiting)):
                        self._deliver(approval)
            await self._pause(looked)

    def _listen(self) -> None:
        if self._listener is None and (changes := self._store.listen()) is not None:
            self._listener = ChangeListener(changes)

    async def _pause(self, looked: float) -> None:
        """Wait until the store tells of a change, where it does, and never less than ``poll_s``."""
        if self._listener is not None:
            await self._listener.wait()
        await asyncio.sleep(max(0.0, looked + self._poll_s - time.monotonic()))

    def _deliver(self, approval: Approval) -> None:
        if approval.state is State.PENDING:
            return
        for future in self._waiting.get(approval.request.approval_id, ()):
            if not future.done():
                future.set_result(approval)

    def _fail_all(self) -> None:
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(ApprovalError("the approvals store cannot be used"))
