"""Scan one JSON document: yield a visit for each value that may have to be masked.

The scanner passes over everything but the values that hold a candidate of the prescan, and the values that a path
may lead to. It stops as soon as neither can follow. It decides nothing: the masker looks at each visit and makes
the edits. The scanner learns one thing from it: that a key was masked (``Scanner.keep_keys``).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from extproc.codecs.json_units import ELEMENT, MEMBER, OPENS, RUN, STRINGS, UNIT, Unit, shape, unquote
from extproc.detectors.analyzer import Candidate
from extproc.detectors.detector_set import ALL, NONE, DetectorSet
from extproc.masking.plan.json_path import Location, PathState
from extproc.model.errors import MaskingError

Span = tuple[int, int]
"""Start and end of a token in the document."""
CLOSE = int(Unit.CLOSE)


class ScalarVisit(NamedTuple):
    """A string, number or literal that a detector or a path may concern."""

    span: Span
    is_string: bool
    location: Location
    state: PathState | None
    """The state of the paths there."""
    detectors: DetectorSet
    """Detectors that could find something in it."""


class ContainerVisit(NamedTuple):
    """An array or object that a path selects as a whole. The scanner does not go into it."""

    span: Span
    location: Location
    state: PathState


class KeyVisit(NamedTuple):
    """A key in which a detector could find something."""

    start: int
    """Offset of its token."""
    key: str
    """Decoded."""
    location: Location
    """The location of its object."""
    detectors: DetectorSet


class KeysVisit(NamedTuple):
    """The end of an object for which the masker called ``keep_keys``."""

    keys: list[Span]
    """The tokens of all its keys: first those that the scanner came to, then those it passed over."""


Visit = ScalarVisit | ContainerVisit | KeyVisit | KeysVisit


class _Frame:
    """An array or object that is being read."""

    __slots__ = ("decoded", "index", "keeps_keys", "key", "keys", "location", "member", "passed", "state")

    def __init__(self, state: PathState | None, *, is_array: bool) -> None:
        self.state = state
        self.index = -1 if is_array else None
        """The index of the current element of an array, not counting elements in ``passed``."""
        self.member: re.Match[str] | None = None
        """The current member of an object."""
        self.decoded: re.Match[str] | None = None
        """The member whose key is ``key``."""
        self.key = ""
        self.location: Location | None = None
        """The location of the array or object itself, once it was asked for."""
        self.keys: list[int] = []
        """Offsets of the keys of an object that were not passed over."""
        self.passed: list[Span] = []
        """Stretches that were passed over, and whose elements are not counted in ``index``."""
        self.keeps_keys = False

    def advance(self, unit: re.Match[str]) -> None:
        """Come to the next element or member."""
        if self.index is None:
            self.keys.append(unit.start(1))
            self.member = unit
        else:
            self.index += 1


class Scanner:
    """The scan of one document."""

    def __init__(
        self,
        text: str,
        *,
        base: Location,
        root: PathState | None,
        candidates: Sequence[Candidate] | None,
        is_whole: Callable[[PathState], bool],
    ) -> None:
        """Scan a document that ``check_text`` accepts.

        Args:
            text: the document.
            base: the location of its root.
            root: the state of the paths there; None if no path can match.
            candidates: sorted, as ``Analyzer.prescan`` returns them; None if every value may hold something.
            is_whole: true where a path selects an array or object as a whole.
        """
        self._text = text
        self._shape = shape(text)
        self._base = base
        self._root = root
        self._is_whole = is_whole
        self._frames: list[_Frame] = []
        self._keeping = 0
        """Open objects whose keys are kept."""
        self._everywhere = candidates is None
        self._candidates = iter(candidates or ())
        self._next, self._detectors = 0, ALL
        """The offset of the next candidate, and its detectors."""
        if not self._everywhere:
            self._advance()

    def visits(self) -> Iterator[Visit]:
        """Yield the visits in the order of the document; a key comes before its value."""
        text, frames, root, at = self._shape, self._frames, self._root, 0
        frame, around = None, root
        while root is not None or self._next < len(text) or self._keeping:
            if around is None and frame is not None and self._next > at:
                at = self._pass_over(frame, at)
            unit = UNIT.match(text, at)
            if unit is None:
                return
            at = unit.end()
            if unit.lastindex == CLOSE:
                yield from self._close(frames.pop())
            else:
                if frame is not None:
                    frame.advance(unit)
                if around is None and at <= self._next and unit.lastindex not in OPENS:
                    continue
                key_visit = self._key_visit(unit, frame)
                if key_visit is not None:
                    yield key_visit
                visit, at = self._value_visit(unit, frame)
                if visit is not None:
                    yield visit
            frame = frames[-1] if frames else None
            around = frame.state if frame else root

    def keep_keys(self) -> None:
        """Yield a ``KeysVisit`` at the end of the current object. To be called during a ``KeyVisit``."""
        frame = self._frames[-1]
        self._keeping += not frame.keeps_keys
        frame.keeps_keys = True

    def _pass_over(self, frame: _Frame, at: int) -> int:
        """Go on to the next candidate, or to a container that has to be entered; return the offset."""
        run = RUN.match(self._shape, at, self._next)
        end = run.end() if run else at
        if end > at:
            frame.passed.append((at, end))
        return end

    def _close(self, frame: _Frame) -> Iterator[KeysVisit]:
        """Leave an array or object."""
        if frame.keeps_keys:
            self._keeping -= 1
            yield KeysVisit(self._keys_of(frame))

    def _key_visit(self, unit: re.Match[str], frame: _Frame | None) -> KeyVisit | None:
        """Return the visit of the current member's key; None if there is no candidate in it."""
        if frame is None or frame.index is not None:
            return None
        start, end = unit.span(1)
        if self._next >= end:
            return None
        return KeyVisit(start, self._key_of(frame, unit), self._location_of(frame), self._detectors_before(end))

    def _value_visit(self, unit: re.Match[str], frame: _Frame | None) -> tuple[Visit | None, int]:
        """Return the visit of the current value, if it has one, and the offset to go on at.

        A container that is not replaced as a whole is entered.
        """
        state, at, kind = self._state_at(unit, frame), unit.end(), unit.lastindex or 0
        if kind not in OPENS:
            detectors = self._detectors_before(at)
            if state is None and not detectors:
                return None, at
            return ScalarVisit(unit.span(kind), kind in STRINGS, self._location(), state, detectors), at
        if state is None or not self._is_whole(state):
            self._frames.append(_Frame(state, is_array=self._shape[at - 1] == "["))
            return None, at
        end = self._end_of_container(at)
        self._detectors_before(end)
        return ContainerVisit((at - 1, end), self._location(), state), end

    def _state_at(self, unit: re.Match[str], frame: _Frame | None) -> PathState | None:
        """Return the state of the paths at the current value."""
        if frame is None:
            return self._root
        if frame.state is None:
            return None
        return frame.state.step(self._key_of(frame, unit) if frame.index is None else frame.index)

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

    def _location(self) -> Location:
        """Return the location of the current value."""
        if not self._frames:
            return self._base
        frame = self._frames[-1]
        return (*self._location_of(frame), self._component(frame))

    def _location_of(self, frame: _Frame) -> Location:
        """Return the location of an open container, and remember it and those of the containers around."""
        if frame.location is None:
            outer, location = None, self._base
            for each in self._frames:
                if each.location is None:
                    each.location = location if outer is None else (*location, self._component(outer))
                outer, location = each, each.location
        return frame.location or ()

    def _component(self, frame: _Frame) -> str | int:
        """Return the key or the index of a container's current value."""
        if frame.index is None:
            return self._key_of(frame, frame.member) if frame.member is not None else ""
        if frame.passed:
            frame.index += sum(1 for span in frame.passed for _ in ELEMENT.finditer(self._shape, *span))
            frame.passed.clear()
        return frame.index

    def _key_of(self, frame: _Frame, member: re.Match[str]) -> str:
        """Return a member's key, decoded once for everything below it."""
        if frame.decoded is not member:
            frame.decoded, frame.key = member, unquote(self._text, *member.span(1))
        return frame.key

    def _detectors_before(self, end: int) -> DetectorSet:
        """Take the candidates before an offset; return their detectors."""
        if self._everywhere:
            return ALL
        detectors = NONE
        while self._next < end:
            detectors = detectors | self._detectors if detectors else self._detectors
            self._advance()
        return detectors

    def _advance(self) -> None:
        self._next, self._detectors = next(self._candidates, (len(self._text), NONE))

    def _keys_of(self, frame: _Frame) -> list[Span]:
        """Return the tokens of all keys of an object that is closed."""
        passed = [match.start(1) for span in frame.passed for match in MEMBER.finditer(self._shape, *span)]
        return [(start, self._shape.index('"', start + 1) + 1) for start in frame.keys + passed]
