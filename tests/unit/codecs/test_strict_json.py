"""Strict JSON: what two readers could take differently is refused by name."""

import sys

import pytest

from extproc.codecs.json_units import UNIT, Offsets, Unit, shape, unquote
from extproc.codecs.strict_json import check_text, parse, parse_strictly, parse_text
from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable
from tests.unit.codecs.scalars import scalars

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
    (b"\xef\xbb\xbf\xef\xbb\xbf{}", Uninspectable.NOT_JSON),
    (b" \xef\xbb\xbf{}", Uninspectable.NOT_JSON),
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
    (rb'{"amount":1,"amount\u0000":2}', Uninspectable.DUPLICATE_KEYS),
    (rb'[{"amount\u0000x":1,"amount\u0000y":2}]', Uninspectable.DUPLICATE_KEYS),
    (rb'{"":1,"\u0000a":2}', Uninspectable.DUPLICATE_KEYS),
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
    (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    (b'"x"', "x"),
    (rb'["\ud83d\ude00 \\ud800"]', ["😀 \\ud800"]),
    (b"[18446744073709551617]", [2**64 + 1]),
    (b"[0e5, -0.0, 1e-300]", [0.0, -0.0, 1e-300]),
    (b"[" * 8 + b"]" * 8, [[[[[[[[]]]]]]]]),
    (b'["[[[[[[[[[[[[", "\\"[{[{[{[{["]', ["[[[[[[[[[[[[", '"[{[{[{[{[']),
    (b"[[],[],[],[],[],[],[],[],[],[],[]]", [[]] * 11),
    (b'[{"a":1},{"a":1}]', [{"a": 1}, {"a": 1}]),
    (rb'{"a\u0000":"a\u0000","b":"a\u0000"}', {"a\0": "a\0", "b": "a\0"}),
    (rb'{"\u0000*\u0000a":1,"\u0000*\u0000b":2}', {"\0*\0a": 1, "\0*\0b": 2}),
    (rb'{"a\\u0000":1,"a":2}', {"a\\u0000": 1, "a": 2}),
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


def test_units_name_every_place():
    text = ' { "a" : [ 1, {"b\\u0041": "x\\"y"}, [], "z" ], "c":null } '
    units = list(UNIT.finditer(shape(text)))
    spans = [(unit.lastindex, unit.span(1), unit.span(unit.lastindex)) for unit in units]
    assert [(kind, text[slice(*key)] if key[0] >= 0 else None, text[slice(*at)]) for kind, key, at in spans] == [
        (Unit.OPEN, None, "{"),
        (Unit.MEMBER_OPEN, '"a"', "["),
        (Unit.WORD, None, "1"),
        (Unit.OPEN, None, "{"),
        (Unit.MEMBER_STRING, '"b\\u0041"', '"x\\"y"'),
        (Unit.CLOSE, None, "}"),
        (Unit.OPEN, None, "["),
        (Unit.CLOSE, None, "]"),
        (Unit.STRING, '"z"', '"z"'),
        (Unit.CLOSE, None, "]"),
        (Unit.MEMBER_WORD, '"c"', "null"),
        (Unit.CLOSE, None, "}"),
    ]
    assert list(scalars(text)) == [
        (("a", 0), "1"),
        (("a", 1, "bA"), '"x\\"y"'),
        (("a", 3), '"z"'),
        (("c",), "null"),
    ]


HARD_FOR_A_FAST_READER = [
    '{"a":1,"\\u0061":2}',
    '{"\\u003a":1,"::":2,":":3}',
    '{"a:b":"\\u003A","a:b":":"}',
    '{"a":{"b":":","b":"::"}}',
    "[1e-324, 1E-400]",
    "[0.0e-999]",
    "[" + "0." + "0" * 330 + "1]",
    "[0." + "0" * 199 + "1e-99]",
    "[0." + "0" * 250 + "1e-99]",
    "[12345678901234567890123]",
    "[-9223372036854775809, 18446744073709551616, 9223372036854775807, -0]",
    "[" + "1" * 400 + "]",
    "[1e308, -1e309]",
    '["id-e-400", "1e-4000"]',
    "[[[[[[[[]]]]]]]]",
    "[[[[[[[[[]]]]]]]]]",
    "[[[[[[[[{}]]]]]]]]",
    '[[[[[[[["[[[["]]]]]]]]',
    '{"a":' * 8 + "[]" + "}" * 8,
    "[" * 300 + "]" * 300,
    '["' + "\n" + " " * 16 + '"]',
    '"\\ud83d\\ude00"',
    '"\\ud83d"',
]


@pytest.mark.parametrize("text", HARD_FOR_A_FAST_READER, ids=lambda text: text[:30])
def test_the_fast_reader_never_decides_otherwise(text):
    for depth in (1, 7, 8, 9, 512):
        expected = outcome(lambda depth=depth: parse_strictly(text, depth))
        assert repr(outcome(lambda depth=depth: parse_text(text, max_depth=depth))) == repr(expected)
        checked = outcome(lambda depth=depth: check_text(text, max_depth=depth))
        assert checked == (expected if isinstance(expected, Uninspectable) else None)


def outcome(read):
    try:
        return read()
    except Unreadable as error:
        return error.kind


def test_offsets_lead_back_through_escapes():
    text = r'"a\n\ud83d\ude00b\u0041\\c"'
    decoded = unquote(text, 0, len(text))
    offsets = Offsets(text, 0, len(text))
    parts = [text[offsets[at] : offsets[at + 1]] for at in range(len(decoded))]
    assert decoded == "a\n😀bA\\c"
    assert parts == ["a", r"\n", r"\ud83d\ude00", "b", r"\u0041", r"\\", "c"]
