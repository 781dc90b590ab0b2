"""A message that was read, and the names that its layout gives to values.

In ``{name: "DB_PASSWORD", value: "…"}`` another field names the value, in a ``Struct`` another member or a column.
The message is written as the JSON that people see, and its layout is read as that of any document.
"""

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor

from extproc.codecs.json_units import quote
from extproc.codecs.protobuf import Field
from extproc.codecs.protobuf_messages import ANY, ANY_VALUE, MAP_KEY, TEXTS, Slot
from extproc.masking.json.layout import Tells
from extproc.masking.json.written_document import WrittenDocument

WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
SCALARS = WRAPPERS | {"google.protobuf.Value"}
"""Messages that JSON shows as their one value."""
WHOLE = frozenset({f"google.protobuf.{kind}" for kind in ("Timestamp", "Duration", "FieldMask")})
"""Messages that JSON shows as one text."""
INLINE = SCALARS | WHOLE | {"google.protobuf.Struct", "google.protobuf.ListValue"}
"""Messages whose fields have no names in JSON."""


class MessageNode(NamedTuple):
    """A message that was read."""

    kind: Descriptor
    nodes: "list[FieldNode]"
    first: int
    """The number of its first text."""
    end: int
    """The number behind that of its last text."""
    url: str = ""
    """The URL of its type if it is an ``Any``. The URL is the first text then."""


class FieldNode(NamedTuple):
    """A field that was read."""

    field: Field
    slot: Slot
    first: int
    """The number of its first text."""
    end: int
    """The number behind that of its last text."""
    inner: MessageNode | None = None


def values_below(message: MessageNode, keys: Container[int]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the keys of maps, each with that of every text below it.

    Args:
        message: it was read.
        keys: numbers of the keys that are wanted.
    """
    for node in message.nodes:
        if node.inner is None:
            continue
        if node.slot.is_map:
            for entry_key in node.inner.nodes:
                if entry_key.field.number == MAP_KEY and entry_key.first in keys:
                    values = (each for each in node.inner.nodes if each.field.number != MAP_KEY)
                    yield from ((entry_key.first, at) for each in values for at in range(each.first, each.end))
        yield from values_below(node.inner, keys)


def names_in(message: MessageNode, texts: Sequence[str], tells: Tells) -> dict[int, str]:
    """Return the names of values that are not named by their own field or key.

    Args:
        message: it was read.
        texts: the texts and numbers of all messages.
        tells: knows the names that tell.

    Returns:
        The names by the number of the text.
    """
    writer = _Writer(texts)
    writer.message(message)
    return writer.document.names(tells)


class _Writer:
    """Writes a message as JSON."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self.document = WrittenDocument()
        self._add, self._key, self._null = self.document.add, self.document.key, self.document.null

    def message(self, message: MessageNode) -> None:
        kind = message.kind.full_name
        if kind == ANY:
            self._any(message)
        elif kind in WHOLE or (kind in INLINE and not message.nodes):
            self._null()
        elif kind in INLINE:
            self._values(message.nodes)
        else:
            self._add("{")
            fields: dict[int, list[FieldNode]] = {}
            for node in message.nodes:
                fields.setdefault(node.field.number, []).append(node)
            for number, nodes in enumerate(fields.values()):
                self._key(nodes[0].slot.name, number)
                self._values(nodes)
            self._add("}")

    def _any(self, message: MessageNode) -> None:
        inner = next((node.inner for node in message.nodes if node.field.number == ANY_VALUE), None)
        if inner is None:
            self._add("{}")
        elif inner.kind.full_name in {*INLINE, ANY}:
            self._add("{")
            self._key("value", 0)
            self.message(inner)
            self._add("}")
        else:
            self.message(inner)

    def _values(self, nodes: list[FieldNode]) -> None:
        slot = nodes[0].slot
        if slot.is_map:
            self._map(nodes)
        elif not slot.descriptor.is_repeated:
            self._value(nodes[-1])
        else:
            self._add("[")
            count = 0
            for node in nodes:
                for at in range(node.first, node.end) if slot.is_packed(node.field) else (None,):
                    self._add("," if count else "")
                    self._value(node) if at is None else self._text(at, node)
                    count += 1
            self._add("]")

    def _map(self, nodes: list[FieldNode]) -> None:
        self._add("{")
        for number, node in enumerate(nodes):
            key, value = "", None
            for each in node.inner.nodes if node.inner else ():
                if each.field.number == MAP_KEY:
                    key = self._texts[each.first] if each.end > each.first else ""
                else:
                    value = each
            self._key(key, number)
            self._null() if value is None else self._value(value)
        self._add("}")

    def _value(self, node: FieldNode) -> None:
        if node.inner is not None:
            self.message(node.inner)
        elif node.first == node.end:
            self._null()
        else:
            self._text(node.first, node)

    def _text(self, number: int, node: FieldNode) -> None:
        text = self._texts[number]
        self.document.value(number, quote(text) if node.slot.descriptor.type in TEXTS else text)
