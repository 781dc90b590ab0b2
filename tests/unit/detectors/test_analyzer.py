"""The analyzer: a detector's failure is an error, and junk is only text."""

# ruff: noqa: RUF001 - the other ways to write digits and dashes are the point

import threading
from re import _parser

import pytest

from extproc.detectors import ends
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE, catalogue
from extproc.detectors.detector import Detector
from extproc.detectors.detector_set import ALL, NONE
from extproc.detectors.fold import fold
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.model.errors import MaskingError

ANALYZER = Analyzer()


def test_a_detectors_exception_denies_and_shows_nothing():
    def broken(text, _):
        raise RuntimeError(f"cannot read {text}")

    analyzer = Analyzer([Detector("BROKEN", (b"secret",), 6, broken)])
    assert analyzer.scan("harmless") == []
    with pytest.raises(MaskingError) as caught:
        analyzer.scan("my secret")
    assert str(caught.value) == "detector BROKEN failed: RuntimeError"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "text", ["\ud800 4111111111111111", "\x00\x00", "\U0010ffff" * 9, "\ufffe4111111111111111"]
)
def test_any_text_can_be_scanned(text):
    assert len(ANALYZER.scan(text)) == text.count("4111111111111111")


def test_threads_can_share_it():
    seen = []

    def work():
        seen.extend(len(ANALYZER.scan("4111111111111111 a@b.co")) for _ in range(200))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [2] * 800


