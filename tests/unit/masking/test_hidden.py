"""Ways in which a value could once be hidden from the masker."""

import json

import pytest

from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING
from tests.support.analyzers import CountingAnalyzer
from tests.support.maskers import make_masker

SSN = "219-09-9999"
ALL = MASK_EVERYTHING
MASKER = make_masker(event_limit=1 << 16)


def test_a_long_number_does_not_make_json_in_a_string_something_else():
    """Where only a lenient reader can parse it and an escape occurs, masking refuses."""
    inner = '{"n": %s, "note": "\\u0032\\u0031\\u0039-09-9999"}' % ("9" * 5_000)
    with pytest.raises(MaskingError):
        MASKER.mask(json.dumps({"text": inner}).encode(), "application/json", ALL)


IN_TEXT = {
    "fence": "Here:\n```json\n{}\n```",
    "prose": "result: {}",
    "two documents": '{}\n{{"a": 1}}',
    "script": "<script>var s = {}</script>",
    "JSONP": "cb({});",
}


@pytest.mark.parametrize("around", IN_TEXT.values(), ids=IN_TEXT)
@pytest.mark.parametrize(
    ("spelled", "label"),
    [
        (r"bob\u0040example.com", "[EMAIL_ADDRESS]"),
        (r"\u002B4915112345670", "[PHONE_NUMBER]"),
        (r"\u0032\u0031\u0039-09-9999", "[US_SSN]"),
        (r"https:\/\/hooks.slack.com\/services\/T00000000\/B00000000\/" + "X" * 24, r"https:\/\/[SLACK_WEBHOOK]"),
        (r"caf\u00e9 \/ bar", None),
    ],
)
def test_json_within_text_spells_in_its_escapes_too(around, spelled, label):
    """The JSON stays JSON, in however many documents the text is nested."""
    text = around.format(f'{{"m": "{spelled}"}}')
    masked = around.format(f'{{"m": "{label or spelled}"}}')
    assert MASKER.mask(text.encode(), "text/plain", ALL).body.decode() == masked
    for content_type, depth in (("application/json", 1), ("application/json", 2), ("text/plain", 3)):
        body, wanted = text, masked
        for _ in range(depth):
            body, wanted = json.dumps({"t": [body]}), json.dumps({"t": [wanted]})
        assert MASKER.mask(body.encode(), content_type, ALL).body.decode() == wanted


def test_documents_of_one_event_spell_in_escapes():
    event = b'data: {"m": "bob\\u0040example.com"}\n'
    out = MASKER.mask(event * 2 + b"\n", "text/event-stream", ALL)
    assert out.body == b'data: {"m": "[EMAIL_ADDRESS]"}\n' * 2 + b"\n"


def test_escapes_of_a_document_alone_start_no_scan():
    """Some writers escape all characters that are not ASCII: that is not text in text."""
    analyzer = CountingAnalyzer()
    body = json.dumps({"a": "日本語", "b": ["d/e é"]}).replace("/", "\\/").encode()
    assert make_masker(analyzer).mask(body, "application/json", ALL).body == body
    assert (analyzer.prescans, analyzer.searches) == (1, 0)


@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_text_in_another_encoding_is_refused(content_type, encoding):
    """Read as UTF-8 it would look clean."""
    body = f"data: {SSN}\n\n".encode(encoding)
    with pytest.raises(MaskingError):
        MASKER.mask(body, content_type, ALL)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_events_in_another_encoding_never_come_out(encoding):
    """Their lines do not end where a reader of UTF-8 sees an end: refused, or held back as unfinished."""
    stream = MASKER.stream("text/event-stream", ALL)
    try:
        out = stream.feed(f"data: {SSN}\n\ndata: {SSN}\n\n".encode(encoding)) + stream.finish()
    except MaskingError:
        out = b""
    assert out == b""
