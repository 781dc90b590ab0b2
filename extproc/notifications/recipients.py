"""Which targets are told of an event, and which events an approval has had. Pure functions."""

from collections.abc import Iterator, Mapping

from extproc.approvals.approval import Approval, State
from extproc.model.notification_events import NotificationEvent
from extproc.settings.notifications import TargetSettings

Targets = Mapping[str, TargetSettings]


def recipients(targets: Targets, event: NotificationEvent, function: str, groups: tuple[str, ...]) -> list[str]:
    """Return the names of the targets that are told. Break-glass: all of them, whatever their filters."""
    if event is NotificationEvent.BREAK_GLASS:
        return list(targets)
    return [name for name, each in targets.items() if each.wants(event) and each.covers(function, groups)]


def events_of(approval: Approval, *, known: bool, since_ns: int) -> Iterator[NotificationEvent]:
    """Yield the events that follow from an approval's state.

    Args:
        approval: as it is now.
        known: True if it was seen before, pending.
        since_ns: events before are too old to be told, of approvals that were not known.
    """
    if approval.state is State.PENDING:
        if not known:
            yield NotificationEvent.CREATED
    elif known or approval.closed_ns >= since_ns:
        yield NotificationEvent.EXPIRED if approval.state is State.EXPIRED else NotificationEvent.DECIDED


def broke_glass_ns(approval: Approval) -> int:
    """Return when somebody used break-glass, also if the vote was taken back; 0: nobody did."""
    return max((vote.at_ns for vote in approval.votes if vote.break_glass and vote.approve), default=0)
