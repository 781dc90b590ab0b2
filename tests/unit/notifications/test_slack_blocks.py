"""Slack's messages and windows: within the published limits, and free of markup of callers."""

import json

import pytest

from extproc.approvals.approval import State
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.grouped import make_group
from extproc.notifications.slack.slack_blocks import Choice, group_message, message_of, read_choice, window
from tests.support.receivers import blocks_are_valid, texts_of, view_is_valid
from tests.unit.notifications.test_safe_text import HOSTILE
from tests.unit.notifications.told import notice, vote

HUGE = "x" * 100_000


def huge(event=NotificationEvent.CREATED, **changes):
    return notice(event, preview=HUGE, function=f"crm.{HUGE}", requester=f"https://idp|{HUGE}", reason=HUGE, rule=HUGE,
                  actor=f"a|{HUGE}", votes=[vote(note=HUGE, voter=f"a|{HUGE}")] * 30, **changes)  # fmt: skip


@pytest.mark.parametrize("event", NotificationEvent)
@pytest.mark.parametrize("made", [notice, huge])
def test_messages_keep_the_limits(made, event):
    state = State.PENDING if event in ("created", "expiring") else State.APPROVED
    message = message_of(made(event, state=state))
    assert blocks_are_valid(message["blocks"])
    assert 1 <= len(message["text"]) <= 3_000


def test_an_approval_without_arguments_or_link_makes_a_message():
    assert blocks_are_valid(message_of(notice(preview="", url="", findings=(), actor=""))["blocks"])


@pytest.mark.parametrize("made", [notice, huge])
def test_windows_keep_the_limits(made):
    told = made()
    choice = Choice(told.approval_id, told.digest, told.preview_digest, True, "C0123456789", "1700000000.000001")
    assert view_is_valid(window(told, choice))
    assert read_choice(window(told, choice)["private_metadata"]) == choice


def test_groups_keep_the_limits_and_have_no_votes():
    rows = [(f"id{n}", NotificationEvent.CREATED, f"crm.{n}{HUGE}") for n in range(100)]
    message = group_message(make_group(rows, "https://console.test"))
    assert blocks_are_valid(message["blocks"])
    assert "approve" not in json.dumps([each for each in message["blocks"] if each["type"] == "actions"])


def buttons(message):
    return {
        each["action_id"]: each
        for block in message["blocks"]
        if block["type"] == "actions"
        for each in block["elements"]
    }


@pytest.mark.parametrize(
    ("preview", "is_whole"),
    [("x" * 2_000, True), ("x" * 2_001, False), ('{"a": "' + "\u200b" * 400 + '", "drop": true}', False)],
)
def test_a_message_says_when_it_shows_the_beginning_only(preview, is_whole):
    """Escapes of hidden characters are longer than the characters, and push the rest out."""
    made = notice(preview=preview)
    for shown in (message_of(made), window(made, Choice("a", "b", "c", approve=True))):
        assert ("(the beginning" not in json.dumps(shown)) is is_whole


def test_a_button_names_the_call_and_the_preview():
    told = notice()
    choice = read_choice(buttons(message_of(told))["deny"]["value"])
    assert (choice.digest, choice.preview_digest, choice.approve) == (told.digest, told.preview_digest, False)


@pytest.mark.parametrize("event", ["decided", "expired", "break-glass"])
def test_what_is_over_has_no_buttons_for_votes(event):
    message = message_of(notice(NotificationEvent(event), state=State.APPROVED))
    assert buttons(message).keys() == {"open"}


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_of_a_caller_is_markup_nowhere(text):
    message = message_of(notice(function=f"crm.{text}", reason=text, rule=text, preview=text, requester=f"a|{text}",
                                actor=f"a|{text}"))  # fmt: skip
    for each in texts_of(message["blocks"]):
        if each["type"] == "mrkdwn":
            assert each["text"].startswith("Expires <!date^")
            assert each["text"].count("<") == 1
    assert "<" not in message["text"]
    assert "\n" not in message["text"]
    assert all(each["text"].isprintable() for each in texts_of(message["blocks"]))


@pytest.mark.parametrize(
    "value",
    [None, 1, "", "[]", "{}", "null", "[1]", '[2,"a","b","c",true,"",""]', '[1,"a","b","c",1,"",""]', "[" * 9_999],
)
def test_a_value_of_another_form_is_no_choice(value):
    assert read_choice(value) is None
