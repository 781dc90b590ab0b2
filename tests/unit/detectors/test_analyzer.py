"""The engine: a detector's failure is an error, and junk is only text."""

# ruff: noqa: RUF001 - the other ways to write digits and dashes are the point

import threading
import time
from re import _parser

import pytest

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.detector import Detector
from extproc.detectors.fold import fold
from extproc.model.errors import MaskingError

DETECTORS = Analyzer()


def test_a_detectors_exception_denies_and_shows_nothing():
    def broken(text, _):
        raise RuntimeError(f"cannot read {text}")

    detectors = Analyzer([Detector("BROKEN", (b"secret",), 6, broken)])
    assert detectors.scan("harmless") == []
    with pytest.raises(MaskingError) as caught:
        detectors.scan("my secret")
    assert str(caught.value) == "detector BROKEN failed: RuntimeError"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "text", ["\ud800 4111111111111111", "\x00\x00", "\U0010ffff" * 9, "\ufffe4111111111111111"]
)
def test_any_text_can_be_scanned(text):
    assert len(DETECTORS.scan(text)) == text.count("4111111111111111")


def test_threads_can_share_it():
    seen = []

    def work():
        seen.extend(len(DETECTORS.scan("4111111111111111 a@b.co")) for _ in range(200))

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


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_time_is_linear_in_hostile_text(text):
    began = time.process_time()
    DETECTORS.scan(text)
    assert time.process_time() - began < 2.0


def test_folding_keeps_places():
    folded = fold("é４\u200b１–\u00a0𝟙ｘ²")
    assert folded.text == "é41- 1x2"
    assert [folded.original(at, at + 1) for at in range(3)] == [(0, 1), (1, 2), (3, 4)]
    assert folded.original(1, 3) == (1, 4)


@pytest.mark.parametrize("text", ["ascii", "naïve", "中文", "", "emoji 😀"])
def test_folding_leaves_the_rest_alone(text):
    assert fold(text) == (text, None)


@pytest.mark.parametrize("before", ["", "é中 ", "４\u200b ", "😀"])
def test_sightings_are_within_what_is_found(before):
    document = before + 'x "4111 1111 1111 1111" ' + before + '"bob@example.com"'
    looked = DETECTORS.look(document)
    assert looked.suspects == DETECTORS.suspects(document)
    for span in DETECTORS.scan(document):
        assert any(span.start <= place < span.end for place, _ in looked.sightings)


def test_too_many_sightings_are_none():
    text = "1::1 " * 50_000
    assert DETECTORS.look(text) == (DETECTORS.suspects(text), None)


def test_prefilters_match_no_less_than_they_say():
    """Matches that share a character are told once: that needs their least length."""
    for detector in CATALOGUE:
        for expression in detector.prefilter:
            assert _parser.parse(expression).getwidth()[0] >= detector.prefilter_shortest


def test_labels_hold_nothing():
    """What is replaced by a label alone is not looked at again."""
    for entity in [*DETECTORS.entities, "REDACTED"]:
        for context in [(), *((entity,) for entity in DETECTORS.entities)]:
            for label in (f"[{entity}]", f"<{entity}:k1:NE6MXUI4SHFZAXEJ>"):
                assert DETECTORS.scan(label, lambda context=context: "\n".join(context)) == []


@pytest.mark.parametrize("key", ["password", "phone", "ssn", "aws_secret", "account_number", "passport", "tfn"])
@pytest.mark.parametrize("before", ["{}: ", "{}=", "<{}>", "the {} of ", "[{}] "])
def test_labels_hold_nothing_whatever_stands_around_them(before, key):
    for entity in [*DETECTORS.entities, "REDACTED", "FIELD"]:
        for label in (f"[{entity}]", f"<{entity}:k1:NE6MXUI4SHFZAXEJ>"):
            assert DETECTORS.scan(before.format(key) + label + " 2026", lambda: key) == []


@pytest.mark.parametrize("number", ["Xk29fLq81mZtPw47", "0791234567", "219099999", "A12345678"])
def test_labels_tell_nothing(number):
    for entity in DETECTORS.entities:
        for label in (f"[{entity}]", f"<{entity}:k1:NE6MXUI4SHFZAXEJ>"):
            assert DETECTORS.scan(f"{label} {number}") == []
            assert DETECTORS.scan(number, lambda label=label: label) == []


@pytest.mark.parametrize("around", ["[{}", "{}]", "<{}>", "[{}:k1]", "[ {} ]", "[{}_]"])
def test_less_than_a_label_tells_what_it_says(around):
    assert [span.entity for span in DETECTORS.scan(f"{around.format('US_SSN')} 219099999")] == ["US_SSN"]


@pytest.mark.parametrize("around", ["[{}]", "<{}:k1:ABCDEFGHIJKLMNOP>", "<US_SSN:k1:{}>", "<{}>"])
def test_what_looks_like_a_label_and_holds_a_value_is_found(around):
    for value in ("4444333322227746", "AKIAIOSFODNN7EXAMPLE"):
        assert len(DETECTORS.scan(around.format(value))) == 1


@pytest.mark.parametrize("address", ["jo@example.рф", "jo@example.中国", "jo@exämple.рф"])
@pytest.mark.parametrize("around", ["", "é", "中", "x"])
def test_a_match_that_ends_within_a_character(address, around):
    """The search sees bytes; where it stops may be in the middle of a character."""
    text = f'{{"a":"{around} {address} {around}"}}'
    look = DETECTORS.look(text)
    assert look.sightings is not None
    assert all(0 <= place < len(text) for place, _ in look.sightings)
    assert any(text[place] in address for place, _ in look.sightings)


def test_control_characters_in_a_password_hide_nothing():
    text = "postgres://u:p4ssw0\x08d@h/db"
    assert [each.entity for each in DETECTORS.scan(text)] == ["CONNECTION_STRING"]
