"""Protocol buffers and gRPC's frames."""

import gzip
import tracemalloc
from itertools import pairwise

import pytest
from google.protobuf import any_pb2, descriptor_pb2, json_format, struct_pb2
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.codecs.descriptors import Messages, read_methods
from extproc.codecs.grpc_frames import Frame
from extproc.codecs.protobuf import fields, spell_varint, varint
from extproc.masking.protobuf import message_masker
from extproc.masking.protobuf.frames import TOGETHER, Framing
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import MASK_EVERYTHING, Exemption, Listed, MaskOperator, MaskRule, RuleSource
from extproc.model.reasons import Uninspectable
from tests.support.maskers import make_masker

FIELD = descriptor_pb2.FieldDescriptorProto
SSN, CARD = "219-09-9999", 4111111111111111
ALL = MASK_EVERYTHING
MASKER = make_masker(max_depth=20, event_limit=1 << 16)


def field_descriptor(name, number, kind, *, many=False, of=""):
    label = FIELD.LABEL_REPEATED if many else FIELD.LABEL_OPTIONAL
    return FIELD(name=name, number=number, type=kind, label=label, type_name=of or None)


def descriptor_set():
    """Return the output of ``protoc --include_imports`` for the file that these lines describe."""
    file = descriptor_pb2.FileDescriptorProto(name="crm.proto", package="crm", syntax="proto3")
    file.dependency.append("google/protobuf/any.proto")
    file.dependency.append("google/protobuf/struct.proto")
    made = file.message_type.add(name="Customer")
    made.field.extend(
        [
            field_descriptor("ssn", 1, FIELD.TYPE_STRING),
            field_descriptor("card", 2, FIELD.TYPE_INT64),
            field_descriptor("notes", 3, FIELD.TYPE_STRING, many=True),
            field_descriptor("friend", 4, FIELD.TYPE_MESSAGE, of=".crm.Customer"),
            field_descriptor("numbers", 5, FIELD.TYPE_SINT64, many=True),
            field_descriptor("labels", 6, FIELD.TYPE_MESSAGE, many=True, of=".crm.Customer.LabelsEntry"),
            field_descriptor("data", 7, FIELD.TYPE_BYTES),
            field_descriptor("more", 8, FIELD.TYPE_MESSAGE, of=".google.protobuf.Any"),
            field_descriptor("tree", 9, FIELD.TYPE_MESSAGE, of=".google.protobuf.Struct"),
            field_descriptor("score", 10, FIELD.TYPE_DOUBLE),
            field_descriptor("fixed", 11, FIELD.TYPE_FIXED64),
            field_descriptor("active", 12, FIELD.TYPE_BOOL),
            field_descriptor("own_ssn", 13, FIELD.TYPE_UINT32),
            field_descriptor("signed_ssn", 14, FIELD.TYPE_SINT32),
            field_descriptor("short_ssn", 15, FIELD.TYPE_INT32),
            field_descriptor("passwords", 16, FIELD.TYPE_MESSAGE, many=True, of=".crm.Customer.PasswordsEntry"),
        ]
    )
    for name in ("LabelsEntry", "PasswordsEntry"):
        entry = made.nested_type.add(name=name)
        entry.field.extend(
            [field_descriptor("key", 1, FIELD.TYPE_STRING), field_descriptor("value", 2, FIELD.TYPE_STRING)]
        )
        entry.options.map_entry = True
    service = file.service.add(name="Customers")
    service.method.add(name="Get", input_type=".crm.Customer", output_type=".crm.Customer")
    found = descriptor_pb2.FileDescriptorSet()
    for module in (any_pb2, struct_pb2):
        module.DESCRIPTOR.CopyToProto(found.file.add())
    found.file.append(file)
    return found.SerializeToString()


METHOD = read_methods(descriptor_set())["/crm.Customers/Get"]
Customer = GetMessageClass(METHOD.response)


def frames_masker(encoding="", rules=ALL, *, limit=1 << 16, **more):
    return MASKER.frames(Framing(Messages(METHOD.response, encoding=encoding), limit, 20, **more), rules)


def masked(message, *rules, encoding="", pieces=None):
    """A message after masking, and the bytes on the wire."""
    frame = Frame(False, message.SerializeToString()).raw
    stream = frames_masker(encoding, rules or ALL, limit=1 << 20)
    out = stream.feed(frame) + stream.finish()
    assert out[0] == 0
    return Customer.FromString(out[5:])


