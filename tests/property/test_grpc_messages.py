"""Messages as JSON and masked by their JSON's paths: whatever they hold, and whatever stands where one should."""

import zlib
from itertools import pairwise

from google.protobuf import any_pb2, json_format, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import Frame
from extproc.codecs.protobuf_messages import read_message
from extproc.codecs.unreadable import Unreadable
from extproc.masking.plan.json_path import render
from extproc.masking.protobuf.frames import Framing
from extproc.model.errors import MaskingError
from extproc.model.masking import MaskOperator, MaskRule
from extproc.protocols.grpc.protocol import read_frames
from tests.integration.support.shop import GET_ITEM, Item, framed
from tests.support.maskers import make_masker

KIND = GET_ITEM.request
POOL = KIND.file.pool
MASKER = make_masker(event_limit=1 << 16)
SSN = "219-09-9999"
EMPTY = frozenset(
    map(repr, ("1970-01-01T00:00:00Z", "[REDACTED]", "W1JFREFDVEVEXQ==", "", 0, 0.0, -0.0, False, None, "0"))
)
"""Values that may stand where a value was masked."""
TEXTS = st.sampled_from(["", "x", "é", SSN, "a.b", "it's", '{"a":1}']) | st.text(max_size=5)
JSONS = st.recursive(
    st.none() | st.booleans() | st.floats(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SCALARS = {
    "id": TEXTS,
    "unit_price": st.floats(width=64),
    "notes": st.lists(TEXTS, max_size=3),
    "stock": st.integers(-(1 << 63), (1 << 63) - 1),
    "labels": st.dictionaries(TEXTS, TEXTS, max_size=3),
    "data": st.sampled_from([b"", b"x", "é".encode(), SSN.encode()]),
    "kind": st.sampled_from([0, 1, 7]),
    "owner_ssn": st.integers(0, (1 << 32) - 1),
    "sizes": st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=3),
    "ratio": st.floats(width=32),
    "counts": st.dictionaries(st.booleans(), st.integers(-5, 5), max_size=2),
    "cap": TEXTS.map(lambda text: {"value": text}),
    "updated": st.integers(0, 4_000_000_000).map(lambda seconds: {"seconds": seconds}),
}


def in_any(message):
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


OTHERS = st.one_of(
    st.builds(timestamp_pb2.Timestamp, seconds=st.integers(0, 4_000_000_000)),
    st.builds(wrappers_pb2.StringValue, value=TEXTS),
    st.builds(wrappers_pb2.Int64Value, value=st.integers(-5, 5)),
    st.dictionaries(TEXTS, JSONS, max_size=2).map(lambda value: json_format.ParseDict(value, struct_pb2.Struct())),
    TEXTS.map(lambda text: in_any(Item(id=text))),
)


@st.composite
def items(draw, depth=0):
    made = Item(**draw(st.fixed_dictionaries({}, optional=SCALARS)))
    if draw(st.booleans()):
        json_format.ParseDict(draw(st.dictionaries(TEXTS, JSONS, max_size=3)), made.meta)
    if draw(st.booleans()):
        setattr(made, draw(st.sampled_from(["small", "large"])), draw(TEXTS))
    if depth < 2:
        if draw(st.booleans()):
            made.owner.CopyFrom(draw(items(depth + 1)))
        if draw(st.booleans()):
            made.details.Pack(draw(st.one_of(items(depth + 1), OTHERS)))
    return made


def as_json(message):
    return json_format.MessageToDict(message, descriptor_pool=POOL)


def leaves(value, path=()):
    """Each scalar of a document by its place."""
    if isinstance(value, dict) and value:
        return {place: leaf for key, each in value.items() for place, leaf in leaves(each, (*path, key)).items()}
    if isinstance(value, list) and value:
        return {
            place: leaf for key, each in enumerate(value) for place, leaf in leaves(each, (*path, key)).items()
        }
    return {path: repr(value)}


def masked(body, *rules, encoding="", listed=False):
    stream = MASKER.frames(Framing(Messages(KIND, listed, encoding), 1 << 20, 20), rules)
    return stream.feed(body) + stream.finish()


@given(items())
@settings(max_examples=80, deadline=None)
def test_a_message_is_its_json(item):
    assert read_message(item.SerializeToString(), KIND, max_depth=64) == as_json(item)


@given(items(), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4))
@settings(max_examples=80, deadline=None)
def test_whatever_can_be_read_is_read_as_a_parser_does(item, changes):
    """Of a broken message, too: either nobody reads it here, or as everybody does, and nothing is left out."""
    raw = bytearray(item.SerializeToString())
    for place, value in changes if raw else ():
        raw[place % len(raw)] = value
    try:
        found = read_message(bytes(raw), KIND, max_depth=64)
    except Unreadable:
        return
    assert found == as_json(Item.FromString(bytes(raw)))


