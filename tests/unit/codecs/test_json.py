"""Strict JSON: what two readers could take differently is refused by name."""

import sys

import pytest

from extproc.codecs.errors import Unreadable
from extproc.codecs.json import Kind, Offsets, parse, tokens, unquote
from extproc.model.reasons import Uninspectable

REFUSED = [
    (b"", Uninspectable.NOT_JSON),
    (b" ", Uninspectable.NOT_JSON),
    (b"{", Uninspectable.NOT_JSON),
    (b"[1,]", Uninspectable.NOT_JSON),
    (b"{'a':1}", Uninspectable.NOT_JSON),
    (b"{a:1}", Uninspectable.NOT_JSON),
    (b"[1] x", Uninspectable.NOT_JSON),
    (b"[1][2]", Uninspectable.NOT_JSON),
    (b"// c\n1", Uninspectable.NOT_JSON),
    (b"[01]", Uninspectable.NOT_JSON),
    (b"[+1]", Uninspectable.NOT_JSON),
    (b"[.5]", Uninspectable.NOT_JSON),
    (b"[1.]", Uninspectable.NOT_JSON),
    (b"[1e]", Uninspectable.NOT_JSON),
    (b"[0x1]", Uninspectable.NOT_JSON),
    (b"[NaN]", Uninspectable.NOT_JSON),
    (b"[Infinity]", Uninspectable.NOT_JSON),
    (b"[-Infinity]", Uninspectable.NOT_JSON),
    (b'["\t"]', Uninspectable.NOT_JSON),
    (b'["\\x41"]', Uninspectable.NOT_JSON),
    (b'["\\u12g4"]', Uninspectable.NOT_JSON),
    (b'["\\u+123"]', Uninspectable.NOT_JSON),
    (b'["a', Uninspectable.NOT_JSON),
    (b"\x00", Uninspectable.NOT_JSON),
    (b"\x0c1", Uninspectable.NOT_JSON),
    ("\u00a01".encode(), Uninspectable.NOT_JSON),
    ("[\u0661]".encode(), Uninspectable.NOT_JSON),
    (b"\xef\xbb\xbf{}", Uninspectable.NOT_UTF8),
    (b'["\xff"]', Uninspectable.NOT_UTF8),
    (b'["\xc0\xaf"]', Uninspectable.NOT_UTF8),
    (b'["\xed\xa0\x80"]', Uninspectable.NOT_UTF8),
    ("{}".encode("utf-16"), Uninspectable.NOT_UTF8),
    (rb'["\ud800"]', Uninspectable.NOT_UTF8),
    (rb'{"\uDC00":1}', Uninspectable.NOT_UTF8),
    (rb'["\udc00\ud800"]', Uninspectable.NOT_UTF8),
    (b'{"a":1,"a":1}', Uninspectable.DUPLICATE_KEYS),
    (rb'{"a":1,"\u0061":2}', Uninspectable.DUPLICATE_KEYS),
    (b'[{"x":{"b":1,"c":2,"b":3}}]', Uninspectable.DUPLICATE_KEYS),
    (b"[1e999]", Uninspectable.NUMBER_OUT_OF_RANGE),
    (b"[-1e999]", Uninspectable.NUMBER_OUT_OF_RANGE),
    (b"[1e-999]", Uninspectable.NUMBER_OUT_OF_RANGE),
    (b"1" * 1_001, Uninspectable.NUMBER_OUT_OF_RANGE),
    (b"[" * 9 + b"]" * 9, Uninspectable.TOO_DEEP),
    (b'{"a":' * 9 + b"1" + b"}" * 9, Uninspectable.TOO_DEEP),
    (b"[" * 100_000, Uninspectable.TOO_DEEP),
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

    with pytest.raises(Unreadable) as caught:
        down(sys.getrecursionlimit() - 300)
    assert caught.value.kind is Uninspectable.TOO_DEEP


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
