"""Reads a protobuf message as JSON. A conforming backend reads no more and no other values.

``google.protobuf.json_format`` makes ProtoJSON, as Go's ``protojson`` does for opa-envoy-plugin. Content that it
would omit silently is refused first: fields, types and values of closed enums that the descriptors do not have.

Sources: protobuf.dev, Encoding, and ProtoJSON Format.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from extproc.codecs.protobuf import BYTES, VARINT, Field, Wire, fields, fixed, signed, varint, zigzag
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Json
from extproc.model.reasons import Uninspectable

ANY = "google.protobuf.Any"
TYPE_URL, ANY_VALUE = 1, 2
MAP_KEY, MAP_VALUE = 1, 2
TEXTS = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})
FORMS = {
    FieldDescriptor.TYPE_DOUBLE: "d",
    FieldDescriptor.TYPE_FLOAT: "f",
    FieldDescriptor.TYPE_FIXED64: "Q",
    FieldDescriptor.TYPE_FIXED32: "I",
    FieldDescriptor.TYPE_SFIXED64: "q",
    FieldDescriptor.TYPE_SFIXED32: "i",
}
SHORT = frozenset(
    {
        *(FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_INT32),
        *(FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_ENUM),
    }
)
"""Types of 32-bit numbers that are varints on the wire."""
SIGNED = frozenset({FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_ENUM})
ZIGZAG = frozenset({FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64})


MAX_VALUES = 100_000
"""Maximum values in a message, and in all messages of a request. A worker needs two seconds to read and mask that
many, and does nothing else meanwhile."""
HIGH = bytes(range(0x80, 0x100))
TYPE_CACHE_SIZE = 512
"""Types whose slots are in the cache."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of a message type, from its descriptor."""

    descriptor: FieldDescriptor
    name: str
    """Its name in JSON."""
    wire: Wire | None
    """The wire type of one value; None for a group, which is not read."""
    packs: bool
    """True if one occurrence may hold several numbers."""
    is_map: bool
    """True for a map, whose elements are entries."""
    kind: Descriptor | None
    """The type of its messages; None if its values are not messages."""

    def is_packed(self, field: Field) -> bool:
        """Return whether this occurrence holds several numbers."""
        return self.packs and field.wire is BYTES


@lru_cache(maxsize=TYPE_CACHE_SIZE)
def slots_of(kind: Descriptor) -> Mapping[int, Slot]:
    """Return the fields of a type, by number."""
    return {descriptor.number: _make_slot(descriptor) for descriptor in kind.fields}


def _make_slot(descriptor: FieldDescriptor) -> Slot:
    wire, kind = _wire_of(descriptor), descriptor.message_type
    packs = bool(descriptor.is_repeated and wire not in (BYTES, None))
    return Slot(
        descriptor, descriptor.json_name, wire, packs, kind is not None and bool(kind.GetOptions().map_entry), kind
    )


def _wire_of(descriptor: FieldDescriptor) -> Wire | None:
    form = FORMS.get(descriptor.type)
    if descriptor.type in TEXTS or descriptor.type == FieldDescriptor.TYPE_MESSAGE:
        return BYTES
    if descriptor.type == FieldDescriptor.TYPE_GROUP:
        return None
    return VARINT if form is None else Wire.FIXED64 if form in "dQq" else Wire.FIXED32


class Allowance:
    """A budget of values that may still be read."""

    def __init__(self, left: int = MAX_VALUES) -> None:
        """Args: ``left``: the number of values."""
        self.left = left

    def take(self, count: int = 1) -> None:
        """Use up some of the budget.

        Raises:
            Unreadable: with ``too-large``.
        """
        self.left -= count
        if self.left < 0:
            raise Unreadable(Uninspectable.TOO_LARGE)


