"""Find field names that Envoy's messages do not have."""

import importlib
import re
from collections.abc import Iterator
from functools import cache

from betterproto2 import Message
from envoy_data_plane.message_pool import default_message_pool

from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.document_tree import Node, camel

PACKAGE = re.compile(r"^(?:envoy|xds|udpa)(?:\.[a-z][a-z0-9_]*)+$")
FREE_FORM = "google.protobuf."
ANY = "google.protobuf.Any"


def unknown_fields(node: Node, message: type[Message]) -> Iterator[Problem]:
    """Yield a problem for every field at and below this node that its message does not have.

    Not checked: types of values, and messages that this version of the definitions does not know. ``envoy --mode
    validate`` checks both.
    """
    if not isinstance(node.value, dict):
        return
    known = _spellings(message)
    for child in node.each():
        if child.key in known:
            yield from _below(child, message, known[child.key])
        elif child.key != "@type":
            yield Problem("unknown-field", child.path, f"{_name(message)} has no field {child.key!r}")


def _below(child: Node, message: type[Message], field: str) -> Iterator[Problem]:
    about = message._betterproto  # noqa: SLF001 - there is no public way
    meta = about.meta_by_field_name[field]
    kind = about.cls_by_field[f"{field}.value" if meta.map_meta else field]
    if not issubclass(kind, Message) or meta.unwrap:
        return
    for each in child.each() if meta.map_meta or meta.repeated else (child,):
        actual = resolve(each.message) if _name(kind) == ANY else kind
        if actual is not None and not _name(actual).startswith(FREE_FORM):
            yield from unknown_fields(each, actual)


def _spellings(message: type[Message]) -> dict[str, str]:
    """Return the names that a file may use → the field's name."""
    fields = message._betterproto.meta_by_field_name  # noqa: SLF001 - there is no public way
    plain = {name.rstrip("_"): name for name in fields}
    return {camel(name): field for name, field in plain.items()} | plain


@cache
def resolve(name: str) -> type[Message] | None:
    """Return the class of a message by its full name. None if these definitions do not have it."""
    package = name.rpartition(".")[0]
    if not PACKAGE.match(package):
        return None
    try:
        importlib.import_module(f"envoy_data_plane.{package}")
    except ImportError:
        return None
    found: type[Message] | None = default_message_pool.url_to_type.get(f"type.googleapis.com/{name}")
    return found


def _name(message: type[Message]) -> str:
    """The full name of a message class."""
    return str(default_message_pool.type_to_url[message]).rpartition("/")[2]
