"""Messages as JSON: nothing is left out without a word."""

import pytest
from google.protobuf import any_pb2, descriptor_pb2
from google.rpc import error_details_pb2, status_pb2

from extproc.codecs import protobuf_messages
from extproc.codecs.descriptors import ambiguous, misnamed, read_methods
from extproc.codecs.protobuf import fields, spell_varint
from extproc.codecs.protobuf_messages import read_message, show_message
from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable
from tests.integration.support.shop import GET_ITEM, SERVICE, Item, descriptor_set, shop_file, told

FIELD = descriptor_pb2.FieldDescriptorProto
KIND = GET_ITEM.request


def read(message, *, max_depth=8):
    return read_message(
        message if isinstance(message, bytes) else message.SerializeToString(), KIND, max_depth=max_depth
    )


def test_every_kind_of_field():
    item = Item(
        id="1",
        unit_price=float("inf"),
        stock=-1,
        labels={"a b": "c"},
        counts={True: 0},
        sizes=[1, -2],
        kind=7,
        cap={"value": ""},
        updated={"seconds": 1, "nanos": 5_000_000},
        meta={"a": [1, None, {"b": True}]},
        data=b"\xff",
        small="s",
    )
    item.details.Pack(Item(id="2"))
    assert read(item) == {
        "id": "1",
        "unitPrice": "Infinity",
        "stock": "-1",
        "labels": {"a b": "c"},
        "counts": {"true": 0},
        "sizes": [1, -2],
        "kind": 7,
        "cap": "",
        "updated": "1970-01-01T00:00:01.005Z",
        "meta": {"a": [1.0, None, {"b": True}]},
        "data": "/w==",
        "small": "s",
        "details": {"@type": "type.googleapis.com/shop.v1.Item", "id": "2"},
    }


REFUSED = {
    "a field that nobody knows": (b"\x98\x06\x01", Uninspectable.UNKNOWN_FIELDS),
    "one in a message in it": (b"\x22\x03\x98\x06\x01", Uninspectable.UNKNOWN_FIELDS),
    "a type that nobody knows": (Item(details={"type_url": "x/y.Z"}), Uninspectable.UNKNOWN_FIELDS),
    "a third field of an entry": (b"\x32\x03\x1a\x01a", Uninspectable.UNKNOWN_FIELDS),
    "one field twice": (b"\x0a\x01a\x0a\x01b", Uninspectable.DUPLICATE_KEYS),
    "one message twice": (b"\x22\x00\x22\x00", Uninspectable.DUPLICATE_KEYS),
    "two of a oneof": (b"\x92\x01\x01a\x9a\x01\x01b", Uninspectable.DUPLICATE_KEYS),
    "one key twice": (b"\x32\x03\x0a\x01a\x32\x03\x0a\x01a", Uninspectable.DUPLICATE_KEYS),
    "true twice, in two spellings": (
        b"\x82\x01\x04\x08\x01\x10\x05\x82\x01\x04\x08\x02\x10\x05",
        Uninspectable.DUPLICATE_KEYS,
    ),
    "a key left out, and the same written": (b"\x32\x00\x32\x02\x0a\x00", Uninspectable.DUPLICATE_KEYS),
    "a number as a key twice, spelled differently": (
        b"\x82\x01\x02\x08\x01\x82\x01\x03\x08\x81\x00",
        Uninspectable.DUPLICATE_KEYS,
    ),
    "an Any with two types": (b"\x42\x0a\x0a\x03a/b\x0a\x03a/b", Uninspectable.DUPLICATE_KEYS),
    "a text that is none": (b"\x0a\x01\xff", Uninspectable.NOT_UTF8),
    "another wire type": (b"\x08\x01", Uninspectable.NOT_PROTOBUF),
    "a group": (b"\x0b\x0c", Uninspectable.NOT_PROTOBUF),
    "a length behind the end": (b"\x0a\x05a", Uninspectable.NOT_PROTOBUF),
    "a number without an end": (b"\x28\xff", Uninspectable.NOT_PROTOBUF),
    "a packed number without an end": (b"\x72\x01\xff", Uninspectable.NOT_PROTOBUF),
    "field zero": (b"\x02\x00", Uninspectable.NOT_PROTOBUF),
    "a time that is none": (Item(updated={"seconds": 1 << 60}), Uninspectable.NOT_PROTOBUF),
    "no number in a Struct": (Item(meta={"a": float("nan")}), Uninspectable.NOT_PROTOBUF),
    "too many texts": (b"\x1a\x00" * 100_001, Uninspectable.TOO_LARGE),
    "too many numbers": (b"\x72\xa0\x8d\x06" + bytes(100_000), Uninspectable.TOO_LARGE),
    "too deep": (Item(owner=Item(owner=Item(owner=Item(owner=Item())))), Uninspectable.TOO_DEEP),
}


