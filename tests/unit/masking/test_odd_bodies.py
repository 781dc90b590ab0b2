"""Odd but common bodies: those that pass do so as they came, and the others say which they are."""

import pytest

from extproc.masking.formats import as_text
from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING
from extproc.model.odd_bodies import Odd
from tests.support.maskers import make_masker

MASKER = make_masker()
JSON, TEXT = "application/json", "text/plain"
MARK = b"\xef\xbb\xbf"

REFUSED = [
    (b'{"a": NaN}', JSON, Odd.NAN),
    (b'{"a": [1, Infinity]}', JSON, Odd.NAN),
    (b'{"a": -Infinity}', JSON, Odd.NAN),
    (b'{"a": nan}', JSON, Odd.NAN),
    (rb'{"a": "\ud83d"}', JSON, Odd.LONE_SURROGATE),
    (b'{"a": 1e-400}', JSON, Odd.NUMBER),
    (b'{"a": 1e400}', JSON, Odd.NUMBER),
    (b'{"a": ' + b"7" * 1_001 + b"}", JSON, Odd.LONG_INTEGER),
    ('{"a": "é"}'.encode("utf-16"), JSON, Odd.UTF16),
    ('{"a": "b"}'.encode("utf-16-le"), JSON, Odd.UTF16),
    (b'{"a": 1, "a": 2}', JSON, Odd.SAME_KEY),
    (rb'{"a": 1, "a\u0000": 2}', JSON, Odd.NUL_KEY),
    (b'{"a": 1}\n{"a": 2}\n', JSON, Odd.LINES),
    (b"<a/>", "application/xml", Odd.XML),
    (b"<a/>", "application/soap+xml; charset=utf-8", Odd.XML),
    (b"a: b", "application/yaml", Odd.YAML),
    (b"a: b", "application/x-yaml", Odd.YAML),
    (b"a,b", "application/csv", Odd.CSV),
    (b"a()", "application/javascript", Odd.SCRIPT),
    (b"a()", "application/x-javascript", Odd.SCRIPT),
    (b"\x89PNG", "image/png", Odd.BINARY),
    (b"abc", "application/octet-stream", Odd.BINARY),
    (b"abc", "application/x-unknown", Odd.OTHER_TYPE),
    (b"abc", "", Odd.NO_TYPE),
    (b"abc\xe9", "text/plain; charset=latin1", Odd.CHARSET),
    (b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xc3\xa9</a>', "text/xml", Odd.DECLARED),
    (b'<?xml version="1.0" encoding="utf-7"?><a>bob+AEA-example.com</a>', "text/xml", Odd.DECLARED),
]


@pytest.mark.parametrize(("body", "content_type", "odd"), REFUSED)
def test_the_error_says_which_body_it_is_and_what_to_do(body, content_type, odd):
    for act in (lambda: MASKER.mask(body, content_type, MASK_EVERYTHING), lambda: MASKER.find(body, content_type)):
        with pytest.raises(MaskingError) as caught:
            act()
        assert odd is None or str(caught.value).endswith(f": {odd.value}")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content_type", "body", "masked"),
    [
        (JSON, b'{"a": 1}', b'{"a": 1}'),
        (JSON, b'{"to": "a@b.co", "n": 1.50}', b'{"to": "[EMAIL_ADDRESS]", "n": 1.50}'),
        (TEXT, b'{"ssn": 219099999}', b'{"ssn": "[US_SSN]"}'),
        (TEXT, b"write to a@b.co", b"write to [EMAIL_ADDRESS]"),
        ("application/x-ndjson", b'{"a": "a@b.co"}\n{"a": 1}\n', b'{"a": "[EMAIL_ADDRESS]"}\n{"a": 1}\n'),
        ("text/csv", b"a@b.co,1\n", b"[EMAIL_ADDRESS],1\n"),
    ],
)
def test_a_byte_order_mark_is_skipped_and_stays(content_type, body, masked):
    """RFC 8259 section 8.1 lets a reader skip it; the bytes outside of edits stay as they came."""
    assert MASKER.mask(MARK + body, content_type, MASK_EVERYTHING).body == MARK + masked


def test_paths_lead_into_json_behind_a_mark():
    plain = MASKER.mask(b'{"ssn": "219-09-9999"}', JSON, MASK_EVERYTHING)
    assert MASKER.mask(MARK + b'{"ssn": "219-09-9999"}', JSON, MASK_EVERYTHING).findings == plain.findings


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        (
            b'<?xml version="1.0" encoding="UTF-8"?><a>a@b.co</a>',
            b'<?xml version="1.0" encoding="UTF-8"?><a>[EMAIL_ADDRESS]</a>',
        ),
        (
            b'<?xml version="1.0" encoding="iso-8859-1"?><a>a@b.co</a>',
            b'<?xml version="1.0" encoding="iso-8859-1"?><a>[EMAIL_ADDRESS]</a>',
        ),
        (b"<ssn>219099999</ssn>", b"<ssn>[US_SSN]</ssn>"),
        (b"<a>&#50;19-09-9999 &#x40;</a>", b"<a>[US_SSN] &#x40;</a>"),
        (b"to: a@b.co\nssn: 219099999\n", b"to: [EMAIL_ADDRESS]\nssn: [US_SSN]\n"),
        (b"send('a@b.co')", b"send('[EMAIL_ADDRESS]')"),
    ],
)
def test_a_type_that_the_operator_calls_text_is_masked_as_text(body, masked):
    content_type = as_text("Application/XML; charset=utf-8", ["application/xml"])
    assert MASKER.mask(body, content_type, MASK_EVERYTHING).body == masked


@pytest.mark.parametrize("content_type", ["application/xhtml+xml", "application/xml2", "x/application/xml", ""])
def test_only_the_very_type_is_text(content_type):
    assert as_text(content_type, ["application/xml"]) == content_type
