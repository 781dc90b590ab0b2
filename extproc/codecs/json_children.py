"""The elements of an array, or the members of an object, of a strict JSON document, with their offsets."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from extproc.codecs.json_units import OPENS, UNIT, Unit, shape, unquote

NAMED = frozenset({Unit.MEMBER_STRING, Unit.MEMBER_OPEN, Unit.MEMBER_WORD})


class Child(NamedTuple):
    """An element or a member."""

    key: str
    """The name of a member; empty for an element."""
    start: int
    """Offset of its first character: of the name, for a member."""
    value: int
    """Offset of the value's first character."""
    end: int


def children(text: str, path: Sequence[str]) -> list[Child]:
    """Return what the object or array at a path of names holds; nothing where there is none.

    Args:
        text: strict JSON, an object.
        path: the names of members that lead there, from the root.
    """
    target, found = ["", *path], []
    at: list[str] = []
    begun = Child("", 0, 0, 0)
    for unit in UNIT.finditer(shape(text)):
        kind = unit.lastindex or 0
        if kind == Unit.CLOSE:
            at.pop()
            if at == target:
                found.append(begun._replace(end=unit.end()))
            continue
        named = kind in NAMED
        key = unquote(text, *unit.span(1)) if named else ""
        opens = kind in OPENS
        if at == target:
            value = unit.end() - 1 if opens else unit.start(kind)
            begun = Child(key, unit.start(1) if named else value, value, unit.end())
            if not opens:
                found.append(begun)
        if opens:
            at.append(key)
    return found


def without(text: str, parts: Sequence[Child], kept: Sequence[bool]) -> str:
    """Return the text without some of an object's or array's children; every other byte stays.

    Args:
        text: the document.
        parts: all children, as ``children`` returned them.
        kept: for each whether it stays.
    """
    if all(kept):
        return text
    return "".join(_pieces(text, parts, kept))


def _pieces(text: str, parts: Sequence[Child], kept: Sequence[bool]) -> Iterator[str]:
    yield text[: parts[0].start]
    first = True
    for index, part in enumerate(parts):
        if kept[index]:
            yield "" if first else text[parts[index - 1].end : part.start]
            yield text[part.start : part.end]
            first = False
    yield text[parts[-1].end :]