@given(st.binary(max_size=80))
@settings(max_examples=150, deadline=None)
def test_junk_meets_documented_errors_alone(junk):
    try:
        read_message(junk, KIND, max_depth=8)
        Item.FromString(junk)
    except Unreadable:
        pass
    except DecodeError as error:  # pragma: no cover - a parser would not have read what was read here
        raise AssertionError from error
    for body in (junk, framed(junk), Frame(True, zlib.compress(junk)).raw):
        try:
            read_frames(body, "deflate", limit=1_000, ratio=20)
            masked(body, MaskRule(MaskOperator.REDACT, entity="*"), encoding="deflate")
        except (Unreadable, MaskingError):
            pass


@given(items(), st.data())
@settings(max_examples=80, deadline=None)
def test_a_path_of_the_json_masks_that_field_and_no_other(item, data):
    """Policy and approvers see the names that rules use."""
    before = leaves(as_json(item))
    place = data.draw(st.sampled_from(sorted(before, key=repr)))
    if (
        not place
        or place[-1] == "@type"
        or any(len(render(place)) > 500 or not isinstance(key, int | str) for key in place)
    ):
        return
    path = "$" + "".join(f"[{key}]" if isinstance(key, int) else "['" + key.replace("\\", "\\\\").replace("'", "\\'") + "']" for key in place)  # fmt: skip
    out = masked(framed(item), MaskRule(MaskOperator.REDACT, path=path))
    after = as_json(Item.FromString(out[5:]))
    found = leaves(after)
    for each, value in before.items():
        if each == place:
            assert found.get(each) is None or found[each] == value or found[each] in EMPTY
        elif each[: len(place)] != place and place[: len(each)] != each:
            assert found.get(each) == value, each
    looked = leaves(after).get(place)
    assert before[place] in EMPTY or before[place] in ("{}", "[]") or looked != before[place]


@given(st.lists(items(), max_size=3), st.lists(st.integers(0, 10_000), max_size=5), st.booleans())
@settings(max_examples=80, deadline=None)
def test_output_ignores_cuts(found, places, compressed):
    raw = framed(*found, compressed=compressed)
    rules = (MaskRule(MaskOperator.REDACT, entity="*"), MaskRule(MaskOperator.REDACT, path="$.id"))
    stream = MASKER.frames(Framing(Messages(KIND, encoding="deflate"), 1 << 20, 50), rules)
    out = stream.feed(raw) + stream.finish()
    edges = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    parts = MASKER.frames(Framing(Messages(KIND, encoding="deflate"), 1 << 20, 50), rules)
    assert b"".join(parts.feed(raw[one:other]) for one, other in pairwise(edges)) + parts.finish() == out
    assert SSN.encode() not in out


@given(items())
@settings(max_examples=50, deadline=None)
def test_what_holds_nothing_stays_byte_for_byte(item):
    raw = item.SerializeToString()
    try:
        out = masked(framed(raw), MaskRule(MaskOperator.REDACT, path="$.nothing.here"))
    except MaskingError:
        return
    assert out == framed(raw)
