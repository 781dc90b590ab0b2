"""Text that streams: what goes when, what is held back, and what is too much."""

from itertools import accumulate

import pytest

from extproc.masking.text_stream import GATHER, may_reach
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import MASK_EVERYTHING, MaskOperator, MaskRule
from tests.support.maskers import make_masker

TEXT = "text/plain; charset=utf-8"
LIMIT = 1 << 20
KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA\n" * 40


def begin(rules=MASK_EVERYTHING, limit=LIMIT):
    masker = make_masker(max_depth=40, event_limit=8, text_limit=limit)
    return masker.stream(TEXT, rules)


def fed(stream, *pieces):
    return [stream.feed(each.encode()).decode() for each in pieces]


def test_words_go_with_the_blank_behind_them():
    out = fed(begin(), "The", " card", ", my", " dear", ", is", " 4111 1111 1111", " 1111 at", " last")
    assert out == ["", "", "The card, ", "my ", "dear, ", "is ", "", "[CREDIT_CARD] at "]


def test_a_line_goes_at_its_end():
    out = fed(begin(), "A: 4111 1111 1111 1111.\n", "B: bob@example.com\n")
    assert out == ["A: [CREDIT_CARD].\n", "B: [EMAIL_ADDRESS]\n"]


def test_a_line_of_digits_waits_until_they_are_no_group_of_a_number():
    stream = begin()
    assert fed(stream, "4111\n", "1111\n", "1111\n", "11", "11 x\n") == ["", "", "", "", "[CREDIT_CARD] x\n"]
    assert fed(stream, "4111\n", "1112\n", "A\n") == ["", "", "4111\n1112\nA\n"]


def test_a_column_of_digits_moves_on():
    """Four lines make a number: of more than those the first go, some together."""
    out = fed(begin(), *["1234\n"] * 100)
    assert set("".join(out).split("\n")) == {"1234", ""}
    held = accumulate(5 - len(each) for each in out)
    assert max(held) <= 4 * 5 + GATHER + 5
    assert "".join(fed(begin(), "1234\n" * 100)) == "1234\n" * 97


def test_line_ends_may_have_a_carriage_return():
    out = fed(begin(), "4111\r", "\n1111\r\n", "1111", "\r\n11", "11 x\r\n")
    assert out == ["", "", "", "", "[CREDIT_CARD] x\r\n"]


def test_what_is_no_column_any_more_goes_at_once():
    stream = begin()
    assert fed(stream, "1234\n", "1234\n", "1234\n", "and\n") == ["", "", "", "1234\n1234\n1234\nand\n"]


@pytest.mark.parametrize(
    "spelling",
    [
        "%26%23{}%3B",
        "&#38;#{};",
        "&#{:07};",
        "%26amp;",
        "&amp;#{};",
        "&#{}",
        "&#{:032}",
        r"\u{:04x}",
        r"\\u{:04X}",
        "{:c}",
    ],
)
@pytest.mark.parametrize("between", ["", "\n", "&x\n" * 4, "&amp;\n" * 15])
def test_a_word_tells_of_what_comes_later_however_it_is_spelled(spelling, between):
    word = "".join(spelling.format(ord(each)) for each in "passport")
    text = f"{word}\n{between}123456789 and\n"
    whole = begin()
    wanted = whole.feed(text.encode()) + whole.finish()
    assert (b"US_PASSPORT" in wanted) is ("{" in spelling)
    stream = begin()
    out = "".join(fed(stream, *text.splitlines(keepends=True))).encode()
    assert out + stream.finish() == wanted


def test_a_word_before_tells_of_what_comes_later():
    assert "".join(fed(begin(), "passport ", "number ", "is ", "123456789 ", "and\n")) == (
        "passport number is [US_PASSPORT] and\n"
    )


def test_a_key_is_held_back_to_its_end():
    stream = begin()
    assert fed(stream, "It is\n", KEY, "more\n") == ["It is\n", "", ""]
    assert fed(stream, "-----END PRIVATE KEY-----\nand so on\n") == ["[PRIVATE_KEY]\nand so on\n"]


def test_a_key_that_does_not_end_is_masked_to_the_end():
    stream = begin()
    assert fed(stream, "It is\n", KEY) == ["It is\n", ""]
    assert stream.finish() == b"[PRIVATE_KEY]"
    assert [each.entity for each in stream.findings] == ["PRIVATE_KEY"]


def test_a_key_that_does_not_end_within_the_limit_ends_the_stream():
    stream = begin(limit=5_000)
    with pytest.raises(MaskingError, match="too-large"):
        fed(stream, KEY, *["MIIEpAIBAAKCAQEA\n"] * 400)
    with pytest.raises(MaskingError, match="stopped"):
        stream.feed(b"x")
    with pytest.raises(MaskingError, match="stopped"):
        stream.finish()


