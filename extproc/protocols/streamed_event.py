"""What a protocol reads in one event of a stream, or in a whole response: what there is to decide about it."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from extproc.codecs.sse import Event
from extproc.model.call import Call


class EventContent(NamedTuple):
    """What there is to decide about one event. Without arguments: nothing, it is masked and passes."""

    answer: bytes | None = None
    """The answer to the call, as JSON; None: the event has none."""
    asks: tuple[Call, ...] = ()
    """The server's requests to the client, each as a call with the direction ``server``."""
    is_stray: bool = False
    """True for an answer to another call: nobody has decided about it, and it does not pass."""


NOTHING_TO_DECIDE = EventContent()
ReadEvent: TypeAlias = Callable[[Event], EventContent]
"""Reads one event of a stream. Raises ``Unreadable`` for one that two readers could take differently."""
