"""Codecs: strictness, round trips, and output that ignores how bytes were cut."""

import gzip
import json
import math
import zlib
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.codecs.content_encoding import decode
from extproc.codecs.json_units import Offsets, quote, unquote
from extproc.codecs.sse import Reader
from extproc.codecs.strict_json import check_text, parse, parse_strictly, parse_text
from extproc.codecs.unreadable import Unreadable
from tests.unit.codecs.scalars import scalars

KEYS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
"""Two keys with a NUL may be one for readers in C."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
JSONISH = st.text(alphabet='{}[]",:\\u0019eE+-. \ntrufalsn\ud7ff\x00é', max_size=40)


def normal(value):
    return json.dumps(value, sort_keys=True)


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_parses_what_anyone_writes(value, ascii_only, indent):
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "replace")
    parsed = parse(body, max_depth=50)
    assert normal(parsed) == normal(json.loads(body))


@given(st.binary(max_size=60) | JSONISH.map(lambda text: text.encode()))
def test_junk_is_refused_by_name_or_is_json_for_everyone(body):
    try:
        value = parse(body, max_depth=5)
    except Unreadable:
        return
    assert normal(value) == normal(json.loads(body))


NUMERALS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
DOCUMENTS = st.recursive(
    NUMERALS | st.text().map(json.dumps) | JSONISH,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: "[" + ", ".join(parts) + "]")
        | st.lists(st.tuples(st.sampled_from(["a", ":", "\\u003a", "\\u0061", "é"]), inner), max_size=3).map(
            lambda members: "{" + ",".join(f'"{key}" : {value}' for key, value in members) + "}"
        )
    ),
    max_leaves=6,
)


@given(DOCUMENTS, st.integers(1, 5))
def test_the_fast_reader_accepts_and_gives_what_the_strict_one_does(text, depth):
    """Types included: 1 is not 1.0, and -0.0 is not 0."""
    expected = read(lambda: parse_strictly(text, depth))
    assert read(lambda: parse_text(text, max_depth=depth)) == expected
    checked = read(lambda: check_text(text, max_depth=depth))
    assert checked == (expected if expected.startswith("refused") else "None")


def read(work):
    try:
        return repr(work())
    except Unreadable as error:
        return f"refused {error.kind}"


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_units_are_what_a_parser_sees(value, ascii_only, indent):
    """A naive walk of the parsed value names the same scalars at the same places."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    seen = [(path, parse_text(source, max_depth=1)) for path, source in scalars(text)]
    assert [(path, normal(each)) for path, each in seen] == [
        (path, normal(each)) for path, each in walk(value, ())
    ]


def walk(value, path):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, (*path, index))
    else:
        yield path, value


@given(st.text(), st.data())
def test_offsets_cut_a_string_where_its_text_is_cut(value, data):
    text = "".join(data.draw(st.sampled_from(spellings(char))) for char in value)
    token = f' "{text}"'
    assert unquote(token, 1, len(token)) == value
    offsets = Offsets(token, 1, len(token))
    cut = data.draw(st.integers(0, len(value)))
    left = token[2 : offsets[cut]]
    right = token[offsets[cut] : -1]
    assert json.loads(f'"{left}"') == value[:cut]
    assert json.loads(f'"{right}"') == value[cut:]


def spellings(char):
    units = char.encode("utf-16-be")
    escaped = "".join(f"\\u{units[at]:02X}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    return [quote(char)[1:-1], escaped]


def cut(raw, places):
    edges = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    return [raw[start:end] for start, end in pairwise(edges)]


STREAMS = st.lists(
    st.sampled_from(
        [
            b"data",
            b"data:",
            b"data: ",
            b"id: 1",
            b":c",
            b"event:x",
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"\r\r",
            b"\xef\xbb\xbf",
            b"x",
            b" ",
            "é😀".encode(),
        ]
    ),
    max_size=30,
).map(b"".join)
CUTS = st.lists(st.integers(0, 10_000), max_size=6) | st.just(range(150))


@given(STREAMS | st.binary(max_size=50), CUTS)
def test_events_ignore_cuts(raw, places):
    whole, parts = Reader(limit=10_000), Reader(limit=10_000)
    expected = whole.feed(raw)
    pieces = [event for piece in cut(raw, places) for event in parts.feed(piece)]
    assert b"".join(event.raw for event in pieces) == b"".join(event.raw for event in expected)
    stray = [event.data for event in pieces if event.raw != b"\n"]
    assert [data for data in stray if data is not None] == [e.data for e in expected if e.data is not None]
    assert raw.startswith(b"".join(event.raw for event in expected))


@given(STREAMS, CUTS, st.integers(1, 40))
def test_the_limit_ignores_cuts(raw, places, limit):
    def breaks(pieces):
        reader = Reader(limit=limit)
        try:
            for piece in pieces:
                reader.feed(piece)
        except Unreadable:
            return True
        return False

    assert breaks([raw]) == breaks(cut(raw, places))


@given(STREAMS)
def test_events_are_the_specifications(raw):
    """A line-by-line reading, written from the specification, sees the same data."""
    assert [e.data for e in Reader(limit=10_000).feed(raw) if e.data is not None] == list(naive(raw))


def naive(raw):
    text = raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    data = []
    for line in lines:
        if line == "":
            if data:
                yield "\n".join(data).encode("utf-8", "surrogateescape")
            data = []
        elif line.partition(":")[0] == "data":
            data.append(line.partition(":")[2].removeprefix(" "))


@given(STREAMS, st.lists(st.text(alphabet=" xé:", max_size=5), min_size=1, max_size=4))
def test_replaced_data_is_read_back(raw, values):
    data = "\n".join(values).encode()
    for event in Reader(limit=10_000).feed(raw):
        if event.data is not None:
            written = event.with_data(data)
            (again,) = [e for e in Reader(limit=10_000).feed(written.raw) if e.data is not None]
            assert again.data == data
            assert event.with_data(event.data) == event


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]), st.integers(0, 400))
def test_encodings_round_trip_within_the_limit_and_not_above(data, coding, limit):
    packed = gzip.compress(data) if coding == "gzip" else zlib.compress(data)
    if len(data) > limit:
        with pytest.raises(Unreadable):
            decode(packed, coding, limit=limit, ratio=1_000)
    else:
        assert decode(packed, coding, limit=limit, ratio=1_000) == data


@given(st.binary(max_size=60), st.sampled_from(["gzip", "deflate", "br", "", "x, y"]))
def test_junk_decodes_to_documented_errors(data, coding):
    with suppress(Unreadable):
        assert len(decode(data, coding, limit=50, ratio=5)) <= 50


@given(st.floats())
def test_numbers_are_kept_or_refused(number):
    body = json.dumps(number).encode()
    if math.isfinite(number):
        assert parse(body, max_depth=1) == number
    else:
        with pytest.raises(Unreadable):
            parse(body, max_depth=1)
