"""The shape of a protocol's messages: which values are the protocol's own, and which hold something encoded.

A shape is data, made once by a protocol. Masking applies it; see ``docs/reference/masking.md``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from extproc.model.call import Json

Component = str | int


class Holds(Enum):
    """The kinds of value that a place may hold."""

    DATA = "data"
    """Anything. It is masked like every other value."""
    TOKEN = "token"  # noqa: S105 - a kind of value
    """A string or integer that its receiver gives back, such as an id: rules for entities leave it as it is."""
    OPAQUE = "opaque"
    """As ``TOKEN``, but a string."""
    NUMBER = "number"
    """A number that counts or measures, which a string would make invalid."""
    VERBATIM = "verbatim"
    """Any JSON, which has to stay as it is with everything below it."""
    URI = "uri"
    """A URI, or a template of one. It stays one when it is masked."""
    BLOB = "blob"
    """Base64 of what the member ``mimeType`` beside it says. It stays Base64 when it is masked."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place in messages."""

    holds: Holds = Holds.DATA
    pattern: re.Pattern[str] | None = None
    """A string that does not match as a whole is data after all."""
    members: Mapping[str, str] = field(default_factory=dict)
    """Names of the places of an object's members, by key."""
    others: str = ""
    """The name of the place of all other members; empty: data."""
    elements: str = ""
    """The name of the place of an array's elements; empty: data."""
    keeps_keys: bool = False
    """The object's keys are names that other parts of the protocol refer to."""

    def step(self, component: Component) -> str:
        """Return the name of the place one key or index down; empty for data."""
        if isinstance(component, int):
            return self.elements
        return self.members.get(component, self.others)


NOWHERE = Place()
"""The place of data."""


@dataclass(frozen=True, slots=True)
class MessageShape:
    """The places of the messages in one direction."""

    places: Mapping[str, Place] = field(repr=False)
    """By name."""
    root: Callable[[Json], str]
    """Returns the name of the place of a whole message; empty for what is not a message of the protocol. The
    message was read strictly; its integers of over 18 digits may be floats."""
    begins: Mapping[str, frozenset[str] | None] = field(repr=False)
    """The members of whole messages that have places, and the members of those that have places in some message;
    None: all of them. Other values are data, without a look at the message."""
    tokens_of_events: bool = True
    """The fields ``id`` and ``retry`` of server-sent events are the protocol's, too."""
    is_recorded: bool = False
    """The message is for a record: nothing passes because of its place, and a note stands for each blob."""

    def for_records(self) -> "MessageShape":
        """Return the shape by which the same messages are recorded."""
        return replace(self, is_recorded=True, tokens_of_events=False)

    def may_lead(self, location: Sequence[Component]) -> bool:
        """Return whether a value at this location of a message may have a place. Never wrongly false."""
        if len(location) < 2 or location[0] not in self.begins:  # noqa: PLR2004 - a member of a member
            return not location or location[0] in self.begins
        members = self.begins[str(location[0])]
        return members is None or location[1] in members

    def place(self, name: str) -> Place:
        """Return a place by its name."""
        return self.places[name] if name else NOWHERE
