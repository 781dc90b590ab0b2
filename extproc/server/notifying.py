"""Notifications in the control process: the notifier, clicks of Slack, and what health checks tell of them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

import structlog
from starlette.types import ASGIApp

from extproc.approvals.port import ApprovalStore
from extproc.assembly.make_notifications import OpenNotifier, open_notifier
from extproc.concurrency.background import background
from extproc.config.schema import Settings
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.slack_interactions import SlackApp, SlackDesk, slack_app, with_slack
from extproc.identity.jwt_metadata import normalized_person
from extproc.model.errors import NotificationError
from extproc.model.identity import Identity
from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.notifier import Notifier
from extproc.notifications.outbox import FILE
from extproc.notifications.slack.slack_api import SlackApi
from extproc.server.notification_metrics import NotificationMetrics
from extproc.settings.notifications import SlackUser

FOLLOW_S = 0.5
"""Seconds between two looks whether the configuration has changed."""
AGAIN_S = 60.0
"""Seconds after which an outbox that could not be used is tried again."""


class Notifying:
    """Notifies under whichever configuration is in force. Belongs to one event loop."""

    def __init__(self, settings: Callable[[], Settings], store: ApprovalStore) -> None:
        """Start nothing yet.

        Args:
            settings: returns the configuration in force.
            store: of approvals; it is only read.
        """
        self._settings, self._store = settings, store
        self._opened: OpenNotifier | None = None
        self._fault = ""
        self.ready = asyncio.Event()
        """Set when the first configuration is followed."""

    async def run(self) -> None:
        """Notify until this is cancelled. What cannot run is logged: calls, votes and evidence go on."""
        while True:
            settings = self._settings()
            wanted = _relevant(settings)
            async with contextlib.AsyncExitStack() as stack:
                try:
                    await self._open(stack, settings)
                except Exception as error:  # noqa: BLE001 - its text may hold a value
                    self._fault = str(error) if isinstance(error, NotificationError) else type(error).__name__
                    structlog.get_logger().error("nobody is notified of approvals", why=self._fault)
                self.ready.set()
                await self._until_changed(wanted)
                self._opened, self._fault = None, ""

    async def _open(self, stack: contextlib.AsyncExitStack, settings: Settings) -> None:
        if not settings.notifications.targets:
            return
        metrics = NotificationMetrics(tuple(settings.notifications.targets))
        stack.callback(metrics.close)
        file, url = settings.state / FILE, settings.control.public_url or ""
        opening = open_notifier(settings.notifications, file, self._store, public_url=url, observer=metrics)
        opened = await stack.enter_async_context(opening)
        await stack.enter_async_context(background(opened.notifier.run()))
        self._opened = opened

    async def _until_changed(self, wanted: tuple[object, ...]) -> None:
        again_s = time.monotonic() + AGAIN_S if self._fault else float("inf")
        while _relevant(self._settings()) == wanted and time.monotonic() < again_s:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(FOLLOW_S)

    def facts(self) -> dict[str, str]:
        """Return the state in words, for the health check's answer. A target that fails is no fault of control."""
        if self._opened is None:
            return {"notifications": self._fault} if self._fault else {}
        notifier = self._opened.notifier
        return {"notifications": notifier.trouble or _in_words(notifier, time.time_ns())}

    def console(self, console: ASGIApp, desk: Callable[[], ApprovalDesk], clock: Clock) -> ASGIApp:
        """Return the console with the endpoint of Slack's clicks, while a Slack channel is configured.

        Args:
            console: everything else.
            desk: returns the desk under the configuration in force.
            clock: wall clock.
        """
        slack = SlackDesk(
            apps=self._apps,
            desk=desk,
            identify=lambda user: identity_of(user, self._settings()),
            roles=lambda: self._settings().control.roles,
            first_time=self._first_time,
            public_url=lambda: self._settings().control.public_url or "",
            clock=clock,
        )
        return with_slack(console, slack_app(slack), lambda: bool(self._apps()))

    def _apps(self) -> Sequence[SlackApp]:
        if self._opened is None:
            return ()
        poster = self._opened.poster
        channels = [each.slack for each in self._settings().notifications.targets.values() if each.slack]
        return [SlackApp(each, SlackApi(each, poster)) for each in channels]

    def _first_time(self, key: str, now_ns: int) -> bool:
        if self._opened is None:
            raise NotificationError("no outbox is open")
        return self._opened.outbox.first_time(key, now_ns)


def identity_of(user: SlackUser, settings: Settings) -> Identity | None:
    """Return the person behind a member of Slack; None if the provider is not configured, or not for approvers."""
    provider = settings.identity.providers.get(user.provider)
    accepted = settings.control.approver_providers
    if provider is None or (accepted and user.provider not in accepted):
        return None
    person = normalized_person(user.person) if provider.claims.person else ""
    return Identity(provider.issuer, user.subject, tuple(user.groups), person=person)


@contextlib.asynccontextmanager
async def notifying(settings: Callable[[], Settings], store: ApprovalStore) -> AsyncIterator[Notifying]:
    """Notify while the block runs.

    Args:
        settings: returns the configuration in force.
        store: of approvals; it is only read.
    """
    made = Notifying(settings, store)
    async with background(made.run()):
        await made.ready.wait()
        yield made


def _relevant(settings: Settings) -> tuple[object, ...]:
    """Return what the notifier is made of."""
    return settings.notifications, settings.control.public_url


def _in_words(notifier: Notifier, now_ns: int) -> str:
    queued = sum(each.queued for each in notifier.backlog)
    failed = sum(each.failed for each in notifier.backlog)
    oldest_ns = min((each.oldest_ns for each in notifier.backlog if each.oldest_ns), default=now_ns)
    waits_s = max(0, now_ns - oldest_ns) // NANOSECONDS_PER_SECOND
    return f"{queued} queued, the oldest for {waits_s} s; {failed} failed"
