"""Streams of events are masked event by event, and end for good at the first that cannot be."""

import pytest

from extproc.model.errors import MaskingError
from extproc.model.masking import Finding, MaskOperator, MaskRule
from tests.support.maskers import make_masker

SSE = "text/event-stream"
ALL = (MaskRule(MaskOperator.REDACT, entity="*"), MaskRule(MaskOperator.REDACT, path="$.a.b"))
MASKER = make_masker(event_limit=200)


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        (b'data: {"a": {"b": "x"}}\n\n', b'data: {"a": {"b": "[REDACTED]"}}\n\n'),
        (b'event: message\r\ndata: "a@b.co"\r\n\r\n', b'event: message\r\ndata: "[EMAIL_ADDRESS]"\r\n\r\n'),
        (b'data: {"a":\ndata:  {"b": 1}}\n\n', b'data: {"a":\ndata:  {"b": "[REDACTED]"}}\n\n'),
        (b'data: {"a": {"b":\ndata: [1,\ndata: 2]}}\n\n', b'data: {"a": {"b":\ndata: "[REDACTED]"}}\n\n'),
        (b"data: plain a@b.co text\n\n", b"data: plain [EMAIL_ADDRESS] text\n\n"),
        (b"data: [DONE]\n\n", b"data: [DONE]\n\n"),
        (b": ping a@b.co\n\n", b": ping [EMAIL_ADDRESS]\n\n"),
        (b"id: a@b.co\nevent: c@d.co\ndata: x\n\n", b"id: [EMAIL_ADDRESS]\nevent: [EMAIL_ADDRESS]\ndata: x\n\n"),
        (b"retry: 4111111111111111\n\n", b"retry: [CREDIT_CARD]\n\n"),
        (b"a@b.co: x\ndata: y\n\n", b":\ndata: y\n\n"),
        (b"4111111111111111\ndata: y\n\n", b":\ndata: y\n\n"),
        (b"unknown: harmless\ndata: y\n\n", b"unknown: harmless\ndata: y\n\n"),
        (b"\xef\xbb\xbfdata: a@b.co\n\n", b"\xef\xbb\xbfdata: [EMAIL_ADDRESS]\n\n"),
        (b"data: -----BEGIN PRIVATE KEY-----\ndata: MIIE\ndata: zz\n\n", b"data: [PRIVATE_KEY]\n\n"),
        (b"data: x\n\ndata: unfinished a@b.co", b"data: x\n\n"),
    ],
)
def test_masks(raw, masked):
    assert MASKER.mask(raw, SSE, ALL).body == masked
    stream = MASKER.stream(SSE, ALL)
    assert b"".join(stream.feed(raw[at : at + 1]) for at in range(len(raw))) + stream.finish() == masked


def test_findings_add_up():
    stream = MASKER.stream(SSE, ALL)
    stream.feed(b'data: {"x": "a@b.co"}\n\n' * 3)
    stream.feed(b'data: {"x": "a@b.co"}\n\n')
    assert stream.findings == (Finding("EMAIL_ADDRESS", "$.x", "redact", 4),)


def test_an_event_goes_as_soon_as_it_is_whole():
    stream = MASKER.stream(SSE, ALL)
    assert stream.feed(b"data: x\n") == b""
    assert stream.feed(b"\nda") == b"data: x\n\n"


@pytest.mark.parametrize(
    "raw",
    [b"data: \xff\n\n", b": \xff\n\n", b"data: " + b"x" * 300, b'data: {"a": {"b": NaN}}\n\n', b"\xff: x\n\n"],
)
def test_a_stream_that_cannot_be_masked_ends(raw):
    stream = MASKER.stream(SSE, ALL)
    with pytest.raises(MaskingError):
        stream.feed(raw)
    with pytest.raises(MaskingError):
        stream.feed(b"data: x\n\n")


@pytest.mark.parametrize("bad", [b"data: \xff\n\n", b": \xff\n\n", b'data: {"a": {"b": NaN}}\n\n'])
def test_events_before_one_that_cannot_be_read_count(bad):
    """They come together, so that nothing of them is sent; what was found in them is."""
    stream = MASKER.stream(SSE, ALL)
    with pytest.raises(MaskingError):
        stream.feed(b"data: a@b.co\n\n" + bad + b"data: c@d.co\n\n")
    assert [each.count for each in stream.findings] == [1]


def test_what_tells_of_an_event_tells_of_no_other():
    stream = MASKER.stream(SSE, ALL)
    events = [b'data: {"ssn": 219099999}\n\n', b"data: 219099999\n: ssn 219099999\n\n", b"data: x\n\n"]
    masked = [b'data: {"ssn": "[US_SSN]"}\n\n', b"data: 219099999\n: ssn [US_SSN]\n\n", b"data: x\n\n"]
    assert stream.feed(b"".join(events)) == b"".join(masked)


def test_only_events_lines_and_text_are_streamed():
    for content_type in ("", "application/json", "text/json", "text/plain; charset=latin1"):
        with pytest.raises(MaskingError):
            MASKER.stream(content_type, ALL)


def test_without_rules_all_passes():
    stream = MASKER.stream(SSE, ())
    assert stream.feed(b"\xff") + stream.finish() == b"\xff"
    assert stream.findings == ()
