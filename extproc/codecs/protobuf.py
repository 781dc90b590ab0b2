"""Reads protobuf messages on the wire (protobuf.dev, Encoding): fields with their offsets."""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable

VARINT_LONGEST = 10
MASK_64 = (1 << 64) - 1


class Wire(IntEnum):
    """Wire types. Groups are refused."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


VARINT, BYTES = Wire.VARINT, Wire.BYTES
WIRES = {int(wire): wire for wire in Wire}
FIXED = {Wire.FIXED64: 8, Wire.FIXED32: 4}


class Field(NamedTuple):
    """One field of a message, by its offsets."""

    number: int
    wire: Wire
    start: int
    """Offset of its tag."""
    value: int
    """Offset of its value, after the length if it has one."""
    end: int


def fields(message: bytes) -> Iterator[Field]:
    """Yield the fields in order.

    Raises:
        Unreadable: ``not-protobuf`` for bytes that are not a message.
    """
    start, size = 0, len(message)
    while start < size:
        tag, value = message[start], start + 1
        if tag > 0x7F:  # noqa: PLR2004 - not the usual one
            tag, value = varint(message, start)
        number, wire = tag >> 3, WIRES.get(tag & 7)
        if not number or wire is None:
            raise _malformed()
        if wire is VARINT:
            end = varint(message, value)[1]
        elif wire is BYTES:
            length, value = varint(message, value)
            end = value + length
        else:
            end = value + FIXED[wire]
        if end > size:
            raise _malformed()
        yield Field(number, wire, start, value, end)
        start = end


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned number of up to 64 bits, and its end.

    Raises:
        Unreadable: the number does not end, or is longer than ten bytes.
    """
    if at < len(data) and data[at] <= 0x7F:  # noqa: PLR2004 - the usual one
        return data[at], at + 1
    value = 0
    for index in range(VARINT_LONGEST):
        if at + index >= len(data):
            break
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the last byte
            return value & MASK_64, at + index + 1
    raise _malformed()


def spell_varint(value: int) -> bytes:
    """Return an unsigned number as a varint."""
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits fit in a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def signed(value: int) -> int:
    """Return a varint's value as ``int32`` or ``int64``."""
    return value - (1 << 64) if value >> 63 else value


def zigzag(value: int) -> int:
    """Return a varint's value as ``sint32`` or ``sint64``."""
    return (value >> 1) ^ -(value & 1)


def fixed(form: str, data: bytes) -> int | float:
    """Return a number of fixed size; ``form`` is a format of ``struct``."""
    number: int | float = struct.unpack("<" + form, data)[0]
    return number


def _malformed() -> Unreadable:
    return Unreadable(Uninspectable.NOT_PROTOBUF)
