r"""Paths to fields: a subset of JSONPath (RFC 9535).

=====================  ====================================================================
``$``                  the whole document
``.name``              a member (letters, digits, ``_``; not a digit first)
``['name']``           a member of any name; ``\'`` and ``\\`` as escapes; double quotes too
``[3]``                an element, from the front
``[*]`` and ``.*``     every member or element
``..name``             a member of that name at any depth; also ``..['name']``
=====================  ====================================================================

Left out: filters, slices, unions, indexes from the end, ``..*``. Names match exactly, letter case included.
"""

import re
from dataclasses import dataclass

Component = str | int


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path."""

    selector: str | int | None
    """A member's name, an element's index, or None for all."""
    anywhere: bool = False
    """Whether any number of steps may come before it."""


_SEGMENT = re.compile(
    r"""(?P<anywhere>\.\.)(?=[^\W\d]|\[['"])(?P<deep>[^\W\d]\w*)?
      | \.(?P<name>[^\W\d]\w*)
      | (?P<star>\.\*|\[\*\])
      | \[(?P<index>0|[1-9][0-9]{0,8})\]
      | \['(?P<single>(?:[^'\\]|\\['\\])*)'\]
      | \["(?P<double>(?:[^"\\]|\\["\\])*)"\]""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")


def compile_path(path: str) -> tuple[Segment, ...]:
    """Read a path.

    Args:
        path: as in the table above.

    Returns:
        Its steps; none for ``$``.

    Raises:
        ValueError: says at which offset it stops making sense.
    """
    if not path.startswith("$"):
        raise ValueError(f"path {path!r}: must begin with $")
    segments: list[Segment] = []
    at, anywhere = 1, False
    while at < len(path):
        match = _SEGMENT.match(path, at)
        if match is None or (anywhere and path[at] != "["):
            raise ValueError(
                f"path {path!r}: cannot read {path[at : at + 12]!r} at offset {at}; "
                "use .name, ['name'], [0], [*], .* or ..name"
            )
        at = match.end()
        if match["anywhere"] and match["deep"] is None:
            anywhere = True
            continue
        segments.append(Segment(_selector(match), anywhere or match["anywhere"] is not None))
        anywhere = False
    return tuple(segments)


def _selector(match: re.Match[str]) -> str | int | None:
    if match["star"]:
        return None
    if match["index"]:
        return int(match["index"])
    quoted = match["single"] if match["single"] is not None else match["double"]
    return match["deep"] or match["name"] or _ESCAPE.sub(r"\1", quoted or "")


Paths = tuple[tuple[Segment, ...], ...]
Taken = tuple[tuple[int, int], ...]
"""Paths that may still match at or below a place: their number, and how many of their steps are taken."""


class Place:
    """One place in a document, as some paths see it: which of them end here, and which go on below.

    Places that see the same are one, and so are the names that no path asks for: a hostile document cannot make
    many.
    """

    __slots__ = ("_below", "_elsewhere", "_inherited", "_made", "_names", "_open", "_paths", "matched", "open")

    def __init__(
        self, paths: "Paths", taken: Taken, made: "dict[Taken, Place]", inherited: frozenset[int]
    ) -> None:
        """Stand at a place.

        Args:
            paths: all paths.
            taken: how many steps of them are taken, by their number.
            made: holds all places of the paths.
            inherited: numbers of the paths that end at every place below their end, too.
        """
        self._paths = paths
        self._made = made
        self._inherited = inherited
        self._open = [(number, steps) for number, steps in taken if steps < len(paths[number])]
        self._names = {paths[number][steps].selector for number, steps in self._open}
        self._below: dict[Component, Place | None] = {}
        self._elsewhere: list[Place | None] = []
        self.matched = tuple(number for number, steps in taken if steps == len(paths[number]))
        """Numbers of the paths that end here."""
        self.open = frozenset(number for number, _ in self._open)
        """Numbers of the paths that may end below."""

    def step(self, component: Component) -> "Place | None":
        """The place one key or index down; None where no path ends, there or below."""
        if component not in self._names:
            if not self._elsewhere:
                self._elsewhere.append(self._make(None))
            return self._elsewhere[0]
        if component not in self._below:
            self._below[component] = self._make(component)
        return self._below[component]

    def _make(self, component: Component | None) -> "Place | None":
        reached = {(number, len(self._paths[number])) for number in self.matched if number in self._inherited}
        for number, taken in self._open:
            segment = self._paths[number][taken]
            if segment.anywhere:
                reached.add((number, taken))
            if segment.selector is None or segment.selector == component:
                reached.add((number, taken + 1))
        key = tuple(sorted(reached))
        if key and key not in self._made:
            self._made[key] = Place(self._paths, key, self._made, self._inherited)
        return self._made.get(key)


def root_of(paths: Paths, inherited: frozenset[int] = frozenset()) -> Place | None:
    """The root of a document; None without paths. See ``Place`` for ``inherited``."""
    return Place(paths, tuple((number, 0) for number in range(len(paths))), {}, inherited) if paths else None


def matches(path: tuple[Segment, ...], place: tuple[Component, ...]) -> bool:
    """Whether a path selects one concrete place."""
    at = root_of((path,))
    for component in place:
        at = at.step(component) if at else None
    return at is not None and bool(at.matched)


_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
RENDERED_MAX = 512
NAME_LONGEST = 256
"""Characters of a name that findings tell. Of a longer one they tell nothing: a part of it may be sensitive."""
LONG = "…"


def kept(place: tuple[Component, ...]) -> tuple[Component, ...]:
    """As much of a concrete place as findings keep: hardly more than ``render`` shows."""
    parts: list[Component] = []
    size = 0
    for component in place:
        if size > RENDERED_MAX:
            return (*parts, LONG)
        part = LONG if isinstance(component, str) and len(component) > NAME_LONGEST else component
        size += len(part) + 1 if isinstance(part, str) else 2
        parts.append(part)
    return tuple(parts)


def render(place: tuple[Component, ...]) -> str:
    """A concrete place as a path, cut at 512 characters."""
    text = "$" + "".join(_render(component) for component in place)
    return text if len(text) <= RENDERED_MAX else text[:RENDERED_MAX] + "…"


def _render(component: Component) -> str:
    if isinstance(component, int):
        return f"[{component}]"
    if _PLAIN_NAME.fullmatch(component):
        return f".{component}"
    escaped = component.replace("\\", "\\\\").replace("'", "\\'")
    return "['" + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in escaped) + "']"
