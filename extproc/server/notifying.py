"""Notifications in the control process: the notifier, and what health checks tell of it."""

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from extproc.approvals.port import ApprovalStore
from extproc.assembly.make_notifications import open_notifier
from extproc.concurrency.background import background
from extproc.config.schema import Settings
from extproc.model.errors import ApprovalError, NotificationError
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.notifier import Notifier
from extproc.notifications.outbox import FILE
from extproc.server.notification_metrics import NotificationMetrics


@dataclass
class Notifying:
    """What runs; nothing where no target is configured."""

    notifier: Notifier | None = None
    fault: str = ""
    """Why nothing runs although targets are configured."""

    def facts(self) -> dict[str, str]:
        """Return the state in words, for the health check's answer. A target that fails is no fault of control."""
        if self.notifier is None:
            return {"notifications": self.fault} if self.fault else {}
        return {"notifications": self.notifier.trouble or _in_words(self.notifier, time.time_ns())}


@contextlib.asynccontextmanager
async def notifying(settings: Settings, store: ApprovalStore, *, public_url: str) -> AsyncIterator[Notifying]:
    """Notify while the block runs. An outbox that cannot be used is logged: calls, votes and evidence go on."""
    if not settings.notifications.targets:
        yield Notifying()
        return
    metrics = NotificationMetrics(tuple(settings.notifications.targets))
    file = settings.state / FILE
    async with contextlib.AsyncExitStack() as opened:
        try:
            notifier = await opened.enter_async_context(
                open_notifier(settings.notifications, file, store, public_url=public_url, observer=metrics)
            )
        except (NotificationError, ApprovalError) as error:
            structlog.get_logger().error("nobody is notified of approvals", why=str(error))
            yield Notifying(fault=str(error))
            return
        await opened.enter_async_context(background(notifier.run()))
        yield Notifying(notifier)


def _in_words(notifier: Notifier, now_ns: int) -> str:
    queued = sum(each.queued for each in notifier.backlog)
    failed = sum(each.failed for each in notifier.backlog)
    oldest_ns = min((each.oldest_ns for each in notifier.backlog if each.oldest_ns), default=now_ns)
    waits_s = max(0, now_ns - oldest_ns) // NANOSECONDS_PER_SECOND
    return f"{queued} queued, the oldest for {waits_s} s; {failed} failed"
