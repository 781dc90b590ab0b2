"""Protocol buffers on the wire (protobuf.dev, Encoding), field by field, with their places."""

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
    """One field of a message, by its places."""

    number: int
    wire: Wire
    start: int
    """Where its tag begins."""
    value: int
    """Where its value begins, behind the length if it has one."""
    end: int


def fields(message: bytes) -> Iterator[Field]:
    """The fields in their order.

    Raises:
        Unreadable: ``not-protobuf`` for bytes that are no message.
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
    """An unsigned number of up to 64 bits, and where it ends.

    Raises:
        Unreadable: it does not end, or is longer than ten bytes.
    """
    if at < len(data) and data[at] <= 0x7F:  # noqa: PLR2004 - the usual one
        return data[at], at + 1
    value = 0
    for place in range(VARINT_LONGEST):
        if at + place >= len(data):
            break
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - no more follow
            return value & MASK_64, at + place + 1
    raise _malformed()


def spell_varint(value: int) -> bytes:
    """An unsigned number as it stands on the wire."""
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits fit in a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def signed(value: int) -> int:
    """A varint as ``int32`` and ``int64`` mean it."""
    return value - (1 << 64) if value >> 63 else value


def zigzag(value: int) -> int:
    """A varint as ``sint32`` and ``sint64`` mean it."""
    return (value >> 1) ^ -(value & 1)


def fixed(form: str, data: bytes) -> int | float:
    """A number of fixed size; ``form`` as in ``struct``."""
    number: int | float = struct.unpack("<" + form, data)[0]
    return number


def _malformed() -> Unreadable:
    return Unreadable(Uninspectable.NOT_PROTOBUF)
