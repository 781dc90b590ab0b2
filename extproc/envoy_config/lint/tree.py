"""Reading an Envoy document that somebody else wrote: every value with its path, in either spelling of a name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from extproc.codecs.located_yaml import KeyPath

DURATION = re.compile(r"^([0-9]+(?:\.[0-9]+)?)s$")


def camel(name: str) -> str:
    """``failure_mode_allow`` as ``failureModeAllow``: protobuf's JSON names, which Envoy accepts as well."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


@dataclass(frozen=True)
class Node:
    """A value in the document. A missing one is a node too, whose ``value`` is None."""

    value: Any
    path: KeyPath = ()

    def __bool__(self) -> bool:
        return self.value is not None

    def get(self, *names: str) -> "Node":
        """Follow names (in snake case) downwards."""
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
        """The items of a list, or the values of a map."""
        node = self.get(*names)
        if isinstance(node.value, list):
            yield from (Node(item, (*node.path, index)) for index, item in enumerate(node.value))
        elif isinstance(node.value, dict):
            yield from (Node(item, (*node.path, key)) for key, item in node.value.items())

    def walk(self) -> Iterator["Node"]:
        """This node and all below it that hold something."""
        yield self
        for child in self.each():
            yield from child.walk()

    def text(self, *names: str) -> str:
        """A string; empty when it is absent or something else."""
        value = self.get(*names).value
        return value if isinstance(value, str) else ""

    def flag(self, *names: str) -> bool:
        """Whether a boolean is written as true."""
        return self.get(*names).value in (True, "true")

    def seconds(self, *names: str) -> float | None:
        """A duration; None when absent or unreadable."""
        found = DURATION.match(self.text(*names))
        return float(found[1]) if found else None

    def enum(self, choices: tuple[str, ...], *names: str) -> str:
        """An enum value by name, whether written as name or as number; absent means the first."""
        value = self.get(*names).value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices):
            return choices[value]
        return value if isinstance(value, str) else choices[0]

    @property
    def message(self) -> str:
        """The full name of the message in an ``Any``; empty where there is no ``@type``."""
        return self.text("@type").rpartition("/")[2]

    @property
    def key(self) -> str:
        """The last part of the path."""
        return str(self.path[-1]) if self.path else ""
