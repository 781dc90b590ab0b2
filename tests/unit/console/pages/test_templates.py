"""What the templates say of a request."""

import re

from markupsafe import Markup

from extproc.approvals.approval import State
from extproc.console.pages.page_routes import TOLD
from extproc.console.pages.queue_page import queue_view
from extproc.console.pages.request_page import request_view
from extproc.console.rendering import render
from extproc.model.decision import Reuse
from extproc.model.masking import Finding
from extproc.model.quorum import Quorum
from tests.unit.console.pages.page_samples import LIN, NOOR, NOW_NS, approval, numbered, vote


class Visitor:
    name, by_link = "noor", False


BASE = {
    "visitor": Visitor(),
    "pages": (),
    "here": "",
    "mine": 0,
    "now_ms": 0,
    "events": "",
    "told": None,
    "csrf_token": "c",
    "problem": "",
    "note": "",
}


def shown(found, identity=NOOR, template="request.html", **more):
    page = request_view(found, identity, NOW_NS, **more)
    return plain(render(template, BASE | {"request": page}))


def plain(html):
    return re.sub(r"\s+", " ", Markup(html).striptags())


def test_only_without_reuse_no_other_call_is_released():
    assert "and no other." in shown(approval())
    reused = shown(approval(reuse=Reuse(600, frozenset({"function"}))))
    assert "no other" not in reused
    assert "and for a time others: see “Used again”" in reused


def test_breaking_the_glass_promises_no_message():
    words = shown(approval(break_glass=("dba",)), LIN) + TOLD["glass"][1]
    assert "Policy lets you release this call without the others." in words
    assert "told" not in words


def test_a_warning_shows_its_value():
    assert "money amount 900 It is about money" in shown(approval(preview='{"amount": 900}'))


def test_both_sides_of_a_change_show_the_same_signs():
    last = approval(State.APPROVED, [vote()], approval_id=numbered(9), preview='{"a": 2.1, "b": "x", "c": "z"}')
    words = shown(approval(preview='{"a": "2.1", "b": "y", "c": "z"}'), last=last)
    assert '"2.1"before: 2.1' in words
    assert '"y"before: "x"' in words
    assert '"z"' not in words


def test_who_has_voted_is_not_told_that_they_cannot_decide():
    words = shown(approval(votes=[vote()], quorum=Quorum.any_of("sre", minimum=2)), template="decision.html")
    assert "You have voted" in words
    assert "cannot decide" not in words
    assert "You cannot decide this" in shown(approval(), LIN, template="decision.html")


def test_an_approved_call_says_whether_it_can_still_be_made():
    assert "Its caller can make it until 2027-" in shown(approval(State.APPROVED, [vote()]))
    late = approval(State.APPROVED, [vote()], expires_ns=NOW_NS)
    assert "its caller did not make it again in time" in shown(late)


def test_a_card_has_the_end_of_its_id_and_counts_further_marks():
    entities = ("STRIPE_KEY", "GITHUB_TOKEN", "PASSWORD", "US_SSN")
    found = tuple(Finding(entity, "$.service", "redact") for entity in entities)
    queue = queue_view([approval(findings=found, approval_id=numbered(12))], NOOR, NOW_NS, only_mine=False)
    words = plain(render("queue_rows.html", BASE | {"queue": queue, "address": lambda **_: "/"}))
    assert "…0000000c" in words
    assert "+1" in words
