"""The port of a target: sends one message, or says why it could not."""

from dataclasses import dataclass
from typing import Protocol

from extproc.notifications.grouped import Group
from extproc.notifications.notice import Notice


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once."""

    message_id: str
    """The same for each attempt, so that a receiver can leave repetitions out."""
    content: Notice | Group
    now_ns: int
    """Wall clock of this attempt."""


class Sender(Protocol):
    """Sends messages to one target.

    Guarantees: it ends within the time that it was made with, or can be cancelled then; it never follows a
    redirect; its errors hold no secret, and nothing of what the receiver answered but words of a closed form.
    """

    @property
    def for_people(self) -> bool:
        """True if its messages ask people to decide: those that come too late are not sent."""
        ...

    async def send(self, message: Message) -> None:
        """Send the message. On return the receiver has taken it.

        Raises:
            DeliveryFailed: it has not, or has not said so.
        """
        ...
