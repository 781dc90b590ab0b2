"""Mask protocol buffers by their descriptors, and streams of them as gRPC sends them.

Paths are those of the message's JSON (ProtoJSON), as policy and approvers see it: ``$.unitPrice``, an element at
``$.lines[0]``, a map's value at its key, a ``Struct``'s at its name. Numbers cannot hold a label: one that is
masked becomes 0, a message that is masked becomes an empty one. What no descriptor tells of, groups, and ``bytes``
that are not text, cannot be masked.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from extproc.codecs.errors import Unreadable
from extproc.codecs.json_units import Path
from extproc.codecs.messages import (
    ANY,
    ANY_VALUE,
    MAP_KEY,
    MAP_VALUE,
    TEXTS,
    Allowance,
    count_of,
    elements,
    is_map,
    is_packed,
    key_of,
    number_of,
    read_any,
    told_of,
    wire_of,
)
from extproc.codecs.protobuf import Field, Wire, fields, spell_varint, varint
from extproc.masking.document import Known
from extproc.masking.edits import apply
from extproc.masking.media import decode_text
from extproc.masking.paths import Place, render
from extproc.masking.walk import Walk, hides_text
from extproc.masking.ways import REDACTED
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import PASSED_UNMASKED, Finding, How
from extproc.model.reasons import Uninspectable

WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
SCALARS = WRAPPERS | {"google.protobuf.Value"}
"""Messages that are their one value in JSON."""
WHOLE = frozenset({f"google.protobuf.{kind}" for kind in ("Timestamp", "Duration", "FieldMask")})
"""Messages that are one text in JSON."""
INLINE = SCALARS | WHOLE | {"google.protobuf.Struct", "google.protobuf.ListValue"}
"""Messages whose fields have no names in JSON."""
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


def unchanged(text: bytes) -> bytes:
    """What there is no credential to be taken out of."""
    return text


class MessageMasker:
    """Masks messages of one type."""

    def __init__(
        self,
        walk: Walk,
        descriptor: Descriptor,
        *,
        max_depth: int,
        conceal: Callable[[bytes], bytes] = unchanged,
        binary: bool = False,
        hides: bool = False,
    ) -> None:
        """Mask by the plan of a walk.

        Args:
            walk: masks texts, and collects findings.
            descriptor: the messages' type.
            max_depth: of messages in messages.
            conceal: takes the credential out of a text.
            binary: whether ``bytes`` that are not text pass.
            hides: for people, who see ``bytes`` as Base64, in which nothing can be found any more: those that
                hold something, or are not text, are redacted as a whole. Numbers stay: JSON has labels for them.
        """
        self._walk = walk
        self._descriptor = descriptor
        self._max_depth = max_depth
        self._conceal = conceal
        self._binary = binary
        self._hides = hides
        self._passed: Counter[Path] = Counter()
        self._asked: frozenset[int] | None = None
        """Detectors that could find something in the message at hand; None for all."""
        self._allowance = Allowance()
        self._opaque = False
        """Whether the message at hand has ``bytes`` that are not text."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far; of ``bytes`` that passed unmasked, too."""
        passed = (
            Finding(PASSED_UNMASKED.entity, render(path), PASSED_UNMASKED.how, count)
            for path, count in self._passed.items()
        )
        return (*self._walk.findings, *passed)

    def mask(self, message: bytes, index: int | None = None) -> bytes:
        """The message with masked values; all other bytes are the same.

        Args:
            message: as on the wire.
            index: its place where paths begin at the list of messages.

        Raises:
            Unreadable, MaskingError: it cannot be masked.
        """
        self._opaque, self._allowance = False, Allowance()
        text = "\n".join(self._texts(message, self._descriptor, 0))
        self._asked = None if hides_text(text) else self._walk.mask.detectors.suspects(text)
        clean = self._asked is not None and not self._asked and self._walk.plan.root is None
        if clean and not self._opaque and not self._echoes(text.encode()):
            return message
        here = _Here((), self._walk.plan.root, 0)
        return self._inner(message, self._descriptor, here if index is None else here.step(index))

    def _echoes(self, text: bytes) -> bool:
        return self._conceal(text) != text

    def _texts(self, message: bytes, kind: Descriptor, depth: int) -> Iterator[str]:
        """All texts and numbers, and what the fields are called that they are under."""
        self._check_depth(depth)
        if kind.full_name == ANY:
            found, inner, before = read_any(message, kind)
            yield before
            for field in found:
                if field.number == ANY_VALUE:
                    yield from self._texts(message[field.value : field.end], inner, depth + 1)
            return
        for field in fields(message):
            told = told_of(kind, field)
            value = message[field.value : field.end]
            self._allowance.take(count_of(value, wire_of(told)) if is_packed(field, told) else 1)
            yield told.json_name
            if told.message_type is not None and field.wire is wire_of(told):
                yield from self._texts(value, told.message_type, depth + 1)
            elif told.type in TEXTS and field.wire is Wire.BYTES:
                yield self._seen(value, told)
            else:
                yield from _numbers(value, field, told)

    def _seen(self, value: bytes, told: FieldDescriptor) -> str:
        try:
            return _decoded(value, told)
        except Undecodable:
            self._opaque = True
            return value.decode("latin-1")

    def _check_depth(self, depth: int) -> None:
        if depth > self._max_depth:
            raise Undecodable("messages are nested too deep", Uninspectable.TOO_DEEP)

    def _message(self, message: bytes, kind: Descriptor, here: "_Here") -> bytes:
        self._check_depth(here.depth)
        if kind.full_name == ANY:
            return self._any(message, kind, here)
        pieces: list[bytes] = []
        seen: Counter[int] = Counter()
        at = 0
        for field in fields(message):
            told = told_of(kind, field)
            there = here if kind.full_name in INLINE else here.step(told.json_name)
            new: bytes | None
            if is_packed(field, told):
                new = self._packed(message[field.value : field.end], told, there, seen)
            elif told.is_repeated and not is_map(told) and kind.full_name not in WHOLE:
                new = self._value(message, field, told, self._element(there, seen[field.number]))
                seen[field.number] += 1
            else:
                if seen[field.number] and told.message_type is not None and not is_map(told) and there.place:
                    raise Unreadable(Uninspectable.DUPLICATE_KEYS)  # readers join the two: indexes would be wrong
                seen[field.number] += 1
                new = self._value(message, field, told, there)
            if new is not None:
                pieces += [message[at : field.start], _spelled(message, field, new)]
                at = field.end
        return b"".join([*pieces, message[at:]])

    def _value(self, message: bytes, field: Field, told: FieldDescriptor, here: "_Here") -> bytes | None:
        """What comes in place of a field's value; None where it stays."""
        value = message[field.value : field.end]
        if field.wire is not wire_of(told):
            raise Unreadable(Uninspectable.NOT_PROTOBUF)
        if told.type in TEXTS:
            return self._text(self._conceal(value), told, here)
        if told.message_type is not None:
            return self._inner(value, told.message_type, here)
        return _zero(field.wire) if self._is_masked(number_of(value, told), told, here) else None

    def _text(self, value: bytes, told: FieldDescriptor, here: "_Here") -> bytes:
        try:
            text = _decoded(value, told)
        except Undecodable:
            how = self._walk.plan.how_at(here.place) if here.place else None
            if how is not None or (self._hides and told.type == FieldDescriptor.TYPE_BYTES):
                how = how or How.REDACT
                self._walk.container(how, Known(here.path))
                return b"" if how is How.REMOVE else REDACTED.encode()
            if not self._binary or told.type != FieldDescriptor.TYPE_BYTES:
                raise
            self._passed[here.path] += 1
            return value
        edits = self._walk.part(text, here.path, here.place, self._asked)
        if edits and self._hides and told.type == FieldDescriptor.TYPE_BYTES:
            return REDACTED.encode()
        return apply(text, edits).encode()

    def _inner(self, value: bytes, kind: Descriptor, here: "_Here") -> bytes:
        how = self._walk.plan.how_whole(here.place) if here.place else None
        if how is not None and kind.full_name not in SCALARS:
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
        wire, pieces = wire_of(told), []
        for each in elements(value, wire):
            there = self._element(here, seen[told.number])
            pieces.append(_zero(wire) if self._is_masked(number_of(each, told), told, there) else each)
            seen[told.number] += 1
        return b"".join(pieces)

    def _is_masked(self, number: float, told: FieldDescriptor, here: "_Here") -> bool:
        how = self._walk.plan.how_at(here.place) if here.place else None
        if self._hides or not number or (told.type in NO_TEXT and how is None):
            return False
        text = str(number)
        return bool(self._walk.part(text, here.path, here.place, self._asked)) or self._echoes(text.encode())

    def _entry(self, entry: bytes, kind: Descriptor, here: "_Here") -> bytes:
        """A map's entry. Its key is a text, and the name of the value's place."""
        found = list(fields(entry))
        told = kind.fields_by_number
        if {field.number for field in found} - {MAP_KEY, MAP_VALUE}:
            raise Unreadable(Uninspectable.UNKNOWN_FIELDS)
        below = here.step(_name(key_of(entry, told[MAP_KEY]), told[MAP_KEY]))
        pieces: list[bytes] = []
        for field in found:
            there = here._replace(place=None) if field.number == MAP_KEY else below
            new = self._value(entry, field, told[field.number], there)
            pieces.append(entry[field.start : field.end] if new is None else _spelled(entry, field, new))
        return b"".join(pieces)

    def _any(self, message: bytes, outer: Descriptor, here: "_Here") -> bytes:
        """A message of a type that it names: its fields stand beside ``@type``, or at ``value`` without names."""
        found, kind, before = read_any(message, outer)
        if self._walk.part(before, here.path, None, self._asked) or self._echoes(before.encode()):
            raise MaskingError("the URL of a type holds what is to be masked")
        below = here.step("value") if kind.full_name in {*INLINE, ANY} else here
        pieces: list[bytes] = []
        for each in found:
            value = message[each.value : each.end]
            pieces.append(
                _spelled(message, each, self._inner(value, kind, below) if each.number == ANY_VALUE else value)
            )
        return b"".join(pieces)


