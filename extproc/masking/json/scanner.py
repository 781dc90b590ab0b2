"""Scan one JSON document: yield a visit for each value that may have to be masked.

The scanner passes over everything but the values that hold a candidate of the prescan, and the values that a path
may lead to. It stops as soon as neither can follow. It decides nothing: the masker looks at each visit and makes
the edits. The scanner learns one thing from it: that a key was masked (``Scanner.keep_keys``).
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple

from extproc.codecs.json_units import OPENS, RUN, STRINGS, UNIT, Unit, shape
from extproc.detectors.analyzer import Candidate
from extproc.detectors.detector_set import ALL, NONE, DetectorSet
from extproc.masking.json.position import Container, Position, Source, Span, Value
from extproc.masking.plan.json_path import PathState
from extproc.model.errors import MaskingError

CLOSE = int(Unit.CLOSE)


class ScalarVisit(NamedTuple):
    """A string, number or literal that a detector or a path may concern."""

    span: Span
    is_string: bool
    at: Position
    state: PathState | None
    """The state of the paths there."""
    detectors: DetectorSet
    """Detectors that could find something in it."""


class ContainerVisit(NamedTuple):
    """An array or object that a path selects as a whole. The scanner does not go into it."""

    span: Span
    at: Position
    state: PathState


class KeyVisit(NamedTuple):
    """A key in which a detector could find something."""

    start: int
    """Offset of its token."""
    key: str
    """Decoded."""
    at: Position
    """The position of its object."""
    detectors: DetectorSet


class KeysVisit(NamedTuple):
    """The end of an object for which the masker called ``keep_keys``."""

    keys: list[Span]
    """The tokens of all its keys, those that the scanner passed over at the end."""


Visit = ScalarVisit | ContainerVisit | KeyVisit | KeysVisit


class Scanner:
    """The scan of one document."""

    def __init__(
        self,
        text: str,
        *,
        base: Position,
        root: PathState | None,
        candidates: Sequence[Candidate] | None,
        is_whole: Callable[[PathState], bool],
    ) -> None:
        """Scan a document that ``check_text`` accepts.

        Args:
            text: the document.
            base: the position of its root.
            root: the state of the paths there; None if no path can match.
            candidates: sorted, as ``Analyzer.prescan`` returns them; None if every value may hold something.
            is_whole: true where a path selects an array or object as a whole.
        """
        self._shape = shape(text)
        self._source = Source(text, self._shape, base)
        self._root = root
        self._is_whole = is_whole
        self._open: list[Container] = []
        """The containers around the current value, innermost last."""
        self._keeping = 0
        """How many of them keep their keys."""
        self._everywhere = candidates is None
        self._candidates = iter(candidates or ())
        self._end = len(text), NONE
        self._next, self._detectors = (0, ALL) if self._everywhere else next(self._candidates, self._end)
        """The offset of the next candidate, and its detectors."""

    def visits(self) -> Iterator[Visit]:
        """Yield the visits in the order of the document; a key comes before its value."""
        text, opened, root, at = self._shape, self._open, self._root, 0
        container, around = None, root
        while root is not None or self._next < len(text) or self._keeping:
            if around is None and container is not None and self._next > at:
                at = self._pass_over(container, at)
            unit = UNIT.match(text, at)
            if unit is None:
                return
            at = unit.end()
            if unit.lastindex == CLOSE:
                yield from self._close(opened.pop())
            else:
                if container is not None:
                    container.advance(unit)
                if around is None and at <= self._next and unit.lastindex not in OPENS:
                    continue
                if container is not None and not container.is_array and self._next < unit.end(1):
                    yield self._key_visit(unit, container)
                state = self._state_at(unit, container) if around is not None else None
                if unit.lastindex in OPENS:
                    at = yield from self._container(unit, state)
                else:
                    detectors = self._detectors_before(at)
                    if state is not None or detectors is not NONE:
                        yield self._scalar_visit(unit, state, detectors)
            container = opened[-1] if opened else None
            around = container.state if container else root

    def keep_keys(self) -> None:
        """Yield a ``KeysVisit`` at the end of the current object. To be called during a ``KeyVisit``."""
        container = self._open[-1]
        self._keeping += not container.keeps_keys
        container.keeps_keys = True

    def _pass_over(self, container: Container, at: int) -> int:
        """Go on to the next candidate, or to a container that has to be entered; return the offset."""
        run = RUN.match(self._shape, at, self._next)
        end = run.end() if run else at
        if end > at:
            container.passed.append((at, end))
        return end

    def _close(self, container: Container) -> Iterator[KeysVisit]:
        """Leave an array or object."""
        if container.keeps_keys:
            self._keeping -= 1
            yield KeysVisit(container.all_keys())

    def _key_visit(self, unit: re.Match[str], container: Container) -> KeyVisit:
        """Return the visit of the current member's key, in which there is a candidate."""
        start, end = unit.span(1)
        return KeyVisit(start, container.key_of(unit), container, self._detectors_before(end))

    def _scalar_visit(self, unit: re.Match[str], state: PathState | None, detectors: DetectorSet) -> ScalarVisit:
        kind = unit.lastindex or 0
        return ScalarVisit(unit.span(kind), kind in STRINGS, self._position(), state, detectors)

    def _container(self, unit: re.Match[str], state: PathState | None) -> Generator[ContainerVisit, None, int]:
        """Enter an array or object, or visit it if it is replaced as a whole; return the offset to go on at."""
        at = unit.end()
        if state is None or not self._is_whole(state):
            outer = self._open[-1] if self._open else None
            self._open.append(Container(self._source, outer, state, is_array=self._shape[at - 1] == "["))
            return at
        end = self._end_of_container(at)
        self._detectors_before(end)
        yield ContainerVisit((at - 1, end), self._position(), state)
        return end

    def _position(self) -> Position:
        """Return the position of the current value."""
        return Value(self._open[-1]) if self._open else self._source.base

    def _state_at(self, unit: re.Match[str], container: Container | None) -> PathState | None:
        """Return the state of the paths at the current value."""
        if container is None or container.state is None:
            return self._root if container is None else None
        return container.state.step(container.index if container.is_array else container.key_of(unit))

    def _end_of_container(self, at: int) -> int:
        """Return the end of the container that begins before an offset."""
        depth = 1
        for unit in UNIT.finditer(self._shape, at):
            if unit.lastindex == CLOSE:
                depth -= 1
            elif unit.lastindex in OPENS:
                depth += 1
            if not depth:
                return unit.end()
        raise MaskingError("a container has no end")

    def _detectors_before(self, end: int) -> DetectorSet:
        """Take the candidates before an offset; return their detectors, ``NONE`` itself if there are none."""
        if self._everywhere:
            return ALL
        if self._next >= end:
            return NONE
        detectors = self._detectors
        self._next, self._detectors = next(self._candidates, self._end)
        while self._next < end:
            detectors |= self._detectors
            self._next, self._detectors = next(self._candidates, self._end)
        return detectors
