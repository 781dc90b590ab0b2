r"""Paths to fields: a subset of JSONPath (RFC 9535).

=====================  ====================================================================
``$``                  the whole document
``.name``              a member (letters, digits, ``_``; not a digit first)
``['name']``           a member of any name; ``\'`` and ``\\`` as escapes; double quotes too
``[3]``                an element, from the front
``[*]`` and ``.*``     every member or element
``..name``             a member of that name at any depth; also ``..['name']``
=====================  ====================================================================

Not supported: filters, slices, unions, indexes from the end, ``..*``. Names match exactly, letter case included.

A *path* is an expression as above. A *location* is one concrete value: the keys and indexes that lead to it.
"""

import re
from dataclasses import dataclass

Component = str | int
Location = tuple[Component, ...]
"""Object keys and array indexes from the root to a value."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path."""

    selector: str | int | None
    """A member's name, an element's index, or None for all."""
    anywhere: bool = False
    """Any number of steps may come before it."""


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
    """Compile a path.

    Args:
        path: written as in the table above.

    Returns:
        Its steps; none for ``$``.

    Raises:
        ValueError: it is not a path; the message names the offset of the first error.
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
Progress = tuple[tuple[int, int], ...]
"""Paths that may still match at or below a location: their number, and how many of their steps were taken."""


class PathState:
    """The state of some paths at one location: which of them end here, and which may end below.

    Locations that share a state share the object, and so do all names that no path mentions: a hostile document
    cannot create many states.
    """

    __slots__ = ("_below", "_elsewhere", "_inherited", "_names", "_open", "_paths", "_states", "matched", "open")

    def __init__(
        self, paths: Paths, progress: Progress, states: "dict[Progress, PathState]", inherited: frozenset[int]
    ) -> None:
        """Make a state.

        Args:
            paths: all paths.
            progress: how far the paths are.
            states: holds all states of these paths.
            inherited: numbers of the paths that also end at every location below their end.
        """
        self._paths = paths
        self._states = states
        self._inherited = inherited
        self._open = [(number, steps) for number, steps in progress if steps < len(paths[number])]
        self._names = {paths[number][steps].selector for number, steps in self._open}
        self._below: dict[Component, PathState | None] = {}
        self._elsewhere: list[PathState | None] = []
        self.matched = tuple(number for number, steps in progress if steps == len(paths[number]))
        """Numbers of the paths that end here."""
        self.open = frozenset(number for number, _ in self._open)
        """Numbers of the paths that may end below."""

    def step(self, component: Component) -> "PathState | None":
        """Return the state one key or index down; None if no path ends there or below."""
        if component not in self._names:
            if not self._elsewhere:
                self._elsewhere.append(self._next(None))
            return self._elsewhere[0]
        if component not in self._below:
            self._below[component] = self._next(component)
        return self._below[component]

    def _next(self, component: Component | None) -> "PathState | None":
        reached = {(number, len(self._paths[number])) for number in self.matched if number in self._inherited}
        for number, steps in self._open:
            segment = self._paths[number][steps]
            if segment.anywhere:
                reached.add((number, steps))
            if segment.selector is None or segment.selector == component:
                reached.add((number, steps + 1))
        progress = tuple(sorted(reached))
        if progress and progress not in self._states:
            self._states[progress] = PathState(self._paths, progress, self._states, self._inherited)
        return self._states.get(progress)


def root_state(paths: Paths, inherited: frozenset[int] = frozenset()) -> PathState | None:
    """Return the state at the root of a document; None without paths. For ``inherited`` see ``PathState``."""
    if not paths:
        return None
    return PathState(paths, tuple((number, 0) for number in range(len(paths))), {}, inherited)


def selects(path: tuple[Segment, ...], location: Location) -> bool:
    """Return whether a path selects one location."""
    state = root_state((path,))
    for component in location:
        state = state.step(component) if state else None
    return state is not None and bool(state.matched)


_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
RENDERED_MAX = 512
"""Most characters of a rendered location."""
NAME_LONGEST = 256
"""Most characters of a name that findings show. They show nothing of a longer name: a part may be sensitive."""
ELLIPSIS = "…"


def shorten(location: Location) -> Location:
    """Return as much of a location as findings keep: hardly more than ``render`` shows."""
    parts: list[Component] = []
    size = 0
    for component in location:
        if size > RENDERED_MAX:
            return (*parts, ELLIPSIS)
        too_long = isinstance(component, str) and len(component) > NAME_LONGEST
        part = ELLIPSIS if too_long else component
        size += len(part) + 1 if isinstance(part, str) else 2
        parts.append(part)
    return tuple(parts)


def render(location: Location) -> str:
    """Write a location as a path, cut at 512 characters."""
    text = "$" + "".join(_render(component) for component in location)
    return text if len(text) <= RENDERED_MAX else text[:RENDERED_MAX] + ELLIPSIS


def _render(component: Component) -> str:
    if isinstance(component, int):
        return f"[{component}]"
    if _PLAIN_NAME.fullmatch(component):
        return f".{component}"
    escaped = component.replace("\\", "\\\\").replace("'", "\\'")
    return "['" + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in escaped) + "']"
