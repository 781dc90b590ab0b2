"""What a click in Slack says: read strictly from the signed body. Pure functions, which never raise.

Source: Slack, "Reference: Interaction payloads" (``block_actions``, ``view_submission``).
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from extproc.notifications.slack.slack_blocks import APPROVE, ASKED, DENY, NOTE, Choice, read_choice


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody has pressed a button."""

    team: str
    user: str
    choice: Choice
    """With the channel and the message in which the button is."""
    trigger: str
    """Opens one window, within 3 seconds."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Somebody has given a reason, and confirmed."""

    team: str
    user: str
    choice: Choice
    note: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A payload from which nothing follows, such as the press of a link."""


def read_payload(body: bytes) -> Click | Submission | Nothing:
    """Return what a request says. The caller has verified its signature."""
    try:
        fields = parse_qsl(body.decode("utf-8"), strict_parsing=True, max_num_fields=10)
        payload = json.loads(fields[0][1]) if [name for name, _ in fields] == ["payload"] else None
    except (ValueError, RecursionError):
        return Nothing()
    if not isinstance(payload, dict):
        return Nothing()
    match payload.get("type"):
        case "block_actions":
            return _click(payload)
        case "view_submission":
            return _submission(payload)
        case _:
            return Nothing()


def _click(payload: dict[str, Any]) -> Click | Nothing:
    match payload:
        case {
            "trigger_id": str(trigger),
            "container": {"channel_id": str(channel), "message_ts": str(message)},
            "actions": [{"action_id": str(action), "value": value}],
        }:
            who, choice = _who(payload), read_choice(value)
        case _:
            return Nothing()
    if who is None or choice is None or action not in (APPROVE, DENY) or choice.approve != (action == APPROVE):
        return Nothing()
    seen = Choice(choice.approval_id, choice.digest, choice.preview_digest, choice.approve, channel, message)
    return Click(*who, seen, trigger)


def _submission(payload: dict[str, Any]) -> Submission | Nothing:
    match payload:
        case {"view": {"callback_id": str(asked), "private_metadata": metadata, "state": {"values": values}}}:
            who, choice, note = _who(payload), read_choice(metadata), _note(values)
        case _:
            return Nothing()
    if who is None or choice is None or asked != ASKED:
        return Nothing()
    return Submission(*who, choice, note)


def _note(values: object) -> str:
    block = values.get(NOTE) if isinstance(values, dict) else None
    entered = block.get(NOTE) if isinstance(block, dict) else None
    note = entered.get("value") if isinstance(entered, dict) else None
    return note if isinstance(note, str) else ""


def _who(payload: dict[str, Any]) -> tuple[str, str] | None:
    """Return workspace and person; None for a person of another workspace, in a channel that both share."""
    match payload:
        case {"team": {"id": str(team)}, "user": {"id": str(user)} as account}:
            return (team, user) if account.get("team_id", team) == team else None
        case _:
            return None
