"""Messages in a Slack channel: asks with buttons, and replaces them when the approval is over."""

from extproc.model.errors import DeliveryFailed
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.grouped import Group
from extproc.notifications.notice import Notice
from extproc.notifications.outbox import Outbox
from extproc.notifications.senders.sender import Message
from extproc.notifications.slack.slack_api import SlackApi
from extproc.notifications.slack.slack_blocks import group_message, message_of

ENDS = (NotificationEvent.DECIDED, NotificationEvent.EXPIRED)


class SlackSender:
    """Sends to one channel."""

    for_people = True

    def __init__(self, name: str, api: SlackApi, outbox: Outbox) -> None:
        """Make a sender.

        Args:
            name: of the target.
            api: of the workspace.
            outbox: remembers which message is about which approval.
        """
        self._name, self._api, self._outbox = name, api, outbox

    async def send(self, message: Message) -> None:
        """Send one event, or a group. See ``Sender``."""
        if isinstance(message.content, Group):
            await self._api.post_message(group_message(message.content))
            return
        await self._one(message.content, message.now_ns)

    async def _one(self, notice: Notice, now_ns: int) -> None:
        posted = self._outbox.posted(self._name, notice.approval_id)
        if posted and notice.event in ENDS:
            await self._replace(posted, notice)
            return
        thread = posted[1] if posted and notice.event is NotificationEvent.EXPIRING else ""
        channel, message_at = await self._api.post_message(message_of(notice), thread)
        if posted is None and channel and message_at:
            self._outbox.remember_posted(self._name, notice.approval_id, channel, message_at, now_ns)

    async def _replace(self, posted: tuple[str, str], notice: Notice) -> None:
        try:
            await self._api.update(*posted, message_of(notice))
        except DeliveryFailed as error:
            if not error.permanent:
                raise
            # Somebody deleted it.
            await self._api.post_message(message_of(notice))
