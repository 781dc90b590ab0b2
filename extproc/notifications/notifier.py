"""The part of the control process that notifies: one thread watches approvals, one task serves each target.

Nothing that calls or votes do waits for it.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from extproc.approvals.port import ApprovalStore, Changes
from extproc.concurrency.background import cancel
from extproc.model.errors import ApprovalError, NotificationError
from extproc.model.ids import Clock
from extproc.notifications.delivery import DeliveryObserver, TargetDelivery
from extproc.notifications.outbox import Backlog, Outbox
from extproc.notifications.watch import ApprovalWatch

POLL_S = 0.25
"""Seconds between two looks at a store that can only be asked."""
POLL_SHARE = 4
"""A look that takes long is repeated after so many times its own time, at the earliest."""
LISTEN_S = 2.0
"""Most seconds between two looks at a store that tells of changes."""
AGAIN_S = 5.0
"""Seconds after an unforeseen error of a target's task until it is begun again."""
COUNT_EVERY_S = 5.0
SWEEP_EVERY = 720
"""Counts between two sweeps: an hour."""


@dataclass(frozen=True)
class NotifierParts:
    """What a notifier runs."""

    outbox: Outbox
    watch: ApprovalWatch
    store: ApprovalStore
    deliveries: Sequence[TargetDelivery]
    observer: DeliveryObserver
    clock: Clock


class Notifier:
    """Notifies until it is cancelled. Belongs to one event loop."""

    def __init__(self, parts: NotifierParts) -> None:
        """Start nothing yet."""
        self._parts = parts
        self._stop = threading.Event()
        self._backlog: list[Backlog] = []
        self._trouble = ""

    @property
    def backlog(self) -> list[Backlog]:
        """What waits, as it was counted last."""
        return self._backlog

    @property
    def trouble(self) -> str:
        """Why approvals cannot be watched now; empty if they can."""
        return self._trouble

    async def run(self) -> None:
        """Notify until this is cancelled."""
        loop = asyncio.get_running_loop()
        watching = threading.Thread(target=self._watch, args=(loop,), name="notify-watch", daemon=True)
        watching.start()
        tasks = [asyncio.create_task(self._keep(each)) for each in self._parts.deliveries]
        try:
            await self._count()
        finally:
            self._stop.set()
            for task in tasks:
                await cancel(task)
            await asyncio.to_thread(watching.join)

    async def _keep(self, delivery: TargetDelivery) -> None:
        """Deliver to a target for good: an unforeseen error of one message ends neither its task nor others."""
        while True:
            try:
                await delivery.run()
            except Exception as error:  # noqa: BLE001 - its text may hold a value
                structlog.get_logger().error("notifying broke", target=delivery.name, error=type(error).__name__)
            await asyncio.sleep(AGAIN_S)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        changes: Changes | None = None
        listening = False
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                if not listening:
                    changes, listening = self._parts.store.listen(), True
                found = self._parts.watch.look()
                self._say("")
                if found.dropped:
                    self._parts.observer.dropped(found.dropped)
                if found.queued and not self._stop.is_set():
                    loop.call_soon_threadsafe(self._wake)
            except (ApprovalError, NotificationError) as error:
                self._say(str(error))
            except Exception as error:  # noqa: BLE001 - its text may hold a value
                self._say(f"unforeseen: {type(error).__name__}")
            self._wait(changes, POLL_SHARE * (time.monotonic() - began_s))
        if changes is not None:
            changes.close()

    def _wait(self, changes: Changes | None, least_s: float) -> None:
        if changes is None or self._trouble:
            self._stop.wait(max(least_s, LISTEN_S if self._trouble else POLL_S))
            return
        self._stop.wait(least_s)
        try:
            changes.wait(LISTEN_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look finds what has changed
            structlog.get_logger().warning("no changes of approvals are heard", error=type(error).__name__)
            self._stop.wait(LISTEN_S)

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            log = structlog.get_logger()
            (log.error if trouble else log.info)("watching approvals", trouble=trouble or "none")
        self._trouble = trouble

    def _wake(self) -> None:
        for each in self._parts.deliveries:
            each.wake.set()

    async def _count(self) -> None:
        counted = 0
        while True:
            try:
                if counted % SWEEP_EVERY == 0:
                    await asyncio.to_thread(self._parts.outbox.sweep, self._parts.clock())
                self._backlog = await asyncio.to_thread(self._parts.outbox.backlog)
            except NotificationError as error:
                structlog.get_logger().error("the outbox of notifications cannot be used", error=str(error))
            self._parts.observer.counted(self._backlog, self._parts.clock())
            counted += 1
            await asyncio.sleep(COUNT_EVERY_S)
