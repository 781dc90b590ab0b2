"""Mask protocol buffers by their descriptors, and streams of them as gRPC sends them.

A field is at ``$.name``, by its name in the ``.proto`` file; an element at ``$.name[0]``; a map's value at its
key. Numbers cannot hold a label: one that is masked becomes 0, a message that is masked becomes an empty one. What
no descriptor tells of, groups, and ``bytes`` that are not text, cannot be masked.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from extproc.codecs.errors import Unreadable
from extproc.codecs.grpc_frames import Frame, FrameReader, message_of
from extproc.codecs.json_units import Path
from extproc.codecs.protobuf import Field, Wire, fields, fixed, signed, spell_varint, varint, zigzag
from extproc.masking.document import Known
from extproc.masking.edits import apply
from extproc.masking.media import decode_text
from extproc.masking.paths import Place
from extproc.masking.port import failed
from extproc.masking.walk import Walk
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import Finding

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
"""Numbers of 32 bits that are written as varints."""
SIGNED = frozenset({FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_ENUM})
ZIGZAG = frozenset({FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64})
NO_TEXT = frozenset({FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_BOOL})
"""Numbers in which entities are not looked for."""


class _Here(NamedTuple):
    """Where a value stands."""

    path: Path
    place: Place | None
    """What paths say of it."""
    depth: int
    """Messages around it."""

    def step(self, component: str | int) -> "_Here":
        """One name or index down."""
        place = self.place.step(component) if self.place else None
        return _Here((*self.path, component), place, self.depth)


class MessageMasker:
    """Masks messages of one type."""

    def __init__(self, walk: Walk, descriptor: Descriptor, *, max_depth: int) -> None:
        """Mask by the plan of a walk.

        Args:
            walk: masks texts, and collects findings.
            descriptor: the messages' type.
            max_depth: of messages in messages.
        """
        self._walk = walk
        self._descriptor = descriptor
        self._max_depth = max_depth
        self._asked: frozenset[int] | None = None
        """Detectors that could find something in the message at hand; None for all."""

    def mask(self, message: bytes) -> bytes:
        """The message with masked values; all other bytes are the same.

        Raises:
            Unreadable, MaskingError: it cannot be masked.
        """
        self._asked = self._walk.suspects_in(self._texts(message, self._descriptor, 0))
        if self._asked is not None and not self._asked and self._walk.plan.root is None:
            return message
        return self._message(message, self._descriptor, _Here((), self._walk.plan.root, 0))

    def _texts(self, message: bytes, kind: Descriptor, depth: int) -> Iterator[str]:
        """All texts and numbers, and what the fields are called that they are under."""
        if depth > self._max_depth:
            raise Undecodable("messages are nested too deep")
        if kind.full_name == ANY:
            found, inner = self._any_of(message)
            for field in found:
                if field.number == ANY_VALUE:
                    yield from self._texts(message[field.value : field.end], inner, depth + 1)
            return
        for field in fields(message):
            told = _told(kind, field)
            value = message[field.value : field.end]
            yield told.name
            if told.message_type is not None and field.wire is Wire.BYTES:
                yield from self._texts(value, told.message_type, depth + 1)
            else:
                yield from _scalars(value, field, told)

    def _message(self, message: bytes, kind: Descriptor, here: "_Here") -> bytes:
        if here.depth > self._max_depth:
            raise Undecodable("messages are nested too deep")
        if kind.full_name == ANY:
            return self._any(message, here)
        pieces: list[bytes] = []
        seen: Counter[int] = Counter()
        at = 0
        for field in fields(message):
            told = _told(kind, field)
            there = here.step(told.name)
            new: bytes | None
            if _is_packed(field, told):
                new = self._packed(message[field.value : field.end], told, there, seen)
            elif told.is_repeated and not _is_map(told):
                new = self._value(message, field, told, self._element(there, seen[field.number]))
                seen[field.number] += 1
            else:
                new = self._value(message, field, told, there)
            if new is not None:
                pieces += [message[at : field.start], _spelled(message, field, new)]
                at = field.end
        return b"".join([*pieces, message[at:]])

    def _value(self, message: bytes, field: Field, told: FieldDescriptor, here: "_Here") -> bytes | None:
        """What comes in place of a field's value; None where it stays."""
        value = message[field.value : field.end]
        if field.wire is not _wire_of(told):
            raise Undecodable("a field is not of its descriptor's type")
        if told.type in TEXTS:
            text = decode_text(value)
            return apply(text, self._walk.part(text, here.path, here.place, self._asked)).encode()
        if told.message_type is not None:
            return self._inner(value, told.message_type, here)
        return _zero(field.wire) if self._is_masked(_number(value, told), told, here) else None

    def _inner(self, value: bytes, kind: Descriptor, here: "_Here") -> bytes:
        how = self._walk.plan.how_whole(here.place) if here.place else None
        if how is not None:
            self._walk.container(how, Known(here.path))
            return b""
        if kind.GetOptions().map_entry:
            return self._entry(value, kind, here)
        return self._message(value, kind, here._replace(depth=here.depth + 1))

    def _element(self, here: "_Here", index: int) -> "_Here":
        """An element of a field. A path that ends at the field ends at each of them."""
        whole = here.place is not None and self._walk.plan.how_whole(here.place) is not None
        return here if whole else here.step(index)

    def _packed(self, value: bytes, told: FieldDescriptor, here: "_Here", seen: Counter[int]) -> bytes:
        """Several numbers in one field."""
        wire, pieces = _wire_of(told), []
        for each in _elements(value, wire):
            there = self._element(here, seen[told.number])
            pieces.append(_zero(wire) if self._is_masked(_number(each, told), told, there) else each)
            seen[told.number] += 1
        return b"".join(pieces)

    def _is_masked(self, number: float, told: FieldDescriptor, here: "_Here") -> bool:
        how = self._walk.plan.how_at(here.place) if here.place else None
        if not number or (told.type in NO_TEXT and how is None):
            return False
        return bool(self._walk.part(str(number), here.path, here.place, self._asked))

    def _entry(self, entry: bytes, kind: Descriptor, here: "_Here") -> bytes:
        """A map's entry. Its key is a text, and the name of the value's place."""
        found = list(fields(entry))
        if {field.number for field in found} - {MAP_KEY, MAP_VALUE}:
            raise Undecodable("a field that no descriptor tells of")
        told = kind.fields_by_number
        keys = [field for field in found if field.number == MAP_KEY]
        below = here.step(_key(entry, keys[-1], told[MAP_KEY]) if keys else "")
        pieces: list[bytes] = []
        for field in found:
            there = here._replace(place=None) if field.number == MAP_KEY else below
            new = self._value(entry, field, told[field.number], there)
            pieces.append(entry[field.start : field.end] if new is None else _spelled(entry, field, new))
        return b"".join(pieces)

    def _any(self, message: bytes, here: "_Here") -> bytes:
        """A message of a type that it names."""
        found, kind = self._any_of(message)
        pieces: list[bytes] = []
        for each in found:
            value = message[each.value : each.end]
            new = self._inner(value, kind, here.step("value")) if each.number == ANY_VALUE else value
            pieces.append(_spelled(message, each, new))
        return b"".join(pieces)

    def _any_of(self, message: bytes) -> tuple[list[Field], Descriptor]:
        """The fields of a message of a type that it names, and that type."""
        found = list(fields(message))
        urls = [decode_text(message[each.value : each.end]) for each in found if each.number == TYPE_URL]
        if len(urls) > 1 or any(each.wire is not Wire.BYTES or each.number > ANY_VALUE for each in found):
            raise Undecodable("an Any with two readings")
        try:
            name = urls[0].rpartition("/")[2] if urls else ""
            kind = self._descriptor.file.pool.FindMessageTypeByName(name) if found else self._descriptor
        except KeyError:
            raise Undecodable("an Any of a type that no descriptor tells of") from None
        return found, kind


