"""What a notice holds: bounded, masked, and with everything that a decision needs."""

import json

import pytest

from extproc.approvals.approval import State
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.grouped import make_group
from extproc.notifications.notice import outcome, read_notice
from extproc.notifications.notice_text import group_lines, lines_of, title_of
from tests.unit.notifications.test_safe_text import HOSTILE
from tests.unit.notifications.told import NOW, S, notice, vote


def test_people_are_told_who_wants_what_why_and_how_long():
    text = lines_of(notice(), NOW + 30 * S)
    for expected in (
        "alice (idp)",
        "agent-7",
        "crm.delete_customer",
        "high-risk",
        "deletes_need_two",
        "80 of 100",
        "2 of sre, dpo",
        "14 min 30 s",
        "US_SSN at $.ssn (redact)",
        "Page: https://console.test/approvals/",
    ):
        assert expected in text, expected


def test_without_a_public_address_the_command_is_named():
    assert "extproc approvals show 01" in lines_of(notice(url=""), NOW)


def test_a_notice_survives_the_outbox():
    made = notice(NotificationEvent.DECIDED, state=State.APPROVED, votes=[vote(note="ok \u202e")])
    assert read_notice(json.loads(json.dumps(made.document()))) == made


def test_a_notice_is_bounded_whatever_the_call_has():
    huge = "x" * 100_000
    made = notice(preview=huge, function=f"crm.{huge}", requester=f"https://idp|{huge}", reason=huge, rule=huge,
                  votes=[vote(note=huge, voter=f"a|{huge}")] * 50)  # fmt: skip
    assert len(json.dumps(made.document())) < 20_000
    assert made.preview_cut
    assert len(lines_of(made, NOW)) < 8_000
    assert len(title_of(made)) <= 150


def test_the_digest_of_the_preview_is_of_the_whole_preview():
    whole, cut = notice(preview="x" * 10), notice(preview="x" * 10_000)
    assert whole.preview_digest != cut.preview_digest
    assert cut.preview_digest == notice(preview="x" * 10_000).preview_digest


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("field", ["function", "requester", "actor", "reason", "rule", "preview"])
def test_no_field_of_a_caller_begins_a_line_or_survives_as_markup(field, text):
    made = notice(**{field: f"a|{text}"})
    lines = lines_of(made, NOW).replace(made.link, "").split("\n")
    names = ("Caller: ", "Function: ", "Held because: ", "Risk: ", "Decided by: ", "Time left: ", "Sensitive ",
             "Arguments, masked: ", "Page: ")  # fmt: skip
    assert [line for line in lines if not line.startswith(names)] == []
    assert not set("".join(lines)) & set("<>&@`*~|[]#\r\x1b")
    assert "\n" not in title_of(made)
    assert "\r" not in title_of(made)


@pytest.mark.parametrize("preview", ["x" * 601, "\u200b" * 101])
def test_a_message_says_when_it_shows_the_beginning_only(preview):
    assert "(the beginning)" in lines_of(notice(preview=preview), NOW)
    assert "(the beginning)" not in lines_of(notice(preview="x" * 600), NOW)


def test_a_voters_note_is_shown_and_harmless():
    made = notice(
        NotificationEvent.DECIDED, state=State.DENIED, votes=[vote(approve=False, note="<!channel>\nno")]
    )
    assert "Vote: bob (idp) denied: " in lines_of(made, NOW)
    assert "<!channel>" not in lines_of(made, NOW)


def test_break_glass_is_named_loudly():
    glass = notice(NotificationEvent.BREAK_GLASS, state=State.APPROVED, votes=[vote(break_glass=True)])
    assert title_of(glass).startswith("BREAK-GLASS")
    assert outcome(glass) == "approved by break-glass"
    assert "approved by break-glass" in lines_of(glass, NOW)


def test_a_group_counts_and_names_the_most_frequent():
    rows = [(f"id{n}", NotificationEvent.CREATED, f"crm.f{n % 20}") for n in range(1_000)]
    group = make_group(rows, "https://console.test")
    text = group_lines(group)
    assert group.count == 1_000
    assert len(group.approval_ids) == 1_000
    assert "Approval needed: 50 of crm.f0" in text
    assert "And 250 more." in text