def test_texts_are_masked_under_their_names():
    one = Customer(ssn="219099999", notes=["x", f"my {SSN}", "é"], friend=Customer(ssn=SSN, data=b"a@b.co"))
    assert masked(one) == Customer(
        ssn="[US_SSN]", notes=["x", "my [US_SSN]", "é"], friend=Customer(ssn="[US_SSN]", data=b"[EMAIL_ADDRESS]")
    )


def test_numbers_become_zero():
    one = Customer(card=CARD, numbers=[1, CARD, -2], fixed=CARD, score=1.5, active=True)
    assert masked(one) == Customer(card=0, numbers=[1, 0, -2], fixed=0, score=1.5, active=True)


@pytest.mark.parametrize(("number", "written"), [(13, 219099999), (14, 219099999 << 1), (15, 219099999)])
@pytest.mark.parametrize("more", [0, 1 << 32, 1 << 40, 1 << 63])
def test_of_a_short_number_written_long_readers_take_the_lower_bits(number, written, more):
    message = spell_varint(number << 3) + spell_varint(written + more)
    stream = frames_masker("", ALL, limit=1 << 20)
    out = stream.feed(Frame(False, message).raw) + stream.finish()
    assert Customer.FromString(message) != Customer()
    assert Customer.FromString(out[5:]) == Customer()
    assert [each.entity for each in stream.findings] == ["US_SSN"]


def test_maps_structs_and_messages_of_any_type():
    tree = struct_pb2.Struct()
    tree.update({"ssn": "219099999", "n": 1})
    inner = Customer(ssn=SSN).SerializeToString()
    one = Customer(labels={"ssn": "219099999", "a@b.co": "x"}, more={"type_url": "t/crm.Customer", "value": inner})
    one.tree.ParseFromString(tree.SerializeToString())
    found = masked(one)
    assert dict(found.labels) == {"ssn": "[US_SSN]", "[EMAIL_ADDRESS]": "x"}
    assert dict(struct_pb2.Struct.FromString(found.tree.SerializeToString())) == {"ssn": "[US_SSN]", "n": 1}
    assert Customer.FromString(found.more.value).ssn == "[US_SSN]"


