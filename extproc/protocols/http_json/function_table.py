"""Find the function that a request calls, by method and path.

The most specific path wins, whatever the method: a function with the method ``*`` gets no path that a more
specific template names, not even by a method that no function on that template has. Otherwise a rule about
``POST /users`` could be dodged by ``PUT /users`` as another function. Nor does a wider function get what is kept
from one with ``*``. Of two functions on one template, the one
with the request's own method comes before the one with ``*``.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from extproc.protocols.http_json.function_settings import ANY_METHOD, FunctionSettings
from extproc.protocols.http_json.path_templates import (
    Parts,
    Template,
    fold_segment,
    match,
    parse_template,
    stems,
)

METHOD = re.compile(r"[A-Z][A-Z-]*")
"""Methods that ``*`` stands for. A server may take ``get`` for ``GET``, and a rule about ``GET`` would not fit."""
NEVER = frozenset({"CONNECT", "TRACE", "TRACK"})
"""Methods that ``*`` does not stand for: tunnels, whose bytes the guard does not see, and echoes."""


class Shape(NamedTuple):
    """The form of templates: where they have variables. Shapes are sorted from specific to wide."""

    has_rest: bool
    not_fixed: int
    """Minus the number of segments before the rest."""
    variables: tuple[int, ...]
    """Positions of the variables."""

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The sort key: no rest first, then the longer one, then the one with fewer variables."""
        return self.has_rest, self.not_fixed, len(self.variables)

    def of(self, reading: list[str]) -> Parts:
        """Return what a template of this shape that matches this path has as its parts."""
        parts: list[str | None] = [*reading[: -self.not_fixed]]
        for index in self.variables:
            parts[index] = None
        return tuple(parts)


@dataclass(frozen=True, slots=True)
class Route:
    """One function's method and template."""

    name: str
    method: str
    template: Template


ShapeRoutes: TypeAlias = tuple[Shape, dict[Parts, list[Route]]]
"""The routes of one shape, by the folded parts of their templates."""


class FunctionTable:
    """The functions of one connection, by the form of their templates."""

    def __init__(self, functions: dict[str, FunctionSettings]) -> None:
        found: dict[Shape, dict[Parts, list[Route]]] = {}
        for name, function in functions.items():
            template = parse_template(function.path)
            parts = tuple(None if part is None else fold_segment(part) for part in template.parts)
            route = Route(name, function.method, template)
            found.setdefault(_shape(template), {}).setdefault(parts, []).append(route)
        self._by_length: dict[int, list[ShapeRoutes]] = {}
        """Templates without a rest, by the number of their segments; the most specific shape first."""
        self._with_rest: list[ShapeRoutes] = []
        for shape, routes in sorted(found.items(), key=lambda each: each[0].rank):
            place = self._with_rest if shape.has_rest else self._by_length.setdefault(-shape.not_fixed, [])
            place.append((shape, routes))

    def in_order(self) -> list[Route]:
        """Return all routes, the most specific first."""
        every = [*(each for level in self._by_length.values() for each in level), *self._with_rest]
        routes = [route for _, of_shape in every for alike in of_shape.values() for route in alike]
        return sorted(routes, key=lambda each: (_shape(each.template).rank, each.method == ANY_METHOD))

    def find(self, method: str, segments: list[str]) -> tuple[str, dict[str, str]] | None:
        """Return the function and its path variables; None if there is none.

        A path that some server takes for a function's, and that is not spelled as it is (``/users/%40me``,
        ``/users/ME``, ``/users/me.json``), is no other function's either.
        """
        named = False
        for routes in self._candidates(segments):
            ours = [each for each in routes if each.method == method]
            any_method = [each for each in routes if each.method == ANY_METHOD]
            if named and any_method and not ours:
                return None
            if METHOD.fullmatch(method) and method not in NEVER:
                ours += any_method
            for route in ours:
                variables = match(route.template, segments)
                if variables is not None:
                    return route.name, variables
            if ours:
                return None
            named = True
        return None

    def _candidates(self, segments: list[str]) -> Iterator[list[Route]]:
        """Yield the routes that some server may take the path for, from specific to wide."""
        readings = _readings(segments)
        for length in dict.fromkeys(map(len, readings)):  # the longest first
            alike = [reading for reading in readings if len(reading) == length]
            yield from _routes_of(self._by_length.get(length, ()), alike)
        for level in self._with_rest:
            alike = [reading for reading in readings if len(reading) >= -level[0].not_fixed]
            yield from _routes_of((level,), alike)


def _routes_of(levels: Iterable[ShapeRoutes], readings: list[list[str]]) -> Iterator[list[Route]]:
    for shape, routes in levels:
        found = [route for parts in dict.fromkeys(map(shape.of, readings)) for route in routes.get(parts, ())]
        if found:
            yield found


def _shape(template: Template) -> Shape:
    variables = tuple(index for index, part in enumerate(template.parts) if part is None)
    return Shape(template.has_rest, -len(template.parts), variables)


def _readings(segments: list[str]) -> list[list[str]]:
    """Return the path as lenient servers may read it: decoded, in one case, without a suffix or final blanks."""
    folded = [fold_segment(segment) for segment in segments]
    readings = [folded]
    while folded and not folded[-1]:
        folded = folded[:-1]
        readings.append(folded)
    if folded and "." in folded[-1]:
        readings += [[*folded[:-1], stem] for stem in stems(folded[-1])]
    return readings
