"""Make the parts that notify of approvals from the settings."""

import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from extproc.approvals.port import ApprovalStore
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.delivery import DeliveryObserver, TargetDelivery
from extproc.notifications.http_client import Poster
from extproc.notifications.notifier import Notifier, NotifierParts
from extproc.notifications.outbox import Outbox
from extproc.notifications.pacing import Pace
from extproc.notifications.senders.sender import Sender
from extproc.notifications.senders.slack_sender import SlackSender
from extproc.notifications.senders.webhook_sender import WebhookSender
from extproc.notifications.slack.slack_api import SlackApi
from extproc.notifications.watch import ApprovalWatch
from extproc.settings.notifications import NotificationSettings, TargetSettings


def make_sender(name: str, target: TargetSettings, outbox: Outbox, poster: Poster, timeout_s: float) -> Sender:
    """Make the sender of a target.

    Args:
        name: of the target.
        target: its settings. Secrets are not read yet.
        outbox: remembers messages of Slack.
        poster: sends requests.
        timeout_s: seconds for one attempt.
    """
    if target.webhook:
        return WebhookSender(target.webhook, poster)
    if target.slack:
        return SlackSender(name, SlackApi(target.slack, poster), outbox)
    from extproc.notifications.senders.apprise_sender import AppriseSender  # noqa: PLC0415 - it loads 200 plug-ins

    if target.apprise is None:
        raise LookupError("a target has one service")
    return AppriseSender(name, target.apprise, timeout_s)


@dataclass(frozen=True)
class OpenNotifier:
    """A notifier, and what it uses."""

    notifier: Notifier
    outbox: Outbox
    poster: Poster


@contextlib.asynccontextmanager
async def open_notifier(
    settings: NotificationSettings,
    file: Path,
    store: ApprovalStore,
    *,
    public_url: str,
    observer: DeliveryObserver,
) -> AsyncIterator[OpenNotifier]:
    """Make a notifier; close what it uses when the block ends.

    Args:
        settings: with at least one target.
        file: the outbox.
        store: of approvals; it is only read.
        public_url: address of the console; empty: messages have no links.
        observer: is told what becomes of messages.

    Raises:
        NotificationError: the outbox cannot be used.
    """
    url = public_url.rstrip("/")
    retry_for_ns = int(settings.retry_for * NANOSECONDS_PER_SECOND)
    outbox = Outbox(file)
    try:
        watch = ApprovalWatch(
            store, outbox, settings.targets, public_url=url, recent_ns=retry_for_ns, clock=time.time_ns
        )
        async with Poster(settings.timeout) as poster:
            deliveries = [
                TargetDelivery(
                    name=name,
                    sender=make_sender(name, each, outbox, poster, settings.timeout),
                    outbox=outbox,
                    pace=Pace(each.most_per_minute),
                    public_url=url,
                    retry_for_ns=retry_for_ns,
                    clock=time.time_ns,
                    monotonic=time.monotonic,
                    chance=random.random,
                    observer=observer,
                )
                for name, each in settings.targets.items()
            ]
            notifier = Notifier(NotifierParts(outbox, watch, store, deliveries, observer, time.time_ns))
            yield OpenNotifier(notifier, outbox, poster)
    finally:
        outbox.close()