@pytest.mark.parametrize(("message", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(message, why):
    with pytest.raises(Unreadable) as refused:
        read(message, max_depth=3 if why is Uninspectable.TOO_DEEP else 8)
    assert refused.value.kind is why


def with_file(change):
    """The methods of the set after a change of its own file."""
    found = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set())
    change(found.file[-1])
    return read_methods(found.SerializeToString())


def old_syntax(file):
    """proto2, whose enums are closed: a parser puts what it does not know of them aside."""
    file.syntax = "proto2"


def test_a_closed_enums_unknown_value_is_an_unknown_field():
    kind = with_file(old_syntax)[f"/{SERVICE}/GetItem"].request
    assert read_message(b"\x60\x01", kind, max_depth=8) == {"kind": "BOOK"}
    with pytest.raises(Unreadable) as refused:
        read_message(b"\x60\x07", kind, max_depth=8)
    assert refused.value.kind is Uninspectable.UNKNOWN_FIELDS


def two_prices(file):
    """An old file may have two fields of one name in JSON."""
    old_syntax(file)
    file.message_type[0].field.append(told("unitPrice", 30, FIELD.TYPE_STRING))
    file.message_type[0].options.deprecated_legacy_json_field_conflicts = True


def test_names_that_mean_nothing_in_json():
    assert misnamed(KIND) == {"unit_price": "unitPrice", "owner_ssn": "ownerSsn", "string_value": "stringValue", "number_value": "numberValue", "bool_value": "boolValue", "null_value": "nullValue", "struct_value": "structValue", "list_value": "listValue", "type_url": "typeUrl"}  # fmt: skip
    assert ambiguous(KIND) == ""
    assert ambiguous(with_file(two_prices)[f"/{SERVICE}/GetItem"].request) == "shop.v1.Item"


def test_errors_are_known_whether_files_import_them_or_not():
    status = status_pb2.Status(code=5)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="R"))
    status.details.add().Pack(Item(id="1"))
    shown = show_message(status.SerializeToString(), GET_ITEM.status)
    assert [each.get("reason") or each.get("id") for each in shown["details"]] == ["R", "1"]
    found = descriptor_pb2.FileDescriptorSet()
    for module in (any_pb2, status_pb2):
        module.DESCRIPTOR.CopyToProto(found.file.add())
    file = found.file.add(name="own.proto", package="own", syntax="proto3", dependency=["google/rpc/status.proto"])
    file.service.add(name="S").method.add(
        name="M", input_type=".google.rpc.Status", output_type=".google.rpc.Status"
    )
    assert read_methods(found.SerializeToString())["/own.S/M"].status.full_name == "google.rpc.Status"


def test_what_has_no_json_is_shown_as_a_question_mark():
    assert show_message(b"\xff", KIND) == "?"
    assert shop_file().package == "shop.v1"


@pytest.mark.parametrize("start", [b"\x32", b"\x42"])
def test_an_entry_or_message_of_many_values_is_not_read_to_its_end(start, monkeypatch):
    """What is allowed is taken before the values are kept."""
    read_so_far = 0

    def counted(message):
        nonlocal read_so_far
        for field in fields(message):
            read_so_far += 1
            yield field

    monkeypatch.setattr(protobuf_messages, "fields", counted)
    many = b"\x12\x00" * 300_000
    with pytest.raises(Unreadable) as caught:
        read(start + spell_varint(len(many)) + many)
    assert caught.value.kind is Uninspectable.TOO_LARGE
    assert read_so_far < 101_000
