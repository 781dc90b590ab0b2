"""Strict JSON: what two readers could take differently is refused by name."""

import sys

import pytest

from extproc.codecs.errors import Unreadable
from extproc.codecs.json import Kind, Offsets, parse, tokens, unquote
from extproc.model.reasons import Uninspectable as U

REFUSED = [
    (b"", U.NOT_JSON),
    (b" ", U.NOT_JSON),
    (b"{", U.NOT_JSON),
    (b"[1,]", U.NOT_JSON),
    (b"{'a':1}", U.NOT_JSON),
    (b"{a:1}", U.NOT_JSON),
    (b"[1] x", U.NOT_JSON),
    (b"[1][2]", U.NOT_JSON),
    (b"// c\n1", U.NOT_JSON),
    (b"[01]", U.NOT_JSON),
    (b"[+1]", U.NOT_JSON),
    (b"[.5]", U.NOT_JSON),
    (b"[1.]", U.NOT_JSON),
    (b"[1e]", U.NOT_JSON),
    (b"[0x1]", U.NOT_JSON),
    (b"[NaN]", U.NOT_JSON),
    (b"[Infinity]", U.NOT_JSON),
    (b"[-Infinity]", U.NOT_JSON),
    (b'["\t"]', U.NOT_JSON),
    (b'["\\x41"]', U.NOT_JSON),
    (b'["\\u12g4"]', U.NOT_JSON),
    (b'["\\u+123"]', U.NOT_JSON),
    (b'["a', U.NOT_JSON),
    (b"\x00", U.NOT_JSON),
    (b"\x0c1", U.NOT_JSON),
    ("\u00a01".encode(), U.NOT_JSON),
    ("[\u0661]".encode(), U.NOT_JSON),
    (b"\xef\xbb\xbf{}", U.NOT_UTF8),
    (b'["\xff"]', U.NOT_UTF8),
    (b'["\xc0\xaf"]', U.NOT_UTF8),
    (b'["\xed\xa0\x80"]', U.NOT_UTF8),
    ("{}".encode("utf-16"), U.NOT_UTF8),
    (rb'["\ud800"]', U.NOT_UTF8),
    (rb'{"\uDC00":1}', U.NOT_UTF8),
    (rb'["\udc00\ud800"]', U.NOT_UTF8),
    (b'{"a":1,"a":1}', U.DUPLICATE_KEYS),
    (rb'{"a":1,"\u0061":2}', U.DUPLICATE_KEYS),
    (b'[{"x":{"b":1,"c":2,"b":3}}]', U.DUPLICATE_KEYS),
    (b"[1e999]", U.NUMBER_OUT_OF_RANGE),
    (b"[-1e999]", U.NUMBER_OUT_OF_RANGE),
    (b"[1e-999]", U.NUMBER_OUT_OF_RANGE),
    (b"1" * 1_001, U.NUMBER_OUT_OF_RANGE),
    (b"[" * 9 + b"]" * 9, U.TOO_DEEP),
    (b'{"a":' * 9 + b"1" + b"}" * 9, U.TOO_DEEP),
    (b"[" * 100_000, U.TOO_DEEP),
]


@pytest.mark.parametrize(("body", "kind"), REFUSED, ids=lambda value: repr(value)[:40])
def test_refuses_by_name(body, kind):
    with pytest.raises(Unreadable) as caught:
        parse(body, max_depth=8)
    assert caught.value.kind is kind


ACCEPTED = [
    (b" {} ", {}),
    (b"null", None),
    (b'"x"', "x"),
    (rb'["\ud83d\ude00 \\ud800"]', ["😀 \\ud800"]),
    (b"[18446744073709551617]", [2**64 + 1]),
    (b"[0e5, -0.0, 1e-300]", [0.0, -0.0, 1e-300]),
    (b"[" * 8 + b"]" * 8, [[[[[[[[]]]]]]]]),
    (b'["[[[[[[[[[[[[", "\\"[{[{[{[{["]', ["[[[[[[[[[[[[", '"[{[{[{[{[']),
    (b"[[],[],[],[],[],[],[],[],[],[],[]]", [[]] * 11),
    (b'[{"a":1},{"a":1}]', [{"a": 1}, {"a": 1}]),
    (b"7" * 1_000, int("7" * 1_000)),
]


@pytest.mark.parametrize(("body", "value"), ACCEPTED, ids=lambda value: repr(value)[:40])
def test_accepts(body, value):
    assert parse(body, max_depth=8) == value


def test_deep_nesting_within_the_limit_does_not_depend_on_the_stack():
    """A parser that runs out of stack says too deep, and nothing else."""

    def down(frames):
        return down(frames - 1) if frames else parse(b"[" * 500 + b"]" * 500, max_depth=512)

    try:
        down(sys.getrecursionlimit() - 300)
    except Unreadable as error:
        assert error.kind is U.TOO_DEEP


def test_an_error_shows_nothing_of_the_body():
    with pytest.raises(Unreadable) as caught:
        parse(b'{"ssn":"123-45-6789",}', max_depth=8)
    assert "123" not in str(caught.value) + repr(caught.value)
    assert caught.value.__suppress_context__


def test_tokens_name_every_place():
    text = ' { "a" : [ 1, {"b\\u0041": "x\\"y"}, [] ], "c":null } '
    seen = [(token.kind, text[token.start : token.end], token.path) for token in tokens(text)]
    assert seen == [
        (Kind.OPEN, "{", ()),
        (Kind.KEY, '"a"', ("a",)),
        (Kind.OPEN, "[", ("a",)),
        (Kind.NUMBER, "1", ("a", 0)),
        (Kind.OPEN, "{", ("a", 1)),
        (Kind.KEY, '"b\\u0041"', ("a", 1, "bA")),
        (Kind.STRING, '"x\\"y"', ("a", 1, "bA")),
        (Kind.CLOSE, "}", ("a", 1)),
        (Kind.OPEN, "[", ("a", 2)),
        (Kind.CLOSE, "]", ("a", 2)),
        (Kind.CLOSE, "]", ("a",)),
        (Kind.KEY, '"c"', ("c",)),
        (Kind.LITERAL, "null", ("c",)),
        (Kind.CLOSE, "}", ()),
    ]


def test_offsets_lead_back_through_escapes():
    text = r'"a\n\ud83d\ude00b\u0041\\c"'
    decoded = unquote(text, 0, len(text))
    offsets = Offsets(text, 0, len(text))
    parts = [text[offsets[at] : offsets[at + 1]] for at in range(len(decoded))]
    assert decoded == "a\n😀bA\\c"
    assert parts == ["a", r"\n", r"\ud83d\ude00", "b", r"\u0041", r"\\", "c"]
