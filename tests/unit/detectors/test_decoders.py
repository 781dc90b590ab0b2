"""Entities are found in text that is spelled in text, with the length of their spelling."""

# ruff: noqa: RUF001 - the other ways to write marks are the point

import base64
from urllib.parse import quote

import pytest

from extproc.detectors.analyzer import Analyzer

ANALYZER = Analyzer()
BACKSLASH = "\\"


def found(text, key=""):
    return [(match.entity, text[match.start : match.end]) for match in ANALYZER.scan(text, lambda: key)]


def packed(text):
    return base64.b64encode(text.encode()).decode()


FOUND = [
    ("see 219%2D09%2d9999 there", "US_SSN", "219%2D09%2d9999"),
    ("q=bob%40example.com&x", "EMAIL_ADDRESS", "bob%40example.com"),
    ("%34111%31111%31111%31111", "CREDIT_CARD", "%34111%31111%31111%31111"),
    ("4111%201111%201111%201111", "CREDIT_CARD", "4111%201111%201111%201111"),
    ("é %EF%BC%94111111111111111", "CREDIT_CARD", "%EF%BC%94111111111111111"),
    ("219&#45;09&#x2D;9999!", "US_SSN", "219&#45;09&#x2D;9999"),
    ("&#52&#49&#x31&#49 1111 1111 111&#049", "CREDIT_CARD", None),
    (f"&#{32 * '0'}50;1&#X{32 * '0'}39-09-9999", "US_SSN", None),
    ("bob&#64example.com&#44 he said", "EMAIL_ADDRESS", "bob&#64example.com"),
    ("<b>bob&commat;example&period;com</b>", "EMAIL_ADDRESS", "bob&commat;example&period;com"),
    (r"cb(bob\u0040example.com)", "EMAIL_ADDRESS", r"bob\u0040example.com"),
    (r"jos\u00e9.m@example.com", "EMAIL_ADDRESS", None),
    (r"\u0034\u003111\u002d1111\uff0D1111 1111", "CREDIT_CARD", None),
    (r"\ud835\udFD2111111111111111", "CREDIT_CARD", None),
    (r"\\ud835\\\\udfd2111111111111111", "CREDIT_CARD", None),
    (r"bob\\\\u0040example.com", "EMAIL_ADDRESS", None),
    (r"x \u002B4915112345670!", "PHONE_NUMBER", r"\u002B4915112345670"),
    (r"4111\/1111\\/1111\/1111", "CREDIT_CARD", None),
    (r"bob\u0026#64;example.com", "EMAIL_ADDRESS", None),
    (r"%5Cu0034111111111111111", "CREDIT_CARD", None),
    ("＼ｕ0034111111111111111", "CREDIT_CARD", None),
    (packed("my ssn is 219-09-9999"), "US_SSN", packed("my ssn is 219-09-9999")),
    (f"x={packed('to bob@example.com now')};", "EMAIL_ADDRESS", packed("to bob@example.com now")),
    (base64.urlsafe_b64encode(b"bob@example.com ?>?>?").decode(), "EMAIL_ADDRESS", None),
    (packed('{"card": "4111111111111111"}').rstrip("="), "CREDIT_CARD", None),
    (packed('{"name": "José", "card": "4111111111111111"}'), "CREDIT_CARD", None),
    (packed("The name is 山田\ufffd太郎, josé@example.com"), "EMAIL_ADDRESS", None),
    (quote(packed("my ssn is 219-09-9999...")), "US_SSN", None),
    (packed(quote("to bob@example.com now")), "EMAIL_ADDRESS", None),
]


@pytest.mark.parametrize(("text", "entity", "part"), FOUND)
def test_spelled_text_is_found(text, entity, part):
    assert (entity, part or text) in found(text)
    document = f'{{"a": "{text.replace(BACKSLASH, 2 * BACKSLASH)}"}}'
    detectors, candidates = ANALYZER.prescan(document)
    assert detectors
    assert candidates is None or any(6 < offset < len(document) - 2 for offset, _ in candidates)


ESC = "\x1b"
EDGES = [
    (f"{ESC}[31m«bob@example.com»{ESC}[0m", "EMAIL_ADDRESS"),
    (f"{ESC}[01;31m{ESC}[K«bob@example.com»{ESC}[m{ESC}[K", "EMAIL_ADDRESS"),
    (f"api_key={ESC}[1m«Xk29fLq81mZtPw47Q»{ESC}[0m", "SECRET"),
    (f"{ESC}[?25lssn {ESC}[1m«219-{ESC}[2m09-9999»{ESC}[m", "US_SSN"),
    ("mail%20to%20«bob@example.com»%20now", "EMAIL_ADDRESS"),
    ("a=%3C«bob@example.com»%3E", "EMAIL_ADDRESS"),
    (r"\x3c«bob@example.com»\x3e", "EMAIL_ADDRESS"),
    (r"\u003c«bob@example.com»\u003e", "EMAIL_ADDRESS"),
    ("&#60«bob@example.com»&#62", "EMAIL_ADDRESS"),
    ("postgres://u:«%24ecret12»@h/x", "CONNECTION_STRING"),
]
"""Values that something spelled stands beside."""


@pytest.mark.parametrize(("marked", "entity"), EDGES)
def test_what_is_spelled_beside_a_value_stays(marked, entity):
    before, _, rest = marked.partition("«")
    value, _, behind = rest.partition("»")
    text = before + value + behind
    assert {text[start:end] for start, end, kind in ANALYZER.scan(text) if kind == entity} == {value}


def test_the_keys_above_count():
    assert found("%3219099999", "ssn") == [("US_SSN", "%3219099999")]
    assert found("%3219099999", "order") == []


@pytest.mark.parametrize(
    "text",
    [
        "100%25 of &amp; nothing",
        "%zz %4 &; &#; &#99999999; &#x; &#xfffffff &#0; &#" + "0" * 5_000 + "52;",
        r"C:\users\unit \u00 \uZZZZ \ud800 \\/ \\",
        packed("nothing to see here, move along"),
        packed("\x00\x01\x02" * 20),
        base64.b64encode(b"it is binary \xff\xd8\xff 4111111111111111").decode(),
        base64.b64encode(b"it is control \x01 4111111111111111").decode(),
        "dGhpcyBpcyBub3RoaW5n.dGhpcyBpcyBub3RoaW5n",
        "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybG",
    ],
)
def test_nothing_is_found_in_text_that_spells_nothing(text):
    assert found(text) == []


HOSTILE = [
    "&#" + "0" * 100_000,
    ("&#x" + "0" * 39) * 3_000,
    "&#0000000" * 12_000,
    "%34" * 40_000,
    "&#52;" * 20_000,
    "TTTT" * 25_000,
    "MjE5LTA5LTk5OTkg" * 6_000,
    "%2541" * 20_000,
]
HOSTILE += ["\\" * 100_000, "\\u" * 50_000, "\\/" * 50_000, r"\u0034" * 20_000, r"\ud835" * 20_000]
HOSTILE += [r"\ud835" + "\\" * 100_000, (r"\ud835" + "\\" * 300) * 300]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:8])
@pytest.mark.slow
def test_hostile_text_is_scanned_in_time(text):
    """Work that grew with the square of 100,000 characters would not end. ``benchmarks.worst_cases`` measures growth."""
    assert ANALYZER.scan(text) is not None
