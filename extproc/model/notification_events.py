"""The events of an approval that people and systems are notified of: a closed list, which the settings use too."""

from enum import StrEnum


class NotificationEvent(StrEnum):
    """What happened to an approval. A value is part of the key of a delivery, and of a webhook's type."""

    CREATED = "created"
    """A call is held, and waits for people."""
    EXPIRING = "expiring"
    """It still waits, and little time is left."""
    DECIDED = "decided"
    """It was approved, denied or cancelled."""
    EXPIRED = "expired"
    """Nobody decided in time."""
    BREAK_GLASS = "break-glass"
    """Somebody approved it by break-glass. Every target is told, whatever its filters."""


CHOSEN = tuple(event for event in NotificationEvent if event is not NotificationEvent.BREAK_GLASS)
"""The events that a target may leave out."""
