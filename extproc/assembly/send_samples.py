"""Send a sample to targets of notifications, to see whether they take it."""

import asyncio
import hashlib
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from extproc.assembly.make_notifications import make_sender
from extproc.config.schema import Settings
from extproc.model.errors import DeliveryFailed
from extproc.model.notification_events import NotificationEvent
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.http_client import Poster
from extproc.notifications.notice import Notice
from extproc.notifications.outbox import Outbox
from extproc.notifications.senders.sender import Message
from extproc.settings.notifications import TargetSettings

SAMPLE_ID = "00000000-0000-7000-8000-000000000000"
"""Of no approval: nothing can be decided from a sample."""
PREVIEW = '{"this": "is a sample", "nothing": "waits"}'


async def send_samples(settings: Settings, targets: Mapping[str, TargetSettings]) -> dict[str, str]:
    """Send a sample to each target, all at once; return why it did not take it, empty if it did.

    Args:
        settings: the whole configuration.
        targets: those to try, by name.
    """
    notice = sample(settings.control.public_url or "", time.time_ns())
    timeout_s = settings.notifications.timeout
    with tempfile.TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder) / "sample.db")
        async with Poster(timeout_s) as poster:

            async def send(name: str, target: TargetSettings) -> str:
                now_ns = time.time_ns()
                try:
                    sender = make_sender(name, target, outbox, poster, timeout_s)
                    await sender.send(Message(f"msg_test_{now_ns}", notice, now_ns))
                except DeliveryFailed as error:
                    return str(error)
                return ""

            errors = await asyncio.gather(*(send(name, target) for name, target in targets.items()))
        outbox.close()
    return dict(zip(targets, errors, strict=True))


def sample(public_url: str, now_ns: int) -> Notice:
    """Return a notice that says that it is a sample."""
    return Notice(
        event=NotificationEvent.EXPIRED,
        approval_id=SAMPLE_ID,
        call_id=SAMPLE_ID,
        digest="0" * 64,
        preview_digest=hashlib.sha256(PREVIEW.encode()).hexdigest(),
        function="sample.nothing",
        connection="sample",
        requester="extproc",
        actor="",
        reason="a sample of a notification: nothing has to be done",
        rule="extproc notifications test",
        risk=0,
        deciders="nobody",
        minimum=1,
        created_ns=now_ns,
        expires_ns=now_ns + 60 * NANOSECONDS_PER_SECOND,
        state="expired",
        closed_ns=now_ns,
        preview=PREVIEW,
        preview_cut=False,
        findings=(),
        votes=(),
        link=public_url,
    )