def _numbers(value: bytes, field: Field, told: FieldDescriptor) -> Iterator[str]:
    """A field's number as text, or several in one field."""
    if is_packed(field, told):
        yield from (str(number_of(each, told)) for each in elements(value, wire_of(told)))
    elif field.wire is not wire_of(told):
        raise Unreadable(Uninspectable.NOT_PROTOBUF)
    elif told.type not in NO_TEXT:
        yield str(number_of(value, told))


def _zero(wire: Wire) -> bytes:
    return bytes({Wire.FIXED64: 8, Wire.FIXED32: 4}.get(wire, 1))


def _decoded(value: bytes, told: FieldDescriptor) -> str:
    """A text. Of ``bytes`` nobody says in which encoding; a ``string`` is UTF-8, and may hold NUL."""
    if told.type == FieldDescriptor.TYPE_BYTES:
        return decode_text(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Undecodable("a string is not-utf8", Uninspectable.NOT_UTF8) from None


def _name(key: bytes | float, told: FieldDescriptor) -> str:
    """A map's key as JSON has it."""
    return _decoded(key, told) if isinstance(key, bytes) else str(key).lower()


def _spelled(message: bytes, field: Field, value: bytes) -> bytes:
    """A field with another value."""
    if value == message[field.value : field.end]:
        return message[field.start : field.end]
    tag = spell_varint(varint(message, field.start)[0])
    return tag + (spell_varint(len(value)) if field.wire is Wire.BYTES else b"") + value
