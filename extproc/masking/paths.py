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

    def selects(self, component: Component) -> bool:
        """Whether one step down by this key or index is meant."""
        return self.selector is None or (self.selector == component and type(self.selector) is type(component))


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


State = tuple[tuple[int, int], ...]
"""Paths that may still match below a place: their number, and how many of their steps are taken."""


@dataclass(frozen=True, slots=True)
class PathSet:
    """Several paths, followed through a document together, one step at a time."""

    paths: tuple[tuple[Segment, ...], ...]

    @property
    def start(self) -> State:
        """At the root."""
        return tuple((number, 0) for number in range(len(self.paths)))

    def step(self, state: State, component: Component) -> State:
        """One key or index down."""
        if not state:
            return state
        reached: dict[tuple[int, int], None] = {}
        for number, taken in state:
            if taken == len(self.paths[number]):
                continue
            segment = self.paths[number][taken]
            if segment.anywhere:
                reached[number, taken] = None
            if segment.selects(component):
                reached[number, taken + 1] = None
        return tuple(reached)

    def matched(self, state: State) -> list[int]:
        """Numbers of the paths that end here."""
        return [number for number, taken in state if taken == len(self.paths[number])]


def matches(path: tuple[Segment, ...], place: tuple[Component, ...]) -> bool:
    """Whether a path selects one concrete place."""
    paths = PathSet((path,))
    state = paths.start
    for component in place:
        state = paths.step(state, component)
    return bool(paths.matched(state))


_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
RENDERED_MAX = 512


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
