"""Mask protocol buffers messages by their descriptors.

Paths follow the message's JSON (ProtoJSON), as policy and approvers see it: ``$.unitPrice``, an element at
``$.lines[0]``, a map's value at its key, a ``Struct``'s at its name. Numbers cannot hold a label: a masked number
becomes 0, a masked message becomes empty. Fields without a descriptor, groups, and ``bytes`` that are not text
cannot be masked.

Several messages are read first (``read``), then prescanned together, and rewritten only where something was found
(``masked``).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

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
    slot_of,
    slots_of,
)
from extproc.codecs.unreadable import Unreadable
from extproc.detectors.detector_set import ALL, NONE, DetectorSet
from extproc.detectors.vocabulary.key_roles import KEY_LONGEST, is_named, is_wrapper
from extproc.masking.batch_prescan import BatchPrescan
from extproc.masking.edits import apply
from extproc.masking.findings import MAX_LOCATIONS
from extproc.masking.formats import decode_text
from extproc.masking.json.json_masker import JsonMasker
from extproc.masking.json.layout import TELLING_MEMBERS
from extproc.masking.plan.json_path import Location, PathState, render, shorten
from extproc.masking.plan.operators import REDACTED
from extproc.masking.protobuf.message_tree import (
    INLINE,
    SCALARS,
    WHOLE,
    FieldNode,
    MessageNode,
    names_in,
    values_below,
)
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import PASSED_UNMASKED, Finding, MaskOperator
from extproc.model.reasons import Uninspectable

NO_TEXT = frozenset({FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_BOOL})
"""Types of numbers that are not searched."""


class _Here(NamedTuple):
    """The position of a value in its message."""

    location: Location
    state: PathState | None
    """The state of the paths there."""

    def step(self, component: str | int) -> "_Here":
        """Go one name or index down."""
        return _Here((*self.location, component), self.state.step(component) if self.state else None)


def identity(text: bytes) -> bytes:
    """Return a text from which no credential has to be removed."""
    return text


INTEGERS_BELOW = 1 << 53
"""Integers below are exact in a double."""


class MessageMasker:
    """Masks messages of one type."""

    def __init__(
        self,
        masker: JsonMasker,
        descriptor: Descriptor,
        *,
        max_depth: int,
        redact_credential: Callable[[bytes], bytes] = identity,
        binary: bool = False,
        hides: bool = False,
    ) -> None:
        """Mask by the plan of a masker.

        Args:
            masker: masks texts and logs findings.
            descriptor: the type of the messages.
            max_depth: most nested messages.
            redact_credential: removes the credential from a text. The credential has no line end.
            binary: let ``bytes`` that are not text pass.
            hides: mask for people, who see ``bytes`` as Base64, in which nothing can be found any more: ``bytes``
                that hold an entity, or are not text, are redacted as a whole. Numbers stay: JSON has labels for
                them.
        """
        self._masker = masker
        self._descriptor = descriptor
        self._max_depth = max_depth
        self._redact_credential = redact_credential
        self._binary = binary
        self._hides = hides
        self._passed: Counter[Location] = Counter()
        """``bytes`` that passed unmasked."""
        self._allowance = Allowance()
        self._waiting: list[tuple[bytes, MessageNode]] = []
        """Messages that were read and not masked yet."""
        self._size = 0
        self._texts: list[str] = []
        """Texts and numbers of the waiting messages."""
        self._names: set[str] = set()
        """Names of the fields of the waiting messages."""
        self._names_above: set[str] = set()
        self._own: dict[str, list[int]] = {}
        """The numbers of the texts and numbers of each field that is no message."""
        """Those of fields that are messages or maps: they may tell what is below."""
        self._opaque: list[int] = []
        """Numbers of the ``bytes`` among the texts that are not text."""
        self._batch = BatchPrescan(masker.analyzer, ())
        """Prescans of the messages that are being masked."""
        self._read_texts: list[str] = []
        """Their texts and numbers."""
        self._names_by_layout: dict[int, dict[int, str]] = {}
        """See ``names_in``; by the number of a message's first text, where they were wanted."""
        self._message_read: MessageNode | None = None
        """The message that is being masked."""
        self._has_credential = False
        """The credential is in one of their texts."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, with those of ``bytes`` that passed unmasked."""
        passed = (
            Finding(PASSED_UNMASKED.entity, render(path), PASSED_UNMASKED.how, count)
            for path, count in self._passed.items()
        )
        return (*self._masker.findings, *passed)

    def mask(self, message: bytes) -> bytes:
        """Return one message with masked values; all other bytes stay the same.

        Args:
            message: as on the wire.

        Raises:
            Unreadable, MaskingError: it cannot be masked.
        """
        self.read(message)
        return self.masked()[0]

    @property
    def size(self) -> int:
        """Number of values that were read and are not masked yet."""
        return self._size

    def read(self, message: bytes) -> None:
        """Read a message, to be masked together with others.

        Raises:
            Unreadable, Undecodable: it is not such a message.
        """
        self._allowance = Allowance()
        self._waiting.append((message, self._read(message, self._descriptor, 0)))
        self._size += 1 + MAX_VALUES - self._allowance.left

    def masked(self, first: int | None = None) -> list[bytes]:
        """Mask the messages that were read.

        Args:
            first: the index of the first message if paths begin at the list of messages; None if they begin at
                each.

        Raises:
            Unreadable, MaskingError: one of them cannot be masked.
        """
        texts = self._texts
        own = {name: numbers for name, numbers in self._own.items() if name not in self._names_above}
        self._batch = BatchPrescan(self._masker.analyzer, texts, names=self._names, own=own, also=self._opaque)
        self._search_named(texts)
        self._has_credential = self._holds_credential("\n".join(texts).encode())
        waiting = self._waiting
        self._waiting, self._texts, self._opaque, self._size = [], [], [], 0
        self._names, self._names_above, self._own = set(), set(), {}
        return [
            self._masked(*each, None if first is None else first + number) for number, each in enumerate(waiting)
        ]

    def _search_named(self, texts: list[str]) -> None:
        """Have the values searched that texts of their messages name: keys of maps, and names beside them."""
        self._read_texts, self._names_by_layout = texts, {}
        telling = dict(self._batch.telling())
        tells = self._masker.analyzer.tells
        named_by = self._masker.analyzer.named_by
        by_field = not TELLING_MEMBERS.isdisjoint(self._names) or any(map(named_by, self._names_above))
        told: dict[int, DetectorSet] = {}
        numbers = sorted(telling)
        for _, read in self._waiting if telling or by_field else ():
            at = bisect_left(numbers, read.first)
            if not by_field and not (at < len(numbers) and numbers[at] < read.end):
                continue
            named = self._names_by_layout[read.first] = names_in(read, texts, tells)
            for number, name in named.items():
                told[number] = named_by(name[-KEY_LONGEST:])
            for key, number in values_below(read, telling):
                told[number] = told.get(number, NONE) | telling[key]
        self._batch.add({number: each for number, each in told.items() if each})

    def _name_of(self, number: int, here: _Here, detectors: DetectorSet) -> str:
        """Return the name that the layout of its message gives to a text or number; empty if it gives none."""
        message, last = self._message_read, here.location[-1:]
        if message is None or not detectors.meets(self._masker.analyzer.contextual):
            return ""
        named = self._names_by_layout.get(message.first)
        if named is None:
            if not any(isinstance(each, int) or is_wrapper(each) or is_named(each) for each in last):
                return ""
            named = self._names_by_layout[message.first] = names_in(
                message, self._read_texts, self._masker.analyzer.tells
            )
        return named.get(number, "")

    def _masked(self, message: bytes, read: MessageNode, index: int | None) -> bytes:
        self._masker.begin_document()
        self._message_read = read
        here = _Here((), self._masker.plan.root)
        if not self._is_touched(read, here):
            return message
        return self._inner(message, read, here if index is None else here.step(index))

    def _holds_credential(self, text: bytes) -> bool:
        return self._redact_credential(text) != text

    def _is_touched(self, part: MessageNode | FieldNode, here: _Here) -> bool:
        """Return whether something in a message or field may have to be replaced or refused."""
        return here.state is not None or self._has_credential or self._batch.any_in(part.first, part.end)

    def _read(self, message: bytes, kind: Descriptor, depth: int) -> MessageNode:
        """Read a message's fields, and collect its texts and numbers."""
        if depth > self._max_depth:
            raise Undecodable("messages are nested too deep", Uninspectable.TOO_DEEP)
        if kind.full_name == ANY:
            return self._read_any(message, kind, depth)
        slots, first = slots_of(kind), len(self._texts)
        nodes: list[FieldNode] = []
        for field in fields(message):
            slot = slot_of(slots, field)
            self._names.add(slot.name)
            if slot.kind is not None:
                self._names_above.add(slot.name)
            node = self._node(message[field.value : field.end], field, slot, depth)
            if slot.kind is None:
                self._own.setdefault(slot.name, []).extend(range(node.first, node.end))
            nodes.append(node)
        return MessageNode(kind, nodes, first, len(self._texts))

    def _node(self, value: bytes, field: Field, slot: Slot, depth: int) -> FieldNode:
        first = len(self._texts)
        if slot.is_packed(field):
            self._allowance.take(count_of(value, slot.wire))
            self._texts += [_written(number_of(each, slot.descriptor)) for each in elements(value, slot.wire)]
            return FieldNode(field, slot, first, len(self._texts))
        self._allowance.take()
        if field.wire is not slot.wire:
            raise Unreadable(Uninspectable.NOT_PROTOBUF)
        if slot.kind is not None:
            inner = self._read(value, slot.kind, depth + 1)
            return FieldNode(field, slot, first, inner.end, inner)
        if slot.descriptor.type in TEXTS:
            self._texts.append(self._searched(value, slot))
        elif slot.descriptor.type not in NO_TEXT:
            self._texts.append(_written(number_of(value, slot.descriptor)))
        return FieldNode(field, slot, first, len(self._texts))

    def _searched(self, value: bytes, slot: Slot) -> str:
        try:
            return _decoded(value, slot.descriptor)
        except Undecodable:
            self._opaque.append(len(self._texts))
            return ""

    def _read_any(self, message: bytes, outer: Descriptor, depth: int) -> MessageNode:
        first, slots = len(self._texts), slots_of(outer)
        found, kind, url = read_any(message, outer, self._allowance)
        self._texts.append(url)
        nodes: list[FieldNode] = []
        for field in found:
            start, inner = len(self._texts), None
            if field.number == ANY_VALUE:
                inner = self._read(message[field.value : field.end], kind, depth + 1)
            nodes.append(FieldNode(field, slots[field.number], start, len(self._texts), inner))
        return MessageNode(outer, nodes, first, len(self._texts), url)

    def _inner(self, value: bytes, read: MessageNode, here: _Here) -> bytes:
        operator = self._masker.plan.container_operator_at(here.state)
        if operator is not None and read.kind.full_name not in SCALARS:
            self._masker.redact_container(operator, here.location)
            return b""
        if read.kind.GetOptions().map_entry:
            return self._entry(value, read, here)
        return self._any(value, read, here) if read.kind.full_name == ANY else self._message(value, read, here)

    def _message(self, message: bytes, read: MessageNode, here: _Here) -> bytes:
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
            elif slot.descriptor.is_repeated and not slot.is_map and not whole:
                new = self._value(message, node, self._element(there, before))
            else:
                if before and slot.kind is not None and not slot.is_map and there.state:
                    raise Unreadable(Uninspectable.DUPLICATE_KEYS)  # readers join the two: indexes would be wrong
                new = self._value(message, node, there)
            if new is not None:
                pieces += [message[at : field.start], _spelled(message, field, new)]
                at = field.end
        return b"".join([*pieces, message[at:]])

    def _value(self, message: bytes, node: FieldNode, here: _Here, *, is_key: bool = False) -> bytes | None:
        """Return the replacement of a field's value, or of a map's key; None if it stays."""
        value, descriptor = message[node.field.value : node.field.end], node.slot.descriptor
        if descriptor.type in TEXTS:
            return self._text(value, node, here, is_key=is_key)
        if node.inner is not None:
            return self._inner(value, node.inner, here)
        detectors = ALL if descriptor.type in NO_TEXT else self._batch.detectors_for(node.first)
        name = self._name_of(node.first, here, detectors)
        masked = self._is_masked(number_of(value, descriptor), descriptor, here, detectors, name)
        return _zero(node.field.wire) if masked else None

    def _text(self, value: bytes, node: FieldNode, here: _Here, *, is_key: bool = False) -> bytes:
        descriptor, detectors = node.slot.descriptor, self._batch.detectors_for(node.first)
        is_bytes = descriptor.type == FieldDescriptor.TYPE_BYTES
        redacted = self._redact_credential(value)
        detectors = detectors if redacted == value else ALL
        if is_key:  # what is above a key names its value
            detectors = detectors & self._masker.analyzer.finding
        try:
            text = _decoded(redacted, descriptor)
        except Undecodable:
            operator = self._masker.plan.operator_at(here.state)
            if operator is not None or (self._hides and is_bytes):
                removed = self._masker.redact_container(operator or MaskOperator.REDACT, here.location)
                return b"" if removed is MaskOperator.REMOVE else REDACTED.encode()
            if not self._binary or not is_bytes:
                raise
            self._note_passed(here.location)
            return redacted
        name = self._name_of(node.first, here, detectors)
        edits = self._masker.part(text, here.location, here.state, detectors, name=name)
        if edits and self._hides and is_bytes:
            return REDACTED.encode()
        return apply(text, edits).encode()

    def _note_passed(self, location: Location) -> None:
        """Count ``bytes`` that pass unmasked."""
        location = shorten(location)
        is_new = location not in self._passed
        self._passed[() if is_new and len(self._passed) >= MAX_LOCATIONS else location] += 1

    def _element(self, here: _Here, index: int) -> _Here:
        """Go down to an element of a field. A path that ends at the field ends at each element."""
        whole = self._masker.plan.container_operator_at(here.state) is not None
        return here if whole else here.step(index)

    def _packed(self, value: bytes, node: FieldNode, here: _Here, before: int) -> bytes:
        """Mask several numbers in one field. ``before`` is their number in the fields before it."""
        descriptor, wire, pieces = node.slot.descriptor, node.slot.wire, []
        for number, each in enumerate(elements(value, wire)):
            there = self._element(here, before + number)
            detectors = self._batch.detectors_for(node.first + number)
            name = self._name_of(node.first + number, there, detectors)
            masked = self._is_masked(number_of(each, descriptor), descriptor, there, detectors, name)
            pieces.append(_zero(wire) if masked else each)
        return b"".join(pieces)

    def _is_masked(
        self, number: float, descriptor: FieldDescriptor, here: _Here, detectors: DetectorSet, name: str
    ) -> bool:
        is_searched = descriptor.type not in NO_TEXT or self._masker.plan.operator_at(here.state) is not None
        if self._hides or not number or not is_searched:
            return False
        text = _written(number)
        edits = self._masker.part(text, here.location, here.state, detectors, name=name)
        return bool(edits) or self._holds_credential(text.encode())

    def _entry(self, entry: bytes, read: MessageNode, here: _Here) -> bytes:
        """Mask an entry of a map. Its key is a text, and part of the value's location."""
        key_slot = slots_of(read.kind)[MAP_KEY]
        key = key_of(entry, key_slot)
        below = here.step(
            _name(self._redact_credential(key) if isinstance(key, bytes) else key, key_slot.descriptor)
        )
        values = sum(node.field.number != MAP_KEY and node.slot.kind is not None for node in read.nodes)
        if values > 1 and below.state:
            raise Unreadable(Uninspectable.DUPLICATE_KEYS)  # as in any message: readers join them
        pieces: list[bytes] = []
        for node in read.nodes:
            is_key = node.field.number == MAP_KEY
            there = here._replace(state=None) if is_key else below
            new = self._value(entry, node, there, is_key=is_key)
            pieces.append(
                entry[node.field.start : node.field.end] if new is None else _spelled(entry, node.field, new)
            )
        return b"".join(pieces)

    def _any(self, message: bytes, read: MessageNode, here: _Here) -> bytes:
        """Mask an ``Any``. JSON shows its fields beside ``@type``, or at ``value`` if they have no names."""
        found = self._masker.part(read.url, here.location, None, self._batch.detectors_for(read.first))
        if found or self._holds_credential(read.url.encode()):
            raise MaskingError("the URL of a type contains text that has to be masked")
        pieces: list[bytes] = []
        for node in read.nodes:
            value = message[node.field.value : node.field.end]
            if node.inner is not None:
                below = here.step("value") if node.inner.kind.full_name in {*INLINE, ANY} else here
                value = self._inner(value, node.inner, below)
            pieces.append(_spelled(message, node.field, value))
        return b"".join(pieces)


