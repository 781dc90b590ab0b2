"""What a descriptor set says about the arguments and results of its methods: every field that there is.

Names are those of ProtoJSON. Types with a JSON form of their own (protobuf.dev/programming-guides/json) have no
fields in it, and some may hold anything.
"""

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from extproc.codecs.descriptors import Method
from extproc.model.json_shape import ANYTHING, CallShape, JsonShape

HOLDS_ANYTHING = frozenset(f"google.protobuf.{name}" for name in ("Any", "Struct", "Value", "ListValue"))
ONE_VALUE = frozenset(
    f"google.protobuf.{name}"
    for name in (
        "Timestamp",
        "Duration",
        "FieldMask",
        *(
            f"{kind}Value"
            for kind in ("Bool", "String", "Bytes", "Int32", "Int64", "UInt32", "UInt64", "Float", "Double")
        ),
    )
)


def call_shape(method: Method) -> CallShape:
    """Return the shape of one method's calls. A client's stream of messages may be anything."""
    shapes: dict[str, JsonShape] = {}
    arguments = ANYTHING if method.takes_many else _message(method.request, shapes)
    return CallShape(arguments, _message(method.response, shapes))


def _message(kind: Descriptor, shapes: dict[str, JsonShape]) -> JsonShape:
    name = str(kind.full_name)
    if name in HOLDS_ANYTHING:
        return ANYTHING
    if name not in shapes:
        shape = shapes[name] = JsonShape()
        if name not in ONE_VALUE:
            shape.members.update((str(each.json_name), _field(each, shapes)) for each in kind.fields)
    return shapes[name]


def _field(field: FieldDescriptor, shapes: dict[str, JsonShape]) -> JsonShape:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return JsonShape(others=_field(kind.fields_by_name["value"], shapes))
    one = _message(kind, shapes) if kind is not None else JsonShape()
    return JsonShape(elements=one) if field.is_repeated else one