S = "[NAMED_SECRET]"
TREES = [
    ({"password": "two words"}, {"password": S}),
    ({"user": {"client_secret": {"value": "a b"}}}, {"user": {"client_secret": {"value": S}}}),
    ({"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "DB_PASSWORD", "value": S}),
    ({"value": "hunter2", "name": "DB_PASSWORD"}, {"value": S, "name": "DB_PASSWORD"}),
    ({"passwords": ["a", "b"]}, {"passwords": [S, S]}),
    ({"passwords": {"alice": "x y", "bob": "z"}}, {"passwords": {"alice": S, "bob": S}}),
    ({"columns": ["name", "password"], "rows": [["bob", "x"]]}, {"columns": ["name", "password"], "rows": [["bob", S]]}),
    ({"kind": "Secret", "data": {"a": "eA=="}}, {"kind": "Secret", "data": {"a": S}}),
    ({"kty": "oct", "k": "x y"}, {"kty": "oct", "k": S}),
    ({"last_name": "Miller"}, {"last_name": "[PERSON]"}),
    ({"system": "phone", "value": "5550123456"}, {"system": "phone", "value": "[PHONE_NUMBER]"}),
]  # fmt: skip
TREES_THAT_STAY = [
    {"password_policy": "strict", "phone_verified_at": "now"},
    {"name": "password", "description": "x"},
    {"properties": {"password": {"type": "string", "description": "The password"}}},
    {"tags": ["password", "x"]},
    {"columns": ["id", "name"], "rows": [["1", "password"], ["2", "x"]]},
]


def tree_of(content):
    """A message with this content, as a tree."""
    made = struct_pb2.Struct()
    made.update(content)
    one = Customer()
    one.tree.ParseFromString(made.SerializeToString())
    return one


def content_of(tree):
    """The content of a tree."""
    return json_format.MessageToDict(struct_pb2.Struct.FromString(tree))


@pytest.mark.parametrize(("content", "left"), [*TREES, *((each, each) for each in TREES_THAT_STAY)])
def test_names_in_a_tree_tell_as_in_a_document(content, left):
    one = tree_of(content)
    assert content_of(masked(one).tree.SerializeToString()) == left
    packed = {"type_url": "t/google.protobuf.Struct", "value": one.tree.SerializeToString()}
    assert content_of(masked(Customer(friend=Customer(more=packed))).friend.more.value) == left


def test_keys_of_a_map_tell_their_values():
    one = Customer(labels={"password": "two words", "api_key": "x", "api_key_id": "x", "n": "password"})
    assert dict(masked(one).labels) == {"password": S, "api_key": S, "api_key_id": "x", "n": "password"}
    assert dict(masked(Customer(labels={"pin": "4931"})).labels) == {"pin": S}
    entry = b"\x12\x044931" + b"\x0a\x03pin"  # the value in front of the key
    message = b"\x32" + bytes([len(entry)]) + entry
    assert dict(masked(Customer.FromString(message)).labels) == {"pin": S}
    stream = frames_masker("", ALL, limit=1 << 20)
    out = stream.feed(Frame(False, message).raw) + stream.finish()
    assert dict(Customer.FromString(out[5:]).labels) == {"pin": S}


def test_keys_below_a_name_that_tells_stay():
    one = tree_of({"passwords": {"my password": "x y", "alice": "x"}})
    left = {"passwords": {"my password": S, "alice": S}}
    assert content_of(masked(one).tree.SerializeToString()) == left
    assert dict(masked(Customer(passwords={"alice": "x", "my password": "y"})).passwords) == left["passwords"]


def test_a_pair_of_name_and_value_in_a_map():
    one = Customer(labels={"name": "password", "value": "hunter2"}, notes=["hunter2"])
    assert masked(one) == Customer(labels={"name": "password", "value": S}, notes=["hunter2"])


@pytest.mark.parametrize("count", [1, 3])
def test_names_tell_within_their_own_message(count):
    frames = [Frame(False, tree_of({"password": f"x {each}"}).SerializeToString()).raw for each in range(count)]
    other = Frame(False, Customer(labels={"a": "x 1"}).SerializeToString()).raw
    stream = frames_masker("", ALL, limit=1 << 20)
    out = stream.feed(b"".join([*frames, other])) + stream.finish()
    assert out.endswith(other)
    assert out.count(S.encode()) == count


ONE = {
    "ssn": "x",
    "notes": ["a", "b"],
    "friend": Customer(ssn="y", card=7),
    "labels": {"k": "v", "l": "w"},
    "numbers": [3, 4],
    "active": True,
}
PATHS = [
    ("$.notes[1]", {"notes": ["a", "[REDACTED]"]}),
    ("$.notes", {"notes": ["[REDACTED]", "[REDACTED]"]}),
    ("$.friend", {"friend": Customer()}),
    ("$..ssn", {"ssn": "[REDACTED]", "friend": Customer(ssn="[REDACTED]", card=7)}),
    ("$.labels.k", {"labels": {"k": "[REDACTED]", "l": "w"}}),
    ("$.labels", {"labels": {"": ""}}),
    ("$.active", {"active": False}),
    ("$.numbers", {"numbers": [0, 0]}),
    ("$.numbers[1]", {"numbers": [3, 0]}),
]


@pytest.mark.parametrize(("path", "changed"), PATHS, ids=[path for path, _ in PATHS])
def test_paths(path, changed):
    assert masked(Customer(**ONE), MaskRule(MaskOperator.REDACT, path=path)) == Customer(**ONE | changed)


EVERYTHING = MaskRule(MaskOperator.REDACT, entity="*", source=RuleSource.CONNECTION)


def exempt(entity, path="", **values):
    exemption = Exemption("a reason", **values)
    return MaskRule(MaskOperator.REDACT, path, entity, source=RuleSource.CONNECTION, exempt=exemption)


OTHER_SSN = "536-22-1847"
PLANTED = {"ssn": SSN, "notes": [SSN, OTHER_SSN], "card": CARD, "numbers": [CARD], "labels": {"k": SSN}}
LABELLED = {"ssn": "[US_SSN]", "notes": ["[US_SSN]"] * 2, "card": 0, "numbers": [0], "labels": {"k": "[US_SSN]"}}


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (exempt("US_SSN", value="219 09 9999"), {"ssn": SSN, "notes": [SSN, "[US_SSN]"], "labels": {"k": SSN}}),
        (exempt("US_SSN", "$.notes[*]"), {"notes": [SSN, OTHER_SSN]}),
        (exempt("US_SSN", "$.notes[1]"), {"notes": ["[US_SSN]", OTHER_SSN]}),
        (exempt("US_SSN", "$.labels.k"), {"labels": {"k": SSN}}),
        (exempt("US_SSN", "$.labels.other"), {}),
        (exempt("CREDIT_CARD", "$.numbers"), {"numbers": [CARD]}),
        (exempt("CREDIT_CARD", "$.card"), {"card": CARD}),
        (exempt("*"), PLANTED),
    ],
)
def test_exempt_values_pass(rule, left):
    rules, expected = (EVERYTHING, rule), Customer(**(LABELLED | left))
    once = masked(Customer(**PLANTED), *rules)
    assert once == expected
    assert masked(once, *rules) == expected
    assert masked(Customer(friend=Customer(**PLANTED)), EVERYTHING, exempt("*", "$.friend")).friend.ssn == SSN
    assert masked(Customer(**PLANTED), *rules, *ALL) == Customer(**LABELLED)


