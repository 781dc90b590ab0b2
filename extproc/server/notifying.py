"""Notifications in the control process: the notifier, clicks of Slack, and what health checks tell of them."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import structlog
from starlette.types import ASGIApp

from extproc.approvals.port import ApprovalStore
from extproc.assembly.make_notifications import OpenNotifier, open_notifier
from extproc.concurrency.background import background
from extproc.config.schema import Settings
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.slack_interactions import SlackApp, SlackDesk, slack_app, with_slack
from extproc.identity.jwt_metadata import normalized_person
from extproc.model.errors import ApprovalError, NotificationError
from extproc.model.identity import Identity
from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.notifier import Notifier
from extproc.notifications.outbox import FILE
from extproc.notifications.slack.slack_api import SlackApi
from extproc.server.notification_metrics import NotificationMetrics
from extproc.settings.notifications import SlackUser


@dataclass
class Notifying:
    """What runs; nothing where no target is configured."""

    opened: OpenNotifier | None = None
    fault: str = ""
    """Why nothing runs although targets are configured."""

    def facts(self) -> dict[str, str]:
        """Return the state in words, for the health check's answer. A target that fails is no fault of control."""
        if self.opened is None:
            return {"notifications": self.fault} if self.fault else {}
        notifier = self.opened.notifier
        return {"notifications": notifier.trouble or _in_words(notifier, time.time_ns())}

    def console(
        self, console: ASGIApp, settings: Callable[[], Settings], desk: Callable[[], ApprovalDesk], clock: Clock
    ) -> ASGIApp:
        """Return the console with the endpoint of Slack's clicks, where a Slack channel is configured.

        Args:
            console: everything else.
            settings: returns the configuration in force.
            desk: returns the desk under that configuration.
            clock: wall clock.
        """
        targets = settings().notifications.targets.values()
        if self.opened is None or not any(each.slack for each in targets):
            return console
        slack = SlackDesk(
            apps=[
                SlackApp(each.slack, SlackApi(each.slack, self.opened.poster)) for each in targets if each.slack
            ],
            desk=desk,
            identify=lambda user: identity_of(user, settings()),
            roles=lambda: settings().control.roles,
            first_time=self.opened.outbox.first_time,
            public_url=settings().control.public_url or "",
            clock=clock,
        )
        return with_slack(console, slack_app(slack))


def identity_of(user: SlackUser, settings: Settings) -> Identity | None:
    """Return the person behind a member of Slack; None if the provider is not configured, or not for approvers."""
    provider = settings.identity.providers.get(user.provider)
    accepted = settings.control.approver_providers
    if provider is None or (accepted and user.provider not in accepted):
        return None
    person = normalized_person(user.person) if provider.claims.person else ""
    return Identity(provider.issuer, user.subject, tuple(user.groups), person=person)


@contextlib.asynccontextmanager
async def notifying(settings: Settings, store: ApprovalStore, *, public_url: str) -> AsyncIterator[Notifying]:
    """Notify while the block runs. An outbox that cannot be used is logged: calls, votes and evidence go on."""
    if not settings.notifications.targets:
        yield Notifying()
        return
    metrics = NotificationMetrics(tuple(settings.notifications.targets))
    file = settings.state / FILE
    async with contextlib.AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(
                open_notifier(settings.notifications, file, store, public_url=public_url, observer=metrics)
            )
        except (NotificationError, ApprovalError) as error:
            structlog.get_logger().error("nobody is notified of approvals", why=str(error))
            yield Notifying(fault=str(error))
            return
        await stack.enter_async_context(background(opened.notifier.run()))
        yield Notifying(opened)


def _in_words(notifier: Notifier, now_ns: int) -> str:
    queued = sum(each.queued for each in notifier.backlog)
    failed = sum(each.failed for each in notifier.backlog)
    oldest_ns = min((each.oldest_ns for each in notifier.backlog if each.oldest_ns), default=now_ns)
    waits_s = max(0, now_ns - oldest_ns) // NANOSECONDS_PER_SECOND
    return f"{queued} queued, the oldest for {waits_s} s; {failed} failed"