def _written(number: float) -> str:
    """Return a number as people write it: an integer that was read as a float has no point."""
    return str(int(number)) if abs(number) < INTEGERS_BELOW and number == int(number) else str(number)


def _zero(wire: Wire | None) -> bytes:
    return bytes({Wire.FIXED64: 8, Wire.FIXED32: 4}.get(wire or Wire.VARINT, 1))


def _decoded(value: bytes, descriptor: FieldDescriptor) -> str:
    """Decode a text. A ``string`` is UTF-8 and may contain NUL; the encoding of ``bytes`` is unknown."""
    if descriptor.type == FieldDescriptor.TYPE_BYTES:
        return decode_text(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Undecodable("a string is not-utf8", Uninspectable.NOT_UTF8) from None


def _name(key: bytes | float, descriptor: FieldDescriptor) -> str:
    """Return a map's key as JSON shows it."""
    return _decoded(key, descriptor) if isinstance(key, bytes) else str(key).lower()


def _spelled(message: bytes, field: Field, value: bytes) -> bytes:
    """Return the field with another value."""
    if value == message[field.value : field.end]:
        return message[field.start : field.end]
    tag = spell_varint(varint(message, field.start)[0])
    return tag + (spell_varint(len(value)) if field.wire is Wire.BYTES else b"") + value
