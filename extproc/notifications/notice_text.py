"""The text of a notice for services whose markup is not known, such as e-mail: a title, and lines."""

from collections.abc import Iterator

from extproc.model.notification_events import NotificationEvent
from extproc.notifications.grouped import Group
from extproc.notifications.notice import Notice, NoticedVote, outcome
from extproc.notifications.safe_text import defused, is_cut, person, time_left

TITLE_MAX = 150
LINE_MAX = 300
PREVIEW_LINE_MAX = 600
TITLES = {
    NotificationEvent.CREATED: "Approval needed",
    NotificationEvent.EXPIRING: "Approval expires soon",
    NotificationEvent.DECIDED: "Approval decided",
    NotificationEvent.EXPIRED: "Approval expired",
    NotificationEvent.BREAK_GLASS: "BREAK-GLASS: released by one person",
}


def title_of(notice: Notice) -> str:
    """Return one line: what happened, and to which function."""
    function = defused(notice.function, 80)
    if notice.event is NotificationEvent.DECIDED:
        return f"Approval {outcome(notice)}: {function}"[:TITLE_MAX]
    return f"{TITLES[notice.event]}: {function} (risk {notice.risk})"[:TITLE_MAX]


def lines_of(notice: Notice, now_ns: int) -> str:
    """Return the notice in lines. Each line begins with the guard's own words."""
    return "\n".join(_lines(notice, now_ns))


def _lines(notice: Notice, now_ns: int) -> Iterator[str]:
    agent = f", through the agent {defused(person(notice.actor), LINE_MAX)}" if notice.actor else ""
    yield f"Caller: {defused(person(notice.requester), LINE_MAX)}{agent}"
    yield f"Function: {defused(notice.function, LINE_MAX)}"
    yield f"Held because: {defused(notice.reason, LINE_MAX)} (rule {defused(notice.rule or 'unnamed', LINE_MAX)})"
    yield f"Risk: {notice.risk} of 100"
    if notice.event in (NotificationEvent.CREATED, NotificationEvent.EXPIRING):
        yield f"Decided by: {defused(notice.deciders, LINE_MAX)}"
        yield f"Time left: {time_left(now_ns, notice.expires_ns)}"
    else:
        yield f"State: {outcome(notice)}"
    for vote in notice.votes:
        yield vote_line(vote)
    if notice.findings:
        yield f"Sensitive values found: {defused('; '.join(notice.findings), LINE_MAX)}"
    cut = " (the beginning)" if notice.preview_cut or is_cut(notice.preview, PREVIEW_LINE_MAX) else ""
    yield f"Arguments, masked{cut}: {defused(notice.preview, PREVIEW_LINE_MAX) or 'not recorded'}"
    yield f"Page: {notice.link}" if notice.link else f"Command: extproc approvals show {notice.approval_id}"


def vote_line(vote: NoticedVote) -> str:
    """Return who voted, how and why."""
    verb = "approved" if vote.approve else "denied"
    how = " by break-glass" if vote.break_glass else ""
    return f"Vote: {defused(person(vote.voter), 80)} {verb}{how}: {defused(vote.note, LINE_MAX)}"


def group_title(group: Group) -> str:
    """Return one line for a group of events."""
    return f"{group.count} events of approvals"


def group_lines(group: Group) -> str:
    """Return the lines of a group: how many of which function."""
    lines = [f"{TITLES[each.event]}: {each.count} of {defused(each.function, 80)}" for each in group.parts]
    more = (
        [f"And {group.count - shown} more."]
        if (shown := sum(each.count for each in group.parts)) < group.count
        else []
    )
    last = f"Page: {group.link}" if group.link else "Command: extproc approvals list"
    return "\n".join([*lines, *more, last])
