"""Signed JSON for systems, as Standard Webhooks 1.0 specifies it: three header fields and an exact body."""

import json
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.grouped import Group
from extproc.notifications.http_client import Poster, failed
from extproc.notifications.notice import Notice
from extproc.notifications.secret_files import webhook_key
from extproc.notifications.senders.sender import Message
from extproc.settings.notifications import WebhookSettings

IDS_MAX = 1_000
"""Most ids in the message of a group."""
GONE = 410
"""The receiver wants no more (Standard Webhooks, "Delivery")."""


class WebhookSender:
    """Sends to one receiver."""

    for_people = False

    def __init__(self, settings: WebhookSettings, poster: Poster) -> None:
        """Make a sender.

        Args:
            settings: of the receiver. The secret is read for each message.
            poster: sends requests within a time limit.
        """
        self._settings, self._poster = settings, poster

    async def send(self, message: Message) -> None:
        """Send one event, or a group. See ``Sender``."""
        body = webhook_body(message.content)
        headers = signed_headers(message.message_id, message.now_ns, body, webhook_key(self._settings.secret_file))
        response = await self._poster.post(self._settings.url, content=body.encode(), headers=headers)
        if not response.is_success:
            raise failed(response, permanent=response.status_code == GONE)


def signed_headers(message_id: str, now_ns: int, body: str, key: bytes) -> dict[str, str]:
    """Return the header fields of a message: its id, its time and its signature.

    Source: Standard Webhooks 1.0, "Webhook headers" and "Signature scheme".
    """
    at = datetime.fromtimestamp(now_ns // NANOSECONDS_PER_SECOND, UTC)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_ns // NANOSECONDS_PER_SECOND),
        "webhook-signature": Webhook(key).sign(message_id, at, body),
    }


def webhook_body(content: Notice | Group) -> str:
    """Return the exact text of the body."""
    return json.dumps(_document(content), ensure_ascii=True, separators=(",", ":"))


def _document(content: Notice | Group) -> dict[str, Any]:
    if isinstance(content, Group):
        data: dict[str, Any] = {
            "count": content.count,
            "parts": [
                {"event": each.event, "function": each.function, "count": each.count} for each in content.parts
            ],
            "approval_ids": list(content.approval_ids[:IDS_MAX]),
            "link": content.link,
        }
        return {"type": "approval.group", "data": data}
    data = content.document()
    event = data.pop("event")
    happened_ns = content.closed_ns or content.created_ns
    for name in ("created_ns", "expires_ns", "closed_ns"):
        data[name.removesuffix("_ns")] = _time(data.pop(name))
    data["votes"] = [{**vote, "at": _time(vote.pop("at_ns"))} for vote in data["votes"]]
    return {"type": f"approval.{event}", "timestamp": _time(happened_ns), "data": data}


def _time(at_ns: int) -> str | None:
    """Return a time as RFC 3339 has it; None for none."""
    if not at_ns:
        return None
    return datetime.fromtimestamp(at_ns / NANOSECONDS_PER_SECOND, UTC).isoformat(timespec="milliseconds")
