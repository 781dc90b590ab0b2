"""JSON Lines: each line by itself, as soon as it is whole."""

import gc
import tracemalloc

import pytest

from extproc.model.errors import MaskingError
from extproc.model.masking import MaskOperator, MaskRule
from tests.support.maskers import make_masker

MASKER = make_masker(max_depth=8, event_limit=100)
RULES = (MaskRule(MaskOperator.REDACT, entity="*"), MaskRule(MaskOperator.REMOVE, path="$.pin"))
TYPE = "application/x-ndjson"
RAW = b'{"a":"a@b.co"}\r\n\n{"pin":1}\n[4111111111111111]'
MASKED = b'{"a":"[EMAIL_ADDRESS]"}\r\n\n{"pin":null}\n["[CREDIT_CARD]"]'


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_output_ignores_cuts(size):
    stream = MASKER.stream(TYPE, RULES)
    out = b"".join(stream.feed(RAW[at : at + size]) for at in range(0, len(RAW), size)) + stream.finish()
    assert out == MASKED == MASKER.mask(RAW, TYPE, RULES).body
    assert [(each.entity, each.path) for each in stream.findings] == [
        ("EMAIL_ADDRESS", "$.a"),
        ("FIELD", "$.pin"),
        ("CREDIT_CARD", "$[0]"),
    ]


def test_a_line_goes_at_once():
    stream = MASKER.stream(TYPE, RULES)
    assert stream.feed(b'{"a":1}\n{"b":') == b'{"a":1}\n'
    assert stream.feed(b"2}\n") == b'{"b":2}\n'


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"a":1,"a":2}\n', "duplicate-keys"),
        (b"{\n}\n", "not-json"),
        (b"\xff\n", "not-utf8"),
        (b"[" * 9 + b"]" * 9 + b"\n", "too-deep"),
        (b'"' + b"x" * 100, "too-large"),
    ],
)
def test_what_cannot_be_read_ends_the_stream(raw, says):
    stream = MASKER.stream(TYPE, RULES)
    with pytest.raises(MaskingError, match=says):
        stream.feed(raw)
    for call in (lambda: stream.feed(b"1\n"), stream.finish):
        with pytest.raises(MaskingError, match="stopped"):
            call()


@pytest.mark.parametrize("bad", [b"\xff\n", b"{\n", b"[" + b" " * 100 + b"]\n", b" " * 101])
def test_lines_before_one_that_cannot_be_read_count(bad):
    """They come together, so that nothing of them is sent; what was found in them is."""
    stream = MASKER.stream(TYPE, RULES)
    with pytest.raises(MaskingError):
        stream.feed(b'["a@b.co"]\n' + bad)
    assert [each.count for each in stream.findings] == [1]
    with pytest.raises(MaskingError):
        stream.feed(b"1\n")
    with pytest.raises(MaskingError):
        stream.finish()


def test_an_unfinished_line_at_the_end_is_read_strictly():
    stream = MASKER.stream(TYPE, RULES)
    assert stream.feed(b'{"a":') == b""
    with pytest.raises(MaskingError, match="not-json"):
        stream.finish()


def test_memory_is_bounded_by_the_limit_of_a_line():
    stream, line = MASKER.stream(TYPE, RULES), b'{"a":"' + b"x" * 80 + b'"}\n'
    tracemalloc.start()
    for _ in range(2_000):
        assert stream.feed(line)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1_000 * len(line)
