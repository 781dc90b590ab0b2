"""Waiting for people: one look at the store per tick, however many calls are held."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from extproc.approvals.port import Approval, ApprovalStore, State
from extproc.model.errors import ApprovalError
from extproc.model.ids import Clock

PATIENCE_S = 5.0
"""How long looks at the store may go on failing before the held calls are denied, and how long one closing
of a request may take."""
NANOSECONDS = 1_000_000_000


class ApprovalWaiter:
    """Waits for approvals on behalf of one worker's held calls. Lives on one event loop.

    While nothing waits, nothing asks the store.
    """

    def __init__(
        self,
        store: ApprovalStore,
        poll_s: float,
        clock: Clock,
        *,
        patience_s: float = PATIENCE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args: ``poll_s``: seconds between two looks; ``clock``: wall clock, for what the store keeps."""
        self._store = store
        self._poll_s = poll_s
        self._clock = clock
        self._patience_s = patience_s
        self._monotonic = monotonic
        self._waiting: dict[str, set[asyncio.Future[Approval]]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[Approval]] = set()

    @property
    def waiting(self) -> int:
        """How many calls wait now."""
        return sum(len(futures) for futures in self._waiting.values())

    async def wait(self, approval_id: str, deadline_ns: int) -> Approval:
        """Wait until the request is closed, and close it as expired at the deadline.

        A request that was decided just then keeps its decision, and that is returned: whoever closed it
        first has the word. A wall clock that is set back meanwhile does not prolong the wait.

        On cancellation the request stays open: whoever cancels calls ``abandon``.

        Args:
            approval_id: of a request that is stored already.
            deadline_ns: wall-clock nanoseconds.

        Raises:
            ApprovalError: the store could not be asked for longer than the limit.
        """
        seconds = max(0.0, (deadline_ns - self._clock()) / NANOSECONDS)
        future = self._register(approval_id)
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return await self._close(approval_id, State.EXPIRED)
        finally:
            self._unregister(approval_id, future)

    async def abandon(self, approval_id: str) -> bool:
        """Close the request as cancelled, because its caller left. Goes on when this wait is cancelled itself.

        Returns:
            Whether the store took it. When it did not, the request expires by itself: nothing waits for it.
        """
        try:
            await self._close(approval_id, State.CANCELLED)
        except ApprovalError:
            return False
        return True

    async def finish(self) -> None:
        """Stop looking, and let closings that go on in the background end. Call when the worker stops."""
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
        self._fail_all()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _register(self, approval_id: str) -> asyncio.Future[Approval]:
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(approval_id, set()).add(future)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="approvals-poll")
        return future

    def _unregister(self, approval_id: str, future: asyncio.Future[Approval]) -> None:
        futures = self._waiting.get(approval_id, set())
        futures.discard(future)
        if not futures:
            self._waiting.pop(approval_id, None)

    async def _close(self, approval_id: str, state: State) -> Approval:
        work = asyncio.to_thread(self._store.cancel, approval_id, state, self._clock())
        task = asyncio.create_task(work, name="approvals-close")
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
            task.exception()  # Seen: nobody may be left to see it, and asyncio would log it.

    async def _poll(self) -> None:
        """Look until nothing waits. Failing looks are borne for ``patience_s``; then all who wait are told."""
        good = self._monotonic()
        while self._waiting:
            await asyncio.sleep(self._poll_s)
            ids = list(self._waiting)
            if not ids:
                return
            try:
                async with asyncio.timeout(self._patience_s):
                    closed = await asyncio.to_thread(self._store.closed_among, ids)
            except Exception:  # noqa: BLE001 - whatever the store raises denies in the end
                if self._monotonic() - good >= self._patience_s:
                    self._fail_all()
                continue
            good = self._monotonic()
            for approval in closed:
                self._deliver(approval)

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
                    future.set_exception(ApprovalError("the approvals store cannot be asked"))
