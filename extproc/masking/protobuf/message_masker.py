"""Mask protocol buffers by their descriptors, and streams of them as gRPC sends them.

Paths are those of the message's JSON (ProtoJSON), as policy and approvers see it: ``$.unitPrice``, an element at
``$.lines[0]``, a map's value at its key, a ``Struct``'s at its name. Numbers cannot hold a label: one that is
masked becomes 0, a message that is masked becomes an empty one. What no descriptor tells of, groups, and ``bytes``
that are not text, cannot be masked.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from extproc.codecs.json_units import Path
from extproc.codecs.protobuf import Field, Wire, fields, spell_varint, varint
from extproc.codecs.protobuf_messages import (
    ANY,
    ANY_VALUE,
    MAP_KEY,
    MAX_VALUES,
    TEXTS,
    Allowance,
    Slot,
    count_of,
    elements,
    key_of,
    number_of,
    read_any,
    slots_of,
    told_of,
)
from extproc.codecs.unreadable import Unreadable
from extproc.masking.edits import apply
from extproc.masking.formats import decode_text
from extproc.masking.json.json_masker import MAX_PLACES, Walk
from extproc.masking.json.scanner import Known
from extproc.masking.plan.json_path import Place, kept, render
from extproc.masking.plan.operators import REDACTED
from extproc.masking.protobuf.prescan import Looks
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import PASSED_UNMASKED, Finding, MaskOperator
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

    def step(self, component: str | int) -> "_Here":
        """One name or index down."""
        place = self.place.step(component) if self.place else None
        return _Here((*self.path, component), place)


def unchanged(text: bytes) -> bytes:
    """What there is no credential to be taken out of."""
    return text


class _Read(NamedTuple):
    """One message as it was read."""

    kind: Descriptor
    nodes: "list[_Node]"
    first: int
    """Number of its first text."""
    end: int
    """Number behind that of its last one."""
    url: str = ""
    """Of one that names its type: what that has before its name. It is the first text then."""


class _Node(NamedTuple):
    """One field of it."""

    field: Field
    slot: Slot
    first: int
    """Number of its first text."""
    end: int
    """Number behind that of its last one."""
    inner: _Read | None = None


class MessageMasker:
    """Masks messages of one type. Several are read, looked at together, and rewritten where something is found."""

    def __init__(
        self,
        walk: Walk,
        descriptor: Descriptor,
        *,
        max_depth: int,
        redact_credential: Callable[[bytes], bytes] = unchanged,
        binary: bool = False,
        hides: bool = False,
    ) -> None:
        """Mask by the plan of a walk.

        Args:
            walk: masks texts, and collects findings.
            descriptor: the messages' type.
            max_depth: of messages in messages.
            redact_credential: takes the credential out of a text. What it finds never reaches across a line end.
            binary: whether ``bytes`` that are not text pass.
            hides: for people, who see ``bytes`` as Base64, in which nothing can be found any more: those that
                hold something, or are not text, are redacted as a whole. Numbers stay: JSON has labels for them.
        """
        self._walk = walk
        self._descriptor = descriptor
        self._max_depth = max_depth
        self._conceal = redact_credential
        self._binary = binary
        self._hides = hides
        self._passed: Counter[Path] = Counter()
        self._allowance = Allowance()
        self._waiting: list[tuple[bytes, _Read]] = []
        """Messages that were read."""
        self._size = 0
        self._texts: list[str] = []
        """Their texts and numbers."""
        self._names: set[str] = set()
        """What their fields are called."""
        self._opaque: list[int] = []
        """Numbers of the ``bytes`` among the texts that are none."""
        self._looks: Looks
        """Of those."""
        self._echo = False
        """Whether the credential is in one of the texts."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far; of ``bytes`` that passed unmasked, too."""
        passed = (
            Finding(PASSED_UNMASKED.entity, render(path), PASSED_UNMASKED.how, count)
            for path, count in self._passed.items()
        )
        return (*self._walk.findings, *passed)

    def mask(self, message: bytes) -> bytes:
        """One message with masked values; all other bytes are the same.

        Args:
            message: as on the wire.

        Raises:
            Unreadable, MaskingError: it cannot be masked.
        """
        self.read(message)
        return self.masked()[0]

    @property
    def size(self) -> int:
        """How many values were read and not masked yet."""
        return self._size

    def read(self, message: bytes) -> None:
        """Take a message, to be masked together with others.

        Raises:
            Unreadable, Undecodable: it is none.
        """
        self._allowance = Allowance()
        self._waiting.append((message, self._read(message, self._descriptor, 0)))
        self._size += 1 + MAX_VALUES - self._allowance.left

    def masked(self, first: int | None = None) -> list[bytes]:
        """The messages that were read, masked.

        Args:
            first: the first one's place where paths begin at the list of messages.

        Raises:
            Unreadable, MaskingError: one of them cannot be masked.
        """
        detectors, texts = self._walk.mask.detectors, self._texts
        self._looks = Looks(detectors, texts, names=self._names, also=self._opaque)
        self._echo = self._echoes("\n".join(texts).encode())
        waiting = self._waiting
        self._waiting, self._texts, self._names, self._opaque, self._size = [], [], set(), [], 0
        return [
            self._masked(*each, None if first is None else first + number) for number, each in enumerate(waiting)
        ]

    def _masked(self, message: bytes, read: _Read, index: int | None) -> bytes:
        self._walk.begin()
        here = _Here((), self._walk.plan.root)
        if not self._is_touched(read, here):
            return message
        return self._inner(message, read, here if index is None else here.step(index))

    def _echoes(self, text: bytes) -> bool:
        return self._conceal(text) != text

    def _is_touched(self, part: _Read | _Node, here: _Here) -> bool:
        """Whether something in it may be replaced, or refused."""
        return here.place is not None or self._echo or self._looks.any_of(part.first, part.end)

    def _read(self, message: bytes, kind: Descriptor, depth: int) -> _Read:
        """Read a message's fields, and take note of its texts and numbers."""
        if depth > self._max_depth:
            raise Undecodable("messages are nested too deep", Uninspectable.TOO_DEEP)
        if kind.full_name == ANY:
            return self._read_any(message, kind, depth)
        slots, first = slots_of(kind), len(self._texts)
        nodes: list[_Node] = []
        for field in fields(message):
            slot = told_of(slots, field)
            self._names.add(slot.name)
            nodes.append(self._node(message[field.value : field.end], field, slot, depth))
        return _Read(kind, nodes, first, len(self._texts))

    def _node(self, value: bytes, field: Field, slot: Slot, depth: int) -> _Node:
        first = len(self._texts)
        if slot.is_packed(field):
            self._allowance.take(count_of(value, slot.wire))
            self._texts += [str(number_of(each, slot.told)) for each in elements(value, slot.wire)]
            return _Node(field, slot, first, len(self._texts))
        self._allowance.take()
        if field.wire is not slot.wire:
            raise Unreadable(Uninspectable.NOT_PROTOBUF)
        if slot.kind is not None:
            inner = self._read(value, slot.kind, depth + 1)
            return _Node(field, slot, first, inner.end, inner)
        if slot.told.type in TEXTS:
            self._texts.append(self._seen(value, slot))
        elif slot.told.type not in NO_TEXT:
            self._texts.append(str(number_of(value, slot.told)))
        return _Node(field, slot, first, len(self._texts))

    def _seen(self, value: bytes, slot: Slot) -> str:
        try:
            return _decoded(value, slot.told)
        except Undecodable:
            self._opaque.append(len(self._texts))
            return ""

    def _read_any(self, message: bytes, outer: Descriptor, depth: int) -> _Read:
        first, slots = len(self._texts), slots_of(outer)
        found, kind, url = read_any(message, outer, self._allowance)
        self._texts.append(url)
        nodes: list[_Node] = []
        for field in found:
            start, inner = len(self._texts), None
            if field.number == ANY_VALUE:
                inner = self._read(message[field.value : field.end], kind, depth + 1)
            nodes.append(_Node(field, slots[field.number], start, len(self._texts), inner))
        return _Read(outer, nodes, first, len(self._texts), url)

    def _inner(self, value: bytes, read: _Read, here: _Here) -> bytes:
        how = self._walk.plan.how_whole(here.place) if here.place else None
        if how is not None and read.kind.full_name not in SCALARS:
            self._walk.container(how, Known(here.path))
            return b""
        if read.kind.GetOptions().map_entry:
            return self._entry(value, read, here)
        return self._any(value, read, here) if read.kind.full_name == ANY else self._message(value, read, here)

    def _message(self, message: bytes, read: _Read, here: _Here) -> bytes:
        nameless, whole = read.kind.full_name in INLINE, read.kind.full_name in WHOLE
        pieces: list[bytes] = []
        seen: Counter[int] = Counter()
        at = 0
        for node in read.nodes:
            field, slot, before = node.field, node.slot, seen[node.field.number]
            packed = slot.is_packed(field)
            seen[field.number] += node.end - node.first if packed else 1
            if not self._is_touched(node, here):
                continue
            there = here if nameless else here.step(slot.name)
            new: bytes | None
            if packed:
                new = self._packed(message[field.value : field.end], node, there, before)
            elif slot.told.is_repeated and not slot.is_map and not whole:
                new = self._value(message, node, self._element(there, before))
            else:
                if before and slot.kind is not None and not slot.is_map and there.place:
                    raise Unreadable(Uninspectable.DUPLICATE_KEYS)  # readers join the two: indexes would be wrong
                new = self._value(message, node, there)
            if new is not None:
                pieces += [message[at : field.start], _spelled(message, field, new)]
                at = field.end
        return b"".join([*pieces, message[at:]])

    def _value(self, message: bytes, node: _Node, here: _Here) -> bytes | None:
        """What comes in place of a field's value; None where it stays."""
        value, told = message[node.field.value : node.field.end], node.slot.told
        if told.type in TEXTS:
            return self._text(value, node, here)
        if node.inner is not None:
            return self._inner(value, node.inner, here)
        asked = None if told.type in NO_TEXT else self._looks.asked(node.first)
        return _zero(node.field.wire) if self._is_masked(number_of(value, told), told, here, asked) else None

    def _text(self, value: bytes, node: _Node, here: _Here) -> bytes:
        told, asked = node.slot.told, self._looks.asked(node.first)
        concealed = self._conceal(value)
        try:
            text = _decoded(concealed, told)
        except Undecodable:
            how = self._walk.plan.how_at(here.place) if here.place else None
            if how is not None or (self._hides and told.type == FieldDescriptor.TYPE_BYTES):
                how = how or MaskOperator.REDACT
                self._walk.container(how, Known(here.path))
                return b"" if how is MaskOperator.REMOVE else REDACTED.encode()
            if not self._binary or told.type != FieldDescriptor.TYPE_BYTES:
                raise
            path = kept(here.path)
            self._passed[path if path in self._passed or len(self._passed) < MAX_PLACES else ()] += 1
            return concealed
        edits = self._walk.part(text, here.path, here.place, asked if concealed == value else None)
        if edits and self._hides and told.type == FieldDescriptor.TYPE_BYTES:
            return REDACTED.encode()
        return apply(text, edits).encode()

    def _element(self, here: _Here, index: int) -> _Here:
        """An element of a field. A path that ends at the field ends at each of them."""
        whole = here.place is not None and self._walk.plan.how_whole(here.place) is not None
        return here if whole else here.step(index)

    def _packed(self, value: bytes, node: _Node, here: _Here, before: int) -> bytes:
        """Several numbers in one field, with so many before them in others."""
        told, wire, pieces = node.slot.told, node.slot.wire, []
        for number, each in enumerate(elements(value, wire)):
            there, asked = self._element(here, before + number), self._looks.asked(node.first + number)
            pieces.append(_zero(wire) if self._is_masked(number_of(each, told), told, there, asked) else each)
        return b"".join(pieces)

    def _is_masked(self, number: float, told: FieldDescriptor, here: _Here, asked: frozenset[int] | None) -> bool:
        how = self._walk.plan.how_at(here.place) if here.place else None
        if self._hides or not number or (told.type in NO_TEXT and how is None):
            return False
        text = str(number)
        return bool(self._walk.part(text, here.path, here.place, asked)) or self._echoes(text.encode())

    def _entry(self, entry: bytes, read: _Read, here: _Here) -> bytes:
        """A map's entry. Its key is a text, and the name of the value's place."""
        told = slots_of(read.kind)[MAP_KEY]
        key = key_of(entry, told)
        below = here.step(_name(self._conceal(key) if isinstance(key, bytes) else key, told.told))
        values = sum(node.field.number != MAP_KEY and node.slot.kind is not None for node in read.nodes)
        if values > 1 and below.place:
            raise Unreadable(Uninspectable.DUPLICATE_KEYS)  # as in any message: readers join them
        pieces: list[bytes] = []
        for node in read.nodes:
            there = here._replace(place=None) if node.field.number == MAP_KEY else below
            new = self._value(entry, node, there)
            pieces.append(
                entry[node.field.start : node.field.end] if new is None else _spelled(entry, node.field, new)
            )
        return b"".join(pieces)

    def _any(self, message: bytes, read: _Read, here: _Here) -> bytes:
        """A message of a type that it names: its fields stand beside ``@type``, or at ``value`` without names."""
        if self._walk.part(read.url, here.path, None, self._looks.asked(read.first)) or self._echoes(
            read.url.encode()
        ):
            raise MaskingError("the URL of a type holds what is to be masked")
        pieces: list[bytes] = []
        for node in read.nodes:
            value = message[node.field.value : node.field.end]
            if node.inner is not None:
                below = here.step("value") if node.inner.kind.full_name in {*INLINE, ANY} else here
                value = self._inner(value, node.inner, below)
            pieces.append(_spelled(message, node.field, value))
        return b"".join(pieces)


def _zero(wire: Wire | None) -> bytes:
    return bytes({Wire.FIXED64: 8, Wire.FIXED32: 4}.get(wire or Wire.VARINT, 1))


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