def test_an_operators_word_about_a_field_counts_in_messages():
    rules = MaskRule(MaskOperator.PARTIAL, path="$.ssn", source=RuleSource.CONNECTION), EVERYTHING
    assert masked(Customer(ssn=SSN, notes=[SSN]), *rules) == Customer(ssn="*******9999", notes=["[US_SSN]"])


def test_what_is_not_declared_is_masked():
    rules = (
        MaskRule(MaskOperator.REDACT, path="$", listed=Listed.REST),
        MaskRule(MaskOperator.REDACT, path="$.notes", listed=Listed.DECLARED),
    )
    one = Customer(ssn="x", notes=["a"], card=7, friend=Customer(ssn="y"))
    assert masked(one, *rules) == Customer(ssn="[REDACTED]", notes=["a"], friend=Customer())


REFUSED = {
    "an unknown field": b"\x98\x06\x01",
    "a group": b"\x0b\x0c",
    "another wire type": b"\x08\x01",
    "bytes that are not text": Customer(data=b"\xff\xfe").SerializeToString(),
    "an Any of an unknown type": Customer(more={"type_url": "x/y.Z", "value": b"a"}).SerializeToString(),
    "a length behind the end": b"\x0a\x05ab",
    "a tag without an end": b"\xff\xff",
    "field zero": b"\x02\x00",
    "a packed number without an end": b"\x2a\x01\xff",
    "too many values": Customer(numbers=[0] * 250_001).SerializeToString(),
}


@pytest.mark.parametrize("message", REFUSED.values(), ids=REFUSED)
def test_what_nobody_can_read_is_refused(message):
    stream = frames_masker("", ALL, limit=1 << 20)
    with pytest.raises(Undecodable):
        stream.feed(Frame(False, message).raw)
    with pytest.raises(MaskingError):
        stream.feed(b"")


def field(number, value):
    return spell_varint(number << 3 | 2) + spell_varint(len(value)) + value


TYPED = field(1, b"t/crm.Customer")
MANY = b"\x12\x00" * 100_000


@pytest.mark.parametrize("message", [field(8, TYPED + MANY), field(8, MANY), field(6, MANY)])
@pytest.mark.slow
def test_more_values_than_a_worker_has_time_for_are_refused(message):
    with pytest.raises(Undecodable) as caught:
        frames_masker(limit=1 << 20).feed(Frame(False, message).raw)
    assert caught.value.kind is Uninspectable.TOO_LARGE


def test_a_value_that_a_map_has_twice_is_refused_where_a_path_leads_into_it():
    """Readers join the two, and count the elements of both."""
    first, second = ([each] for each in ("public", "secret"))
    entry = field(1, b"a")
    for each in (first, second):
        value = struct_pb2.Value()
        value.list_value.extend(each)
        entry += field(2, value.SerializeToString())
    frame = Frame(False, field(9, field(1, entry))).raw
    assert dict(Customer.FromString(frame[5:]).tree) == {"a": ["public", "secret"]}
    assert frames_masker(rules=(MaskRule(MaskOperator.REDACT, path="$.tree.b[1]"),)).feed(frame) == frame
    with pytest.raises(Undecodable, match="duplicate-keys"):
        frames_masker(rules=(MaskRule(MaskOperator.REDACT, path="$.tree.a[1]"),)).feed(frame)


def test_locations_that_passed_unmasked_are_distinguished_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(message_masker, "MAX_LOCATIONS", 3)
    stream, one = frames_masker(limit=1 << 20, binary=True), field(7, b"\xff\xfe")
    for _ in range(5):
        stream.feed(Frame(False, one).raw)
        one = field(4, one)
    found = {finding.path: finding.count for finding in stream.findings}
    assert found == {"$.data": 1, "$.friend.data": 1, "$.friend.friend.data": 1, "$": 2}