HOSTILE = [
    "4 " * 50_000,
    "41" * 50_000,
    "4111-" * 20_000,
    "eyJ" * 30_000,
    "eyJ." * 30_000,
    "a@" * 50_000,
    "a@b." * 25_000,
    "a" * 100_000 + "@b.co",
    "@" + "a-" * 50_000,
    "a@" + "b." * 50_000,
    "-----BEGIN PRIVATE KEY-----" * 4_000,
    "sk-" * 30_000,
    "123-45-" * 15_000,
    "4111\r\n" * 20_000,
    "4111\\n" * 20_000,
    "219\r\n09\r\n" * 12_000,
    "ssn 12345678 " * 8_000,
    "\u200b" * 50_000 + "4",
    "password=" * 20_000,
    "password=" + "aB3" * 100_000,
    "password=" + "a.1" * 60_000 + "==",
    "password=aB3dE5fG7hJ9kL1m " * 8_000,
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
@pytest.mark.slow
def test_hostile_text_is_scanned_in_time(text):
    """Work that grew with the square of 100,000 characters would not end. ``benchmarks.worst_cases`` measures growth."""
    assert ANALYZER.scan(text) is not None


def test_folding_keeps_offsets():
    folded = fold("é４\u200b１–\u00a0𝟙ｘ²")
    assert folded.text == "é41- 1x2"
    assert [folded.original(at, at + 1) for at in range(3)] == [(0, 1), (1, 2), (3, 4)]
    assert folded.original(1, 3) == (1, 4)


@pytest.mark.parametrize("text", ["ascii", "naïve", "中文", "", "emoji 😀"])
def test_folding_leaves_the_rest_alone(text):
    assert fold(text) == (text, None)


@pytest.mark.parametrize("before", ["", "é中 ", "４\u200b ", "😀"])
def test_candidates_are_within_matches(before):
    document = before + 'x "4111 1111 1111 1111" ' + before + '"bob@example.com"'
    prescan = ANALYZER.prescan(document)
    assert prescan.detectors == ANALYZER.detectors_for(document)
    for match in ANALYZER.scan(document):
        assert any(match.start <= offset < match.end for offset, _ in prescan.candidates)


def test_too_many_candidates_are_none():
    text = "1::1 " * 50_000
    assert ANALYZER.prescan(text) == (ANALYZER.detectors_for(text), None)


def test_running_all_detectors_is_a_scan():
    text = "4111111111111111 a@b.co"
    assert ANALYZER.run(ALL, text) == ANALYZER.scan(text)
    assert ANALYZER.run(NONE, text) == []


def test_prefilters_match_no_less_than_they_say():
    """One of several matches that share a character is reported: that needs their least length."""
    for detector in CATALOGUE:
        for expression in detector.prefilter:
            assert _parser.parse(expression).getwidth()[0] >= detector.prefilter_shortest


def test_labels_hold_nothing():
    """A text that was replaced by a label alone is not scanned again."""
    for entity in [*ANALYZER.entities, "REDACTED"]:
        for context in [(), *((entity,) for entity in ANALYZER.entities)]:
            for label in (f"[{entity}]", f"<{entity}:k1:NE6MXUI4SHFZAXEJ>"):
                assert ANALYZER.scan(label, lambda context=context: "\n".join(context)) == []


@pytest.mark.parametrize("key", ["password", "phone", "ssn", "aws_secret", "account_number", "passport", "tfn"])
@pytest.mark.parametrize("before", ["{}: ", "{}=", "<{}>", "the {} of ", "[{}] "])
def test_labels_hold_nothing_whatever_stands_around_them(before, key):
    for entity in [*ANALYZER.entities, "REDACTED", "FIELD"]:
        for label in (f"[{entity}]", f"<{entity}:k1:NE6MXUI4SHFZAXEJ>"):
            found = ANALYZER.scan(before.format(key) + label + " 2026", lambda: key)
            assert [match for match in found if match.entity != "NAMED_SECRET"] == []


@pytest.mark.parametrize("number", ["Xk29fLq81mZtPw47", "0791234567", "219099999", "A12345678"])
def test_labels_are_not_context(number):
    for entity in ANALYZER.entities:
        for label in (f"[{entity}]", f"<{entity}:k1:NE6MXUI4SHFZAXEJ>"):
            assert ANALYZER.scan(f"{label} {number}") == []
            assert ANALYZER.scan(number, lambda label=label: label) == []


@pytest.mark.parametrize("around", ["[{}", "{}]", "<{}>", "[{}:k1]", "[ {} ]", "[{}_]"])
def test_less_than_a_label_is_context(around):
    assert "US_SSN" in {match.entity for match in ANALYZER.scan(f"{around.format('US_SSN')} 219099999")}


@pytest.mark.parametrize("around", ["[{}]", "<{}:k1:ABCDEFGHIJKLMNOP>", "<US_SSN:k1:{}>", "<{}>"])
def test_a_value_in_text_like_a_label_is_found(around):
    for value in ("4444333322227746", "AKIAIOSFODNN7EXAMPLE"):
        assert len({match.entity for match in ANALYZER.scan(around.format(value))} - {"NATIONAL_ID"}) == 1


@pytest.mark.parametrize("address", ["jo@example.рф", "jo@example.中国", "jo@exämple.рф"])
@pytest.mark.parametrize("around", ["", "é", "中", "x"])
def test_a_match_that_ends_within_a_character(address, around):
    """The search sees bytes; where it stops may be in the middle of a character."""
    text = f'{{"a":"{around} {address} {around}"}}'
    candidates = ANALYZER.prescan(text).candidates
    assert candidates is not None
    assert all(0 <= offset < len(text) for offset, _ in candidates)
    assert any(text[offset] in address for offset, _ in candidates)


def test_control_characters_in_a_password_hide_nothing():
    text = "postgres://u:p4ssw0\x08d@h/db"
    assert [each.entity for each in ANALYZER.scan(text)] == ["CONNECTION_STRING"]


def test_no_search_compiles_anything_once_the_analyzer_is_warm(monkeypatch):
    """A call would wait for it."""
    analyzer = Analyzer(catalogue(Vocabulary()))
    analyzer.warm_up()

    def fail(_):
        raise AssertionError("compiled in a search")

    monkeypatch.setattr(ends, "compile_database", fail)
    for detector in CATALOGUE:
        analyzer.scan(f"{detector.example_key}: {detector.example}\n" * 20, lambda: "password")
