"""Caller-controlled text shows as itself: it mentions nobody, links to nothing and steers nothing."""

import pytest

from extproc.notifications.safe_text import defused, one_line, person, slack_escaped, time_left

HOSTILE = [
    "<!channel> look",
    "<@U123> approve",
    "@everyone @here",
    "[click](https://evil.test)",
    "https://evil.test/approve",
    "www.evil.test",
    "a\r\nBcc: all@corp.test",
    "\x1b]0;title\x07\x1b[2J",
    "a\u202egnp.exe",
    "**bold** ~~gone~~ ||hidden|| `code`",
    "<script>alert(1)</script>&lt;b&gt;",
    "# heading",
    "\u200bhidden\u2028line",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_mentions_and_links_do_not_survive(text):
    shown = defused(text, 500)
    assert shown.isprintable()
    assert not set(shown) & set("<>&@`*~|[]#\n\r\x1b")
    assert "://" not in shown
    assert "www." not in shown.lower()


def test_ordinary_text_stays_readable():
    assert defused('{"id": 4711, "name_of": "[US_SSN]"}', 500).startswith('{"id": 4711, "name_of": ')


def test_text_is_cut_and_says_so():
    assert one_line("x" * 100, 10) == "x" * 9 + "\u2026"


def test_three_characters_are_escaped_for_slack():
    assert slack_escaped("<!here> & more") == "&lt;!here&gt; &amp; more"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("https://login.corp.test/realms/x|alice", "alice (login.corp.test)"),
        ("cluster.local|spiffe://a", "spiffe://a (cluster.local)"),
        ("anonymous", "anonymous"),
    ],
)
def test_a_person_is_the_subject_and_the_host_of_the_issuer(name, shown):
    assert person(name) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "none"), (59, "59 s"), (870, "14 min 30 s"), (7_300, "2 h 1 min")]
)
def test_the_time_left_is_in_words(seconds, shown):
    assert time_left(0, seconds * 1_000_000_000) == shown