class FramesMasker:
    """Masks the messages of one gRPC body, as they come (``extproc.masking.port.EventMasker``).

    A message that changes is sent uncompressed; one that stays, stays as it came.
    """

    def __init__(self, walk: Walk, messages: MessageMasker, encoding: str, *, limit: int, ratio: int) -> None:
        """Begin a body.

        Args:
            walk: that of the messages.
            messages: masks each.
            encoding: the value of ``grpc-encoding``.
            limit: bytes that one message may have.
            ratio: how many times as long as it came a message may become.
        """
        self._walk = walk
        self._messages = messages
        self._encoding = encoding
        self._limit = limit
        self._ratio = ratio
        self._reader = FrameReader(limit=limit)
        self._broken = False

    def feed(self, piece: bytes) -> bytes:
        """See ``EventMasker.feed``."""
        if self._broken:
            raise MaskingError("the stream was broken off")
        self._broken = True
        try:
            masked = b"".join(self._frame(frame) for frame in self._reader.feed(piece))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, nothing more is sent
            raise failed(error, "message", Undecodable) from None
        self._broken = False
        return masked

    def finish(self) -> bytes:
        """See ``EventMasker.finish``: nothing is left, or the body is refused."""
        try:
            self._reader.finish()
        except Unreadable as error:
            raise failed(error, "body", Undecodable) from None
        return b""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``EventMasker.findings``."""
        return self._walk.findings

    def _frame(self, frame: Frame) -> bytes:
        message = message_of(frame, self._encoding, limit=self._limit, ratio=self._ratio)
        self._walk.begin()
        masked = self._messages.mask(message)
        return frame.raw if masked == message else Frame(False, masked).raw


def _told(kind: Descriptor, field: Field) -> FieldDescriptor:
    told = kind.fields_by_number.get(field.number)
    if told is None:
        raise Undecodable("a field that no descriptor tells of")
    return told


def _scalars(value: bytes, field: Field, told: FieldDescriptor) -> Iterator[str]:
    """A field's value as text, or several in one field."""
    if _is_packed(field, told):
        yield from (str(_number(each, told)) for each in _elements(value, _wire_of(told)))
    elif field.wire is not _wire_of(told):
        raise Undecodable("a field is not of its descriptor's type")
    elif told.type in TEXTS:
        yield decode_text(value)
    elif told.type not in NO_TEXT:
        yield str(_number(value, told))


