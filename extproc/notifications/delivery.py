"""Deliver what is queued for one target, a message at a time and at its pace. No target waits for another."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from extproc.model.errors import DeliveryFailed, NotificationError
from extproc.model.ids import Clock
from extproc.model.notification_events import NotificationEvent
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.grouped import Group, make_group
from extproc.notifications.notice import Notice
from extproc.notifications.outbox import Backlog, Delivery, Outbox
from extproc.notifications.pacing import Pace, retry_after_s
from extproc.notifications.senders.sender import Message, Sender

LOOKED_AT = 10_000
"""Most deliveries in one group."""
IDLE_S = 5.0
"""Most seconds between two looks, if nothing wakes the loop."""
STORE_DOWN_S = 2.0
PAUSE_AFTER = 3
"""Failures in a row from which the target is left alone for a while."""
LONGEST_PAUSE_S = 60.0


class DeliveryObserver:
    """Is told what becomes of messages. Does nothing; a process overrides it."""

    def sent(self, target: str, deliveries: int) -> None:
        """A message was taken, which told so many events."""

    def failed(self, target: str, deliveries: int) -> None:
        """So many events were given up."""

    def attempt_failed(self, target: str) -> None:
        """An attempt failed, and will be repeated."""

    def dropped(self, deliveries: int) -> None:
        """So many events were not queued."""

    def counted(self, backlog: list[Backlog], now_ns: int) -> None:
        """What waits was counted."""


@dataclass(slots=True)
class TargetDelivery:
    """The deliveries of one target. Belongs to one event loop."""

    name: str
    sender: Sender
    outbox: Outbox
    pace: Pace
    public_url: str
    """For the link of a group."""
    retry_for_ns: int
    clock: Clock
    """Wall clock."""
    monotonic: Callable[[], float]
    chance: Callable[[], float]
    """A random number from 0 to 1."""
    observer: DeliveryObserver
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    """In a row."""

    async def run(self) -> None:
        """Deliver until it is cancelled."""
        while True:
            self.wake.clear()
            try:
                wait_s = await self.step()
            except NotificationError as error:
                structlog.get_logger().error("the outbox of notifications cannot be used", error=str(error))
                wait_s = STORE_DOWN_S
            if wait_s > 0:
                await self._rest(wait_s)

    async def step(self) -> float:
        """Send at most one message.

        Returns:
            Seconds until the next step is worth it; 0: at once.
        """
        now_ns = self.clock()
        given_up = await asyncio.to_thread(
            self.outbox.settle, self.name, now_ns, self.retry_for_ns, for_people=self.sender.for_people
        )
        if given_up:
            self._gave_up(given_up, "not sent in time")
        left = self.pace.left(self.monotonic())
        if left < 1:
            return self.pace.wait_s()
        due = await asyncio.to_thread(self.outbox.due, self.name, now_ns, left + 1)
        if not due:
            return await self._until_due(now_ns)
        await self._send(await asyncio.to_thread(self._choose, due, left, now_ns))
        return self._pause_s()

    def _choose(self, due: list[Delivery], left: int, now_ns: int) -> list[Delivery]:
        """Return what goes into one message: one event; many if there are more than the pace allows."""
        first = due[0]
        if first.batch:
            return self.outbox.of_batch(self.name, first.batch)
        if _alone(first) or len(due) <= left:
            return [first]
        every = self.outbox.due(self.name, now_ns, LOOKED_AT)
        loose = [each for each in every if not each.batch and not _alone(each)]
        return loose if len(loose) > left else [first]

    async def _send(self, chosen: list[Delivery]) -> None:
        content = await asyncio.to_thread(self._content, chosen)
        now_ns = self.clock()
        if content is None:
            await asyncio.to_thread(self.outbox.failed, chosen, now_ns, "its text is not kept any more")
            self._gave_up(len(chosen), "its text is not kept any more")
            return
        message_id = _message_id(chosen)
        attempts = max(each.attempts for each in chosen) + 1
        next_ns = now_ns + _ns(retry_after_s(attempts, self.chance()))
        group = message_id if len(chosen) > 1 else ""
        await asyncio.to_thread(self.outbox.begin, chosen, next_ns, chosen[0].batch or group)
        self.pace.take()
        try:
            await self.sender.send(Message(message_id, content, now_ns))
        except DeliveryFailed as error:
            await self._failed(chosen, error, next_ns)
            return
        self.failures = 0
        await asyncio.to_thread(self.outbox.sent, chosen, self.clock())
        self.observer.sent(self.name, len(chosen))

    def _content(self, chosen: list[Delivery]) -> Notice | Group | None:
        if len(chosen) == 1 and not chosen[0].batch:
            return self.outbox.notice(chosen[0])
        return make_group([(each.approval_id, each.event, each.function) for each in chosen], self.public_url)

    async def _failed(self, chosen: list[Delivery], error: DeliveryFailed, next_ns: int) -> None:
        self.failures += 1
        now_ns = self.clock()
        if error.permanent:
            await asyncio.to_thread(self.outbox.failed, chosen, now_ns, str(error))
            self._gave_up(len(chosen), str(error))
            return
        asked_ns = now_ns + _ns(min(error.retry_after_s, LONGEST_PAUSE_S * 5))
        await asyncio.to_thread(self.outbox.later, chosen, max(next_ns, asked_ns), str(error))
        self.observer.attempt_failed(self.name)
        structlog.get_logger().warning("notification not sent", target=self.name, why=str(error))

    def _gave_up(self, count: int, why: str) -> None:
        self.observer.failed(self.name, count)
        structlog.get_logger().error("notifications given up", target=self.name, count=count, why=why)

    def _pause_s(self) -> float:
        """Return how long a target is left alone that fails again and again."""
        if self.failures < PAUSE_AFTER:
            return 0.0
        return min(LONGEST_PAUSE_S, 2.0 ** min(self.failures - PAUSE_AFTER, 10)) * (1 + self.chance()) / 2

    async def _until_due(self, now_ns: int) -> float:
        next_ns = await asyncio.to_thread(self.outbox.next_ns, self.name, now_ns)
        if not next_ns:
            return IDLE_S
        return min(IDLE_S, max(0.01, (next_ns - now_ns) / NANOSECONDS_PER_SECOND))

    async def _rest(self, wait_s: float) -> None:
        if self.failures >= PAUSE_AFTER:
            await asyncio.sleep(wait_s)  # news do not make the target answer
            return
        try:
            async with asyncio.timeout(wait_s):
                await self.wake.wait()
        except TimeoutError:
            return


def _alone(delivery: Delivery) -> bool:
    """Return whether it is never told in a group: it is too important, or adds no message."""
    return delivery.event is NotificationEvent.BREAK_GLASS or delivery.replaces


def _message_id(chosen: list[Delivery]) -> str:
    """Return the id of a message: the same for each attempt, also after a crash."""
    if chosen[0].batch:
        return chosen[0].batch
    text = "\n".join("|".join(each.key) for each in chosen)
    return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _ns(seconds: float) -> int:
    return int(seconds * NANOSECONDS_PER_SECOND)
