"""The few methods of Slack's Web API that are used. The bot token is in one header field, and nowhere else."""

import json
import re
from typing import Any

from extproc.model.errors import DeliveryFailed
from extproc.notifications.http_client import Poster, failed
from extproc.notifications.secret_files import read_secret
from extproc.settings.notifications import SlackSettings

CODE = re.compile(r"[a-z_]{1,64}")
"""An error of Slack's: a word of its lists. Everything else is not shown."""
HOPELESS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "no_text", "message_not_found"})
"""Errors that another attempt with the same message meets, too."""


class SlackApi:
    """Calls methods for one workspace."""

    def __init__(self, settings: SlackSettings, poster: Poster) -> None:
        """Make a client.

        Args:
            settings: of the channel. The token is read for each call.
            poster: sends requests within a time limit.
        """
        self._settings, self._poster = settings, poster

    async def post_message(self, message: dict[str, Any], thread: str = "") -> tuple[str, str]:
        """Post a message; return its channel and time stamp.

        Args:
            message: text and blocks.
            thread: time stamp of the message that it answers; empty: none.
        """
        more = {"thread_ts": thread, "reply_broadcast": True} if thread else {}
        answer = await self._call(
            "chat.postMessage", {"channel": self._settings.channel, **_PLAIN, **message, **more}
        )
        return _text(answer, "channel"), _text(answer, "ts")

    async def update(self, channel: str, message_at: str, message: dict[str, Any]) -> None:
        """Replace a message."""
        await self._call("chat.update", {"channel": channel, "ts": message_at, "parse": "none", **message})

    async def open_window(self, trigger: str, view: dict[str, Any]) -> None:
        """Open a window for the person whose click has made the trigger, at most 3 seconds ago."""
        await self._call("views.open", {"trigger_id": trigger, "view": view})

    async def whisper(self, channel: str, user: str, text: str) -> None:
        """Show a line to one person only.

        Args:
            channel: where the person is.
            user: the person's id.
            text: words of the guard's own.
        """
        await self._call("chat.postEphemeral", {"channel": channel, "user": user, "text": text, **_PLAIN})

    async def _call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        token = read_secret(self._settings.token_file)
        headers = {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {token}"}
        url = f"{self._settings.api_url.rstrip('/')}/{method}"
        body = json.dumps(arguments, ensure_ascii=True).encode()
        response = await self._poster.post(url, content=body, headers=headers)
        if not response.is_success:
            raise failed(response)
        return _answer(response.content)


_PLAIN = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
"""Slack finds no names, channels or links in the text by itself."""


def _answer(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise DeliveryFailed("the answer is not Slack's")
    if answer.get("ok") is not True:
        code = answer.get("error")
        known = code if isinstance(code, str) and CODE.fullmatch(code) else "unknown error"
        raise DeliveryFailed(f"Slack: {known}", permanent=known in HOPELESS)
    return answer


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""
