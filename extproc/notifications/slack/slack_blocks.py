"""Slack's messages and windows about approvals, as blocks. Pure functions.

Text of calls stands in ``plain_text`` objects and preformatted rich text only, which Slack does not read as
markup: neither ``<!channel>`` nor a link works there. Sources of forms and limits: Slack, "Reference: Block Kit".
"""

import json
from dataclasses import dataclass
from typing import Any

from extproc.model.notification_events import NotificationEvent
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.grouped import Group
from extproc.notifications.notice import Notice, outcome
from extproc.notifications.notice_text import TITLES, group_title, title_of
from extproc.notifications.safe_text import defused, is_cut, one_line, person, slack_escaped

APPROVE, DENY = "approve", "deny"
"""``action_id`` of the two buttons."""
ASKED = "approval_note"
"""``callback_id`` of the window that asks for the reason."""
NOTE = "note"
"""``block_id`` and ``action_id`` of its input."""
FIELD_MAX, PREVIEW_MAX, HEADER_MAX = 300, 2_000, 150
NOTE_LEAST, NOTE_MOST = 3, 1_000
FORMAT = 1
"""Version of a button's value: values of others are refused."""

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a button stands for: exactly what the person saw. Slack carries it and gives it back, signed."""

    approval_id: str
    digest: str
    preview_digest: str
    approve: bool
    channel: str = ""
    message: str = ""
    """Channel and time stamp of the message; known from the click on."""

    def written(self) -> str:
        """Return it as a button's value, or as a window's private metadata."""
        return json.dumps(
            [FORMAT, self.approval_id, self.digest, self.preview_digest, self.approve, self.channel, self.message],
            separators=(",", ":"),
        )


def read_choice(value: object) -> Choice | None:
    """Return the choice of a button's value; None if it has another form."""
    try:
        read = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None
    match read:
        case [1, str(approval_id), str(digest), str(preview), bool(approve), str(channel), str(message)]:
            return Choice(approval_id, digest, preview, approve, channel, message)
        case _:
            return None


def message_of(notice: Notice) -> dict[str, Any]:
    """Return text and blocks of a message about a notice. Undecided ones have buttons."""
    ask = notice.event in (NotificationEvent.CREATED, NotificationEvent.EXPIRING)
    blocks = [_header(_title(notice)), _facts(notice)]
    blocks += [_expiry(notice)] if ask else []
    blocks += [_votes(notice)] if notice.votes else []
    blocks += [*_preview(notice), *_buttons(notice, ask=ask), _context(notice)]
    return {"text": slack_escaped(title_of(notice)), "blocks": blocks}


def group_message(group: Group) -> dict[str, Any]:
    """Return text and blocks of a message about many events. Nothing is decided from it."""
    lines = "\n".join(
        f"{TITLES[each.event]}: {each.count} of {one_line(each.function, 100)}" for each in group.parts
    )
    blocks: list[Block] = [_header(group_title(group)), {"type": "section", "text": _plain(lines, PREVIEW_MAX)}]
    if group.link:
        blocks.append({"type": "actions", "elements": [_link(group.link)]})
    return {"text": group_title(group), "blocks": blocks}


def window(notice: Notice, choice: Choice) -> dict[str, Any]:
    """Return the window (view) that asks for the reason of a vote."""
    verb = "Approve" if choice.approve else "Deny"
    note: Block = {
        "type": "input",
        "block_id": NOTE,
        "label": _plain("Reason", 100),
        "element": {
            "type": "plain_text_input",
            "action_id": NOTE,
            "multiline": True,
            "min_length": NOTE_LEAST,
            "max_length": NOTE_MOST,
            "focus_on_load": True,
        },
    }
    return {
        "type": "modal",
        "callback_id": ASKED,
        "private_metadata": choice.written(),
        "title": _plain(f"{verb} this call", 24),
        "submit": _plain(verb, 24),
        "close": _plain("Cancel", 24),
        "blocks": [_facts(notice), *_preview(notice), note],
    }


def _title(notice: Notice) -> str:
    return f"Approval {outcome(notice)}" if notice.event is NotificationEvent.DECIDED else TITLES[notice.event]


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain(text, HEADER_MAX)}


def _facts(notice: Notice) -> Block:
    facts = [
        ("Function", notice.function),
        ("Caller", person(notice.requester)),
        ("Agent", person(notice.actor) or "none"),
        ("Risk", f"{notice.risk} of 100"),
        ("Held because", f"{notice.reason} (rule {notice.rule or 'unnamed'})"),
        ("Decided by", notice.deciders),
        *([("Sensitive values found", "; ".join(notice.findings))] if notice.findings else []),
    ]
    return {
        "type": "section",
        "fields": [_plain(f"{name}: {one_line(text, FIELD_MAX)}", 2_000) for name, text in facts],
    }


def _expiry(notice: Notice) -> Block:
    at_s = notice.expires_ns // NANOSECONDS_PER_SECOND
    # Only numbers: this text is markup.
    text = f"Expires <!date^{at_s}^{{time_secs}}, {{date_short_pretty}}|at {at_s} s since 1970>"
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _votes(notice: Notice) -> Block:
    lines = []
    for vote in notice.votes:
        verb = "approved" if vote.approve else "denied"
        how = " by break-glass" if vote.break_glass else ""
        lines.append(f"{one_line(person(vote.voter), 100)} {verb}{how}: {one_line(vote.note, 200)}")
    return {"type": "section", "text": _plain("\n".join(lines), 3_000)}


def _preview(notice: Notice) -> list[Block]:
    if not notice.preview:
        return [{"type": "section", "text": _plain("Arguments: not recorded", FIELD_MAX)}]
    is_whole = not (notice.preview_cut or is_cut(notice.preview, PREVIEW_MAX))
    cut = "" if is_whole else " (the beginning; open the page for all)"
    text = {"type": "text", "text": one_line(notice.preview, PREVIEW_MAX)}
    return [
        {"type": "section", "text": _plain(f"Arguments, masked{cut}:", FIELD_MAX)},
        {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [text]}]},
    ]


def _buttons(notice: Notice, *, ask: bool) -> list[Block]:
    elements: list[Block] = []
    if ask:
        for action, label, style in ((APPROVE, "Approve", "primary"), (DENY, "Deny", "danger")):
            choice = Choice(notice.approval_id, notice.digest, notice.preview_digest, action == APPROVE)
            elements.append(
                {
                    "type": "button",
                    "action_id": action,
                    "text": _plain(label, 75),
                    "style": style,
                    "value": choice.written(),
                }
            )
    elements += [_link(notice.link)] if notice.link else []
    return [{"type": "actions", "elements": elements}] if elements else []


def _link(url: str) -> Block:
    return {"type": "button", "action_id": "open", "text": _plain("Open", 75), "url": url}


def _context(notice: Notice) -> Block:
    return {"type": "context", "elements": [_plain(f"Approval {defused(notice.approval_id, 64)}", 100)]}


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": text if len(text) <= most else f"{text[: most - 1]}…", "emoji": False}