@pytest.mark.slow
def test_messages_without_texts_are_not_kept_waiting_for_some():
    """A piece of a stream that holds nothing but bools holds many of them."""
    stream, frame = frames_masker(limit=1 << 20), Frame(False, b"\x60\x01" * TOGETHER).raw
    peaks = []
    for count in (2, 20):
        tracemalloc.start()
        stream.feed(frame * count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 3 * peaks[0]


def test_messages_nested_too_deep_are_refused():
    one = Customer(ssn=SSN)
    for _ in range(30):
        one = Customer(friend=one)
    with pytest.raises(MaskingError):
        masked(one)


def test_compressed_messages():
    """A message that changes goes uncompressed; one that stays, stays as it came."""
    dirty, clean = (gzip.compress(Customer(ssn=each).SerializeToString()) for each in (SSN, "x"))
    stream = frames_masker("gzip", ALL, limit=1_000)
    assert stream.feed(Frame(True, clean).raw) == Frame(True, clean).raw
    assert stream.feed(Frame(True, dirty).raw) == Frame(False, Customer(ssn="[US_SSN]").SerializeToString()).raw
    for encoding, payload in (
        ("", dirty),
        ("identity", dirty),
        ("snappy", dirty),
        ("gzip", gzip.compress(bytes(9_999))),
    ):
        with pytest.raises(MaskingError):
            frames_masker(encoding, ALL, limit=1_000).feed(Frame(True, payload).raw)


def test_frames_that_are_none_are_refused():
    for body in (b"\x02\x00\x00\x00\x00", b"\x00\x00\x10\x00\x00", b"\x00\xff\xff\xff\xff"):
        stream = frames_masker("", ALL, limit=1_000)
        with pytest.raises(MaskingError):
            stream.feed(body)
    stream = frames_masker("", ALL, limit=1_000)
    assert stream.feed(b"\x00\x00\x00\x00\x03a") == b""
    with pytest.raises(MaskingError):
        stream.finish()


def test_messages_before_one_that_cannot_be_read_count():
    """They come together, so that nothing of them is sent; what was found in them is."""
    stream = frames_masker()
    good, bad = Frame(False, Customer(ssn=SSN).SerializeToString()), Frame(False, b"\xff")
    with pytest.raises(MaskingError):
        stream.feed(good.raw + bad.raw + good.raw)
    assert [(each.entity, each.count) for each in stream.findings] == [("US_SSN", 1)]


@pytest.mark.slow
def test_more_messages_than_are_looked_at_together():
    customers = [Customer(ssn=SSN if number % 1_000 == 0 else str(number)) for number in range(2 * TOGETHER + 1)]
    frames = [Frame(False, each.SerializeToString()).raw for each in customers]
    stream = frames_masker()
    out = stream.feed(b"".join(frames))
    assert out == b"".join(frames_masker().feed(each) for each in frames)
    assert stream.findings[0].count == out.count(b"[US_SSN]") == -(-len(frames) // 1_000)


def test_a_descriptor_set_that_is_not_whole_is_refused():
    whole = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set())
    del whole.file[0]
    for wrong in (b"\xff", whole.SerializeToString()):
        with pytest.raises(ValueError, match="descriptor set"):
            read_methods(wrong)


TEXTS = st.sampled_from(["", "x", SSN, "é", f"card {CARD}", '{"ssn": 219099999}', "\\u0032"])
CUSTOMERS = st.builds(
    Customer,
    ssn=TEXTS,
    card=st.sampled_from([0, 1, -1, CARD]),
    notes=st.lists(TEXTS, max_size=3),
    numbers=st.lists(st.sampled_from([0, -3, CARD]), max_size=3),
    labels=st.dictionaries(TEXTS, TEXTS, max_size=2),
    data=TEXTS.map(str.encode),
    score=st.sampled_from([0.0, 1.25, float(CARD)]),
)


@given(st.lists(CUSTOMERS, max_size=4), st.lists(st.integers(0, 10_000), max_size=5))
@settings(max_examples=100, deadline=None)
@pytest.mark.slow
def test_output_ignores_cuts_and_stays_when_masked_again(customers, places):
    raw = b"".join(Frame(False, each.SerializeToString()).raw for each in customers)
    whole = frames_masker("", ALL, limit=1 << 16)
    out = whole.feed(raw) + whole.finish()
    edges = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    parts = frames_masker("", ALL, limit=1 << 16)
    assert b"".join(parts.feed(raw[one:other]) for one, other in pairwise(edges)) + parts.finish() == out
    again = frames_masker("", ALL, limit=1 << 16)
    assert again.feed(out) + again.finish() == out
    assert SSN.encode() not in out
    assert bool(whole.findings) or out == raw


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
@pytest.mark.slow
def test_junk_meets_documented_errors_alone(junk):
    stream = frames_masker("gzip", ALL, limit=1_000)
    try:
        stream.feed(Frame(False, junk).raw + junk)
        stream.finish()
    except MaskingError:
        pass


@given(st.integers(0, (1 << 64) - 1))
def test_varints_round_trip(number):
    assert varint(spell_varint(number), 0) == (number, len(spell_varint(number)))
    assert [field.number for field in fields(b"\x08" + spell_varint(number))] == [1]