def read_message(message: bytes, kind: Descriptor, *, max_depth: int, allowance: Allowance | None = None) -> Json:
    """Parse a request's message.

    Args:
        message: the bytes on the wire.
        kind: the message's type.
        max_depth: maximum nesting of messages.
        allowance: the budget of all messages of a body; None if this is the only one.

    Returns:
        ProtoJSON: names in lowerCamelCase (or ``json_name``), without unset fields, 64-bit integers and ``bytes``
        (Base64) as text, enums by name.

    Raises:
        Unreadable: the bytes are not a message, or a backend could read another value.
    """
    _Check(allowance or Allowance()).message(message, kind, max_depth)
    try:
        parsed: Any = GetMessageClass(kind).FromString(message)
        found: Json = json_format.MessageToDict(parsed, descriptor_pool=kind.file.pool)
    except RecursionError:
        raise Unreadable(Uninspectable.TOO_DEEP) from None
    except (DecodeError, json_format.Error, ValueError, TypeError, OverflowError):
        raise Unreadable(Uninspectable.NOT_PROTOBUF) from None
    return found


def show_message(message: bytes, kind: Descriptor) -> Json:
    """Return a masked message as JSON for people; ``?`` if it has no such form."""
    try:
        found: Json = json_format.MessageToDict(
            GetMessageClass(kind).FromString(message), descriptor_pool=kind.file.pool
        )
    except (DecodeError, json_format.Error, ValueError, TypeError, OverflowError, RecursionError):
        return "?"
    return found


