"""Trees of values under keys, with their places in the text: the readers of structures make them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from extproc.detectors.vocabulary import maps
from extproc.detectors.vocabulary.words import Words

LONGEST = 16_384
"""Most characters of a structure behind its name; what is further away is not its part."""
_NUMBER_OR_SWITCH = re.compile(r"[+-]?[0-9][0-9._]*|true|false|yes|no|on|off|null|~", re.IGNORECASE)


class Value(NamedTuple):
    """A value in a text."""

    start: int
    end: int
    text: str
    is_quoted: bool = False


@dataclass(slots=True)
class Node:
    """A list, of which all keys are empty, or a map."""

    entries: list[tuple[str, "Value | Node"]] = field(default_factory=list)
    is_list: bool = False


class NamedValue(NamedTuple):
    """A value and the name that tells what it is."""

    name: str
    value: Value
    in_list: bool


def named_values(node: Node, name: str, words: Words) -> Iterator[NamedValue]:
    """Yield the values in a structure whose name, with the keys above them, is one of the words.

    Values whose own key tells are left out: they are found by it.

    Args:
        node: what the structure holds.
        name: that of the structure.
        words: those of one kind.
    """
    opened = [(node, name)]
    while opened:
        node, name = opened.pop()
        tells = words.tell(name)
        named = _names(node, name) if tells and not node.is_list else {}
        for key, each in node.entries:
            if isinstance(each, Node):
                opened.append((each, name if node.is_list else named.get(key, key)))
            elif node.is_list and tells:
                yield NamedValue(name, each, in_list=True)
            elif key in named and words.tell(named[key]):
                yield NamedValue(named[key], each, in_list=False)


def _names(node: Node, name: str) -> dict[str, str]:
    scalars = {key: _scalar(each) for key, each in node.entries if isinstance(each, Value)}
    return maps.names_in_map(name, [key for key, _ in node.entries], scalars)


def _scalar(value: Value) -> maps.Scalar:
    return maps.Scalar(value.text, value.is_quoted or not _NUMBER_OR_SWITCH.fullmatch(value.text))
