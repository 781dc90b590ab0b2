"""What a description says about the members of JSON values, such as a function's arguments.

Descriptions are of two kinds. A descriptor set names every field that a backend can read. An OpenAPI document may
leave members out. So a name that is not there is impossible in the first, and only undescribed in the second.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

Step = str | int | None
"""A member's name, an element's index, or None for every member and element."""


class Described(Enum):
    """How much a description says about the members of a value."""

    ALL = "all"
    """It has no other members than those that are listed."""
    SOME = "some"
    """It has the listed members, and may have others."""
    NOTHING = "nothing"
    """Any member may be there."""


class Reach(Enum):
    """What is known of a path into a value."""

    FOUND = "found"
    UNKNOWN = "unknown"
    UNDESCRIBED = "undescribed"
    """The description has no such member, but may have left it out."""
    IMPOSSIBLE = "impossible"


@dataclass(eq=False, slots=True)
class JsonShape:
    """The members of one value. A recursive type refers to itself, so shapes are filled step by step."""

    described: Described = Described.ALL
    members: dict[str, "JsonShape"] = field(default_factory=dict, repr=False)
    elements: "JsonShape | None" = field(default=None, repr=False)
    """The shape of an array's elements; None if it is not an array."""
    others: "JsonShape | None" = field(default=None, repr=False)
    """The shape of members that are not listed; None if nothing is known of them."""
    alternatives: "list[JsonShape]" = field(default_factory=list, repr=False)
    """Further shapes that the value may have, or has too: all their members are possible."""


ANYTHING = JsonShape(Described.NOTHING)
"""The shape of a value without a description."""


@dataclass(frozen=True, slots=True)
class CallShape:
    """What a connection's description says about one function."""

    arguments: JsonShape = ANYTHING
    result: JsonShape = ANYTHING


@dataclass(frozen=True, slots=True)
class Descriptions:
    """The shapes of a connection's calls. All are equal: settings are compared by their files."""

    calls: Mapping[str, CallShape] = field(default_factory=dict, compare=False, repr=False)
    """By function."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Where following a path ended."""

    reach: Reach
    names: frozenset[str] = frozenset()
    """The names that are described at the step that could not be taken."""
    at: int = 0
    """That step's number, from 0."""


def follow(shape: JsonShape, path: Sequence[Step], *, anywhere: frozenset[int] = frozenset()) -> Followed:
    """Follow a path into a shape.

    Args:
        shape: the shape of the whole value.
        path: the steps.
        anywhere: numbers of the steps that may be taken at any depth.

    Returns:
        The best that holds for one of the alternatives.
    """
    reached, unknown = _flat([shape]), False
    for number, step in enumerate(path):
        if number in anywhere:
            reached = _all_below(reached)
        unknown = unknown or any(each.described is Described.NOTHING for each in reached)
        below = _flat(next_ for each in reached for next_ in _taken(each, step))
        if not below and unknown:
            return Followed(Reach.UNKNOWN)
        if not below:
            some = any(each.described is Described.SOME for each in reached)
            names = frozenset(name for each in reached for name in each.members)
            return Followed(Reach.UNDESCRIBED if some else Reach.IMPOSSIBLE, names, number)
        reached = below
    return Followed(Reach.FOUND)


def _flat(shapes: Iterable[JsonShape]) -> list[JsonShape]:
    """The shapes and all their alternatives, each once."""
    return _reached(shapes, lambda each: each.alternatives)


def _all_below(shapes: Iterable[JsonShape]) -> list[JsonShape]:
    """The shapes, their alternatives, and all shapes inside them, each once."""
    return _reached(shapes, lambda each: (*each.alternatives, *_taken(each, None)))


def _reached(
    shapes: Iterable[JsonShape], follow_from: Callable[[JsonShape], Iterable[JsonShape]]
) -> list[JsonShape]:
    """The shapes and all that following leads to, each once. Shapes may contain themselves."""
    found: dict[int, JsonShape] = {}
    pending = list(shapes)
    while pending:
        each = pending.pop()
        if id(each) not in found:
            found[id(each)] = each
            pending += follow_from(each)
    return list(found.values())


def _taken(shape: JsonShape, step: Step) -> Iterator[JsonShape]:
    """The shapes one step further."""
    if step is None:
        yield from shape.members.values()
    elif isinstance(step, str) and step in shape.members:
        yield shape.members[step]
    if isinstance(step, str | None) and shape.others is not None and step not in shape.members:
        yield shape.others
    if isinstance(step, int | None) and shape.elements is not None:
        yield shape.elements
