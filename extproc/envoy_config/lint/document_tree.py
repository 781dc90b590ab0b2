"""A tree over any Envoy document: every value with its path, in either spelling of a field name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from extproc.codecs.located_yaml import KeyPath

DURATION = re.compile(r"^([0-9]+(?:\.[0-9]+)?)s$")


def camel(name: str) -> str:
    """Return protobuf's JSON name, which Envoy accepts too: ``failureModeAllow`` for ``failure_mode_allow``."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


@dataclass(frozen=True)
class Node:
    """A value in the document. For a missing one, ``value`` is None."""

    value: Any
    path: KeyPath = ()

    def __bool__(self) -> bool:
        return self.value is not None

    def get(self, *names: str) -> "Node":
        """Return the node below, by field names in snake case."""
        node = self
        for name in names:
            node = node._child(name)
        return node

    def _child(self, name: str) -> "Node":
        if isinstance(self.value, dict):
            for spelled in (name, camel(name)):
                if spelled in self.value:
                    return Node(self.value[spelled], (*self.path, spelled))
        return Node(None, (*self.path, name))

    def each(self, *names: str) -> Iterator["Node"]:
        """Yield the items of a list, or the values of a map."""
        node = self.get(*names)
        if isinstance(node.value, list):
            yield from (Node(item, (*node.path, index)) for index, item in enumerate(node.value))
        elif isinstance(node.value, dict):
            yield from (Node(item, (*node.path, key)) for key, item in node.value.items())

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all nodes below it."""
        yield self
        for child in self.each():
            yield from child.walk()

    def text(self, *names: str) -> str:
        """Return a string. Empty if it is absent or has another type."""
        value = self.get(*names).value
        return value if isinstance(value, str) else ""

    def flag(self, *names: str) -> bool:
        """True if a boolean is written as true."""
        return self.get(*names).value in (True, "true")

    def seconds(self, *names: str) -> float | None:
        """Return a duration. None if it is absent or unreadable."""
        found = DURATION.match(self.text(*names))
        return float(found[1]) if found else None

    def enum(self, choices: tuple[str, ...], *names: str) -> str:
        """Return the name of an enum value that is written as name or number. An absent one is the first."""
        value = self.get(*names).value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices):
            return choices[value]
        return value if isinstance(value, str) else choices[0]

    @property
    def message(self) -> str:
        """The full name of the message in an ``Any``. Empty if there is no ``@type``."""
        return self.text("@type").rpartition("/")[2]

    @property
    def key(self) -> str:
        """The last part of the path."""
        return str(self.path[-1]) if self.path else ""