class _Check:
    """Refuses content that a parser would omit, or that two parsers could read differently."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance

    def message(self, message: bytes, kind: Descriptor, left: int) -> None:
        self._allowance.take()
        if left < 0:
            raise Unreadable(Uninspectable.TOO_DEEP)
        if kind.full_name == ANY:
            self._any(message, kind, left)
            return
        seen: set[tuple[str, object]] = set()
        slots = slots_of(kind)
        for field in fields(message):
            slot = slot_of(slots, field)
            value = message[field.value : field.end]
            once = _once(slot, value, self._allowance.left)
            if once in seen:
                raise Unreadable(Uninspectable.DUPLICATE_KEYS)
            if once is not None:
                seen.add(once)
            self._value(value, field, slot, left)

    def _value(self, value: bytes, field: Field, slot: Slot, left: int) -> None:
        self._allowance.take()
        descriptor = slot.descriptor
        if slot.is_packed(field):
            self._allowance.take(count_of(value, slot.wire))
            for each in elements(value, slot.wire) if descriptor.enum_type is not None else ():
                _check_enum(each, descriptor)
        elif field.wire is not slot.wire:
            raise Unreadable(Uninspectable.NOT_PROTOBUF)
        elif slot.kind is not None:
            self.message(value, slot.kind, left - 1)
        elif descriptor.type == FieldDescriptor.TYPE_STRING:
            _check_text(value)
        else:
            _check_enum(value, descriptor)

    def _any(self, message: bytes, kind: Descriptor, left: int) -> None:
        found, inner, _ = read_any(message, kind, self._allowance)
        if len({field.number for field in found}) < len(found):
            raise Unreadable(Uninspectable.DUPLICATE_KEYS)
        for field in found:
            if field.number == ANY_VALUE:
                self.message(message[field.value : field.end], inner, left - 1)


def _once(slot: Slot, value: bytes, left: int) -> tuple[str, object] | None:
    """Return an identity that may occur once: a field that is not repeated, a oneof, or a map's key.

    Parsers must take the last of several (and merge messages), but not all do.
    """
    descriptor = slot.descriptor
    if slot.kind is not None and slot.is_map:
        return descriptor.name, key_of(value, slots_of(slot.kind)[MAP_KEY], left)
    if descriptor.is_repeated:
        return None
    return (descriptor.containing_oneof.full_name if descriptor.containing_oneof else descriptor.name), None


def _check_text(value: bytes) -> None:
    try:
        value.decode()
    except UnicodeDecodeError:
        raise Unreadable(Uninspectable.NOT_UTF8) from None


def _check_enum(value: bytes, descriptor: FieldDescriptor) -> None:
    """Refuse unknown values of a closed enum, which are unknown fields to a parser."""
    kind = descriptor.enum_type
    if kind is not None and kind.is_closed and number_of(value, descriptor) not in kind.values_by_number:
        raise Unreadable(Uninspectable.UNKNOWN_FIELDS)


def key_of(entry: bytes, slot: Slot, left: int = MAX_VALUES) -> bytes | float:
    """Return a map entry's key: a text's bytes, a number, or a bool; the default if the key is missing.

    Args:
        entry: the bytes on the wire.
        slot: the key's field.
        left: maximum fields of the entry.

    Raises:
        Unreadable: the key has another wire type, or the entry has more fields.
    """
    key: Field | None = None
    for field in fields(entry):
        left -= 1
        if left < 0:
            raise Unreadable(Uninspectable.TOO_LARGE)
        key = field if field.number == MAP_KEY else key
    descriptor = slot.descriptor
    if key and key.wire is not slot.wire:
        raise Unreadable(Uninspectable.NOT_PROTOBUF)
    value = entry[key.value : key.end] if key else None
    if descriptor.type in TEXTS:
        return value or b""
    number = 0 if value is None else number_of(value, descriptor)
    return bool(number) if descriptor.type == FieldDescriptor.TYPE_BOOL else number


def slot_of(slots: Mapping[int, Slot], field: Field) -> Slot:
    """Return the slot of a field.

    Raises:
        Unreadable: with ``unknown-fields``.
    """
    slot = slots.get(field.number)
    if slot is None:
        raise Unreadable(Uninspectable.UNKNOWN_FIELDS)
    return slot


def read_any(message: bytes, kind: Descriptor, allowance: Allowance) -> tuple[list[Field], Descriptor, str]:
    """Return the fields of an ``Any``, the type of its message, and the part of the type URL before the name.

    Raises:
        Unreadable: ``unknown-fields`` if there is no descriptor of the type; ``duplicate-keys`` for two URLs;
            ``too-large`` for more fields than the budget allows.
    """
    found: list[Field] = []
    for field in fields(message):
        allowance.take()
        found.append(field)
    if any(field.wire is not Wire.BYTES or field.number > ANY_VALUE for field in found):
        raise Unreadable(Uninspectable.UNKNOWN_FIELDS)
    urls = [message[field.value : field.end] for field in found if field.number == TYPE_URL]
    if len(urls) > 1:
        raise Unreadable(Uninspectable.DUPLICATE_KEYS)
    if not found:
        return found, kind, ""
    try:
        before, _, name = (urls[0] if urls else b"").decode().rpartition("/")
        return found, kind.file.pool.FindMessageTypeByName(name), before
    except (KeyError, UnicodeDecodeError):
        raise Unreadable(Uninspectable.UNKNOWN_FIELDS) from None


def number_of(value: bytes, descriptor: FieldDescriptor) -> int | float:
    """Return a number as readers read it."""
    form = FORMS.get(descriptor.type)
    if form is not None:
        return fixed(form, value)
    number, _ = varint(value, 0)
    if descriptor.type in SHORT:  # readers take the lower half of a longer one
        number &= 0xFFFF_FFFF
        if descriptor.type in SIGNED:
            return number - (1 << 32) if number >> 31 else number
    return signed(number) if descriptor.type in SIGNED else zigzag(number) if descriptor.type in ZIGZAG else number


def count_of(value: bytes, wire: Wire | None) -> int:
    """Return the number of values in a packed field: a varint ends with a byte without the high bit."""
    if wire is VARINT:
        return len(value.translate(None, HIGH))
    return len(value) // (8 if wire is Wire.FIXED64 else 4)


def elements(value: bytes, wire: Wire | None) -> Iterator[bytes]:
    """Yield the numbers of a packed field, as bytes on the wire.

    Raises:
        Unreadable: the last one does not end.
    """
    at = 0
    while at < len(value):
        end = varint(value, at)[1] if wire is VARINT else at + (8 if wire is Wire.FIXED64 else 4)
        if end > len(value):
            raise Unreadable(Uninspectable.NOT_PROTOBUF)
        yield value[at:end]
        at = end