def test_a_key_that_may_stay_is_not_held_back():
    rules = (MaskRule(MaskOperator.REDACT, entity="US_SSN"),)
    assert "".join(fed(begin(rules, limit=5_000), KEY, *["MIIEpAIBAAKCAQEA\n"] * 400)).startswith(KEY)


@pytest.mark.parametrize("text", ["x" * 6_000, "1 " * 3_000, "[" * 6_000, '{"a": "' + "x " * 3_000])
def test_what_cannot_be_cut_is_bounded(text):
    with pytest.raises(MaskingError, match="too-large"):
        fed(begin(limit=5_000), *(text[at : at + 100] for at in range(0, len(text), 100)))


def test_json_is_masked_as_json():
    """It spells in other ways; no byte of it goes before its end."""
    document = '{"ssn": 536221847, "card": "\\u0034111111111111111", "note": "card, my dear"}\n'
    stream = begin()
    assert fed(stream, *document) == [""] * len(document)
    assert stream.finish().decode() == '{"ssn": "[US_SSN]", "card": "[CREDIT_CARD]", "note": "card, my dear"}\n'


def test_brackets_of_a_log_line_are_no_json():
    assert fed(begin(), "[2026-11-21 10:00:01] it is\n", "[INFO] on\n") == [
        "[2026-11-21 10:00:01] it is\n", "[INFO] on\n",
    ]  # fmt: skip


def test_rules_for_paths_are_for_json_alone():
    rules = (MaskRule(MaskOperator.REDACT, path="$.a"), MaskRule(MaskOperator.REDACT, entity="US_SSN"))
    assert fed(begin(rules), "ssn: 219-09-9999,\n") == ["ssn: [US_SSN],\n"]
    stream = begin(rules)
    assert fed(stream, '{"a": 1}\n') == [""]
    assert stream.finish() == b'{"a": "[REDACTED]"}\n'


def test_a_rule_for_all_of_it_waits_for_the_whole():
    stream = begin((MaskRule(MaskOperator.REDACT, path="$"),))
    assert fed(stream, "one line\n", "two\n") == ["", ""]
    assert stream.finish() == b"[REDACTED]"


@pytest.mark.parametrize("pieces", [[b"caf\xe9 au lait\n"], [b"\xc3", b"("], [b"a\0b"]])
def test_other_encodings_are_refused(pieces):
    stream = begin()
    with pytest.raises(Undecodable):
        [stream.feed(each) for each in pieces]


def test_a_character_that_is_cut_off_is_refused():
    stream = begin()
    stream.feed("é".encode()[:1])
    with pytest.raises(Undecodable):
        stream.finish()


def test_what_comes_together_of_masked_text_is_masked_as_far_as_it_is_there():
    stream = begin((MaskRule(MaskOperator.REMOVE, entity="*"),))
    out = fed(stream, "+44 2079 bob@example.com is\n", "12ghp_0123456789012345678901234567890123456789 4\n")
    assert "".join(out) == "+44 2079  is\n12 4\n"


@pytest.mark.parametrize(
    ("before", "after", "reaches"),
    [
        ("a 4111", "", True),
        ("a 4111", "1111\n", True),
        ("a 4111", "1111 ", True),
        ("1111", "1111 ", True),
        ("a 4111", "b", False),
        ("a 41111", "1111\n", False),
        ("a 219", "0", True),
        ("word", "1111\n", False),
        ("%34111", "1111", True),
        (r"\u0034111", "1111", True),
        ("a 4111", r"\u0031111", True),
        ("4111", r"1\u0031", True),
        (r"C:\dir is", "1111", False),
        ("\u0664111", "1111\n", True),
        ("\u200b" * 80, "1111\n", True),
        ("a,4111", "2024-01-01", False),
        ("a 4111\r", "", True),
        ("a 4111\r", "1111\r", True),
        ("a 4111\r", "1111\r\n", True),
        ("a 4111\r", "1111\rx", False),
        ("1111\r", "1111 ", True),
        ("word\r", "1111\r\n", False),
    ],
)
def test_what_may_reach_over_a_line_end(before, after, reaches):
    text = f"x\n{before}\n"
    assert may_reach(text + after, len(text)) is reaches


@pytest.mark.parametrize("last", ["Exª", "\uff25xa", "Ex\u200ba", "Exa"])
def test_lines_of_base64_go_together_as_detectors_see_them(last):
    """A letter that is folded is a part of the last line, or what stands behind it."""
    text = f"TXkgc3NuIGlzIDIxOS0wOS\n05OTk5LCBhbmQgbXkgY2Fy\nZCA0MTExMTExMTExMTExMT\n{last}"
    rules = (MaskRule(MaskOperator.PARTIAL, entity="*"),)
    masker = make_masker()
    stream = masker.stream("text/plain", rules)
    pieces = [stream.feed(character.encode()) for character in text]
    out = b"".join([*pieces, stream.finish()])
    assert out == masker.mask(text.encode(), "text/plain", rules).body