def _is_map(told: FieldDescriptor) -> bool:
    return told.message_type is not None and told.message_type.GetOptions().map_entry


def _is_packed(field: Field, told: FieldDescriptor) -> bool:
    return field.wire is Wire.BYTES and told.is_repeated and _wire_of(told) is not Wire.BYTES


def _wire_of(told: FieldDescriptor) -> Wire:
    form = FORMS.get(told.type)
    if told.type in TEXTS or told.type == FieldDescriptor.TYPE_MESSAGE:
        return Wire.BYTES
    if told.type == FieldDescriptor.TYPE_GROUP:
        raise Undecodable("a group")
    return Wire.VARINT if form is None else Wire.FIXED64 if form in "dQq" else Wire.FIXED32


def _number(value: bytes, told: FieldDescriptor) -> int | float:
    form = FORMS.get(told.type)
    if form is not None:
        return fixed(form, value)
    number, _ = varint(value, 0)
    if told.type in SHORT:  # readers take the lower half of what is longer
        number &= 0xFFFF_FFFF
        if told.type in SIGNED:
            return number - (1 << 32) if number >> 31 else number
    return signed(number) if told.type in SIGNED else zigzag(number) if told.type in ZIGZAG else number


def _zero(wire: Wire) -> bytes:
    return bytes({Wire.FIXED64: 8, Wire.FIXED32: 4}.get(wire, 1))


def _elements(value: bytes, wire: Wire) -> Iterator[bytes]:
    """The numbers of a packed field."""
    at = 0
    while at < len(value):
        end = varint(value, at)[1] if wire is Wire.VARINT else at + len(_zero(wire))
        if end > len(value):
            raise Undecodable("a packed field that does not end")
        yield value[at:end]
        at = end


def _key(entry: bytes, field: Field, told: FieldDescriptor) -> str:
    value = entry[field.value : field.end]
    if field.wire is not _wire_of(told):
        raise Undecodable("a field is not of its descriptor's type")
    return decode_text(value) if told.type in TEXTS else str(_number(value, told))


def _spelled(message: bytes, field: Field, value: bytes) -> bytes:
    """A field with another value."""
    if value == message[field.value : field.end]:
        return message[field.start : field.end]
    tag = spell_varint(varint(message, field.start)[0])
    return tag + (spell_varint(len(value)) if field.wire is Wire.BYTES else b"") + value
