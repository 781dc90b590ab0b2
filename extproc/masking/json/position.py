"""Positions of values in a document: they name a value's location when it is needed, which it seldom is."""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from extproc.codecs.json_units import ELEMENT, MEMBER, unquote
from extproc.detectors.vocabulary.key_roles import is_named, is_wrapper
from extproc.masking.plan.json_path import Location, PathState

CONTEXT_KEYS = 2
"""The last keys above a value are its context."""
Span = tuple[int, int]
"""Start and end of a token in the document."""


class Position(Protocol):
    """The position of a value or text. It stays the same however far the scan has gone on."""

    def location(self) -> Location:
        """Return the keys and indexes from the root of the outermost document to the value."""
        ...

    def keys(self) -> Sequence[str]:
        """Return the last ``CONTEXT_KEYS`` keys in the location that say something, the last one at the end."""
        ...


class KnownPosition:
    """A position whose location is known beforehand."""

    __slots__ = ("_location",)

    def __init__(self, location: Location) -> None:
        self._location = location

    def location(self) -> Location:
        """See ``Position.location``."""
        return self._location

    def keys(self) -> Sequence[str]:
        """See ``Position.keys``."""
        return [part for part in self._location if isinstance(part, str) and not is_wrapper(part)][-CONTEXT_KEYS:]


class NamedPosition:
    """The position of a value that the layout of its document names."""

    __slots__ = ("_at", "_name")

    def __init__(self, at: Position, name: str) -> None:
        self._at = at
        self._name = name

    def location(self) -> Location:
        """See ``Position.location``."""
        return self._at.location()

    def keys(self) -> Sequence[str]:
        """See ``Position.keys``."""
        return [*self._at.keys()[-1:], self._name]


NO_LOCATION = KnownPosition(())
"""The position of a text that is not in a document, and of the root of a document that is not in another one."""


class Source(NamedTuple):
    """A document that is scanned."""

    text: str
    shape: str
    """See ``extproc.codecs.json_units.shape``."""
    base: Position
    """The position of its root."""


class Value:
    """The position of a value in an array or object. Immutable."""

    __slots__ = ("_index", "_member", "_passed", "container")

    def __init__(self, container: "Container") -> None:
        """Take the position of the container's current value."""
        self.container = container
        self._member = container.member
        self._index = container.index
        self._passed = len(container.passed)

    def location(self) -> Location:
        """See ``Position.location``."""
        return (*self.container.location(), self.component())

    def may_be_named_by_layout(self) -> bool:
        """Return whether the value may have a name that is not a key above it."""
        if self._member is not None:
            return is_wrapper(self.container.key_of(self._member)) or is_named(self.container.key_of(self._member))
        return True  # an element of an array

    def component(self) -> str | int:
        """Return the value's key or index in its container."""
        if self._member is not None:
            return self.container.key_of(self._member)
        return self._index + self.container.elements_passed(self._passed)

    def keys(self) -> Sequence[str]:
        """See ``Position.keys``."""
        return self.keys_below(self.container.keys())

    def keys_below(self, above: Sequence[str]) -> Sequence[str]:
        """Return its keys, given those of its container."""
        if self._member is None or is_wrapper(key := self.container.key_of(self._member)):
            return above
        return [*above[1 - CONTEXT_KEYS :], key]


class Container:
    """An array or object that is being read, and its position."""

    __slots__ = (
        "_counted",
        "_decoded",
        "_key",
        "_keys",
        "_location",
        "_starts",
        "index",
        "is_array",
        "keeps_keys",
        "member",
        "passed",
        "source",
        "state",
        "value",
    )

    def __init__(
        self, source: Source, outer: "Container | None", state: PathState | None, *, is_array: bool
    ) -> None:
        """Enter the current value of the outer container; None at the root."""
        self.source = source
        self.value = None if outer is None else Value(outer)
        self.state = state
        """The state of the paths here."""
        self.is_array = is_array
        self.index = -1
        """The index of an array's current element, not counting elements that were passed over."""
        self.member: re.Match[str] | None = None
        """An object's current member."""
        self.passed: list[Span] = []
        """Stretches that were passed over."""
        self.keeps_keys = False
        """The keys are wanted at the end."""
        self._starts: list[int] = []
        """Offsets of an object's keys, without those that were passed over."""
        self._decoded: re.Match[str] | None = None
        self._key = ""
        """The key of the member ``_decoded``."""
        self._counted = [0]
        """The number of elements in the first stretches of ``passed``, for 0, 1, 2… of them."""
        self._location: Location | None = None
        self._keys: Sequence[str] | None = None

    def advance(self, unit: re.Match[str]) -> None:
        """Come to the next element or member."""
        if self.is_array:
            self.index += 1
        else:
            self._starts.append(unit.start(1))
            self.member = unit

    def location(self) -> Location:
        """See ``Position.location``. Remembered, together with those of the containers around."""
        if self._location is None:
            inner: list[Value] = []
            container = self
            while container._location is None and container.value is not None:
                inner.append(container.value)
                container = container.value.container
            location = container._location  # noqa: SLF001
            if location is None:
                location = container.source.base.location()
            for value in reversed(inner):
                location = (*location, value.component())
            self._location = location
        return self._location

    def keys(self) -> Sequence[str]:
        """See ``Position.keys``. Remembered, together with those of the containers around."""
        if self._keys is None:
            inner: list[Value] = []
            container = self
            while container._keys is None and container.value is not None:
                inner.append(container.value)
                container = container.value.container
            keys = container._keys or container.source.base.keys()  # noqa: SLF001
            for value in reversed(inner):
                keys = value.keys_below(keys)
            self._keys = keys
        return self._keys

    def key_of(self, member: re.Match[str]) -> str:
        """Return a member's key, decoded once for everything below it."""
        if self._decoded is not member:
            self._decoded, self._key = member, unquote(self.source.text, *member.span(1))
        return self._key

    def elements_passed(self, stretches: int) -> int:
        """Return the number of elements in the first stretches that were passed over. Counted once."""
        counted = self._counted
        while len(counted) <= stretches:
            span = self.passed[len(counted) - 1]
            counted.append(counted[-1] + sum(1 for _ in ELEMENT.finditer(self.source.shape, *span)))
        return counted[stretches]

    def all_keys(self) -> list[Span]:
        """Return the tokens of all keys of an object that was read: those that were passed over at the end."""
        shape = self.source.shape
        passed = [match.start(1) for span in self.passed for match in MEMBER.finditer(shape, *span)]
        return [(start, shape.index('"', start + 1) + 1) for start in self._starts + passed]
