"""A group: many events told in one message, where a message for each would flood people."""

from collections import Counter
from dataclasses import dataclass

from extproc.model.notification_events import NotificationEvent

PARTS_MAX = 15
"""Lines of a group."""


@dataclass(frozen=True, slots=True)
class GroupPart:
    """How often one event happened to calls of one function."""

    event: NotificationEvent
    function: str
    count: int


@dataclass(frozen=True, slots=True)
class Group:
    """Many events in one message."""

    count: int
    """All events of the group."""
    parts: tuple[GroupPart, ...]
    """The most frequent ones."""
    approval_ids: tuple[str, ...]
    """All approvals of the group, once, in order of their ids."""
    link: str
    """The page of the queue; empty where ``control.public_url`` is not set."""


def make_group(rows: list[tuple[str, NotificationEvent, str]], public_url: str) -> Group:
    """Make a group of rows: approval id, event, function."""
    counts = Counter((event, function) for _, event, function in rows)
    parts = tuple(GroupPart(*key, count) for key, count in counts.most_common(PARTS_MAX))
    ids = tuple(sorted({approval_id for approval_id, _, _ in rows}))
    return Group(len(rows), parts, ids, f"{public_url}/" if public_url else "")
