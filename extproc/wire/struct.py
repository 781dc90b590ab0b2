"""Reads protobuf's ``Struct`` as plain values."""

from typing import Any

from google.protobuf.struct_pb2 import Struct, Value


def plain(struct: Struct) -> dict[str, Any]:
    """Return a protobuf ``Struct`` as plain Python values; numbers stay doubles."""
    return {name: _value(value) for name, value in struct.fields.items()}


def _value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return plain(value.struct_value)
    if kind == "list_value":
        return [_value(item) for item in value.list_value.values]
    return None if kind in {"null_value", None} else getattr(value, kind)
