"""Go through one document, and look where something could be found or a path leads."""

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from extproc.codecs.json_units import OPENS, STRINGS, UNIT, Path, Unit, quote, string_at, unquote
from extproc.masking.edits import Edit
from extproc.masking.paths import Place
from extproc.masking.ways import FIELD
from extproc.model.errors import MaskingError

if TYPE_CHECKING:
    from extproc.masking.walk import Walk

NOBODY: frozenset[int] = frozenset()
KEY = "KEY"
"""What a replaced key is called among edits."""
EVERYBODY = -1
"""In place of a detector's number where all of them have to look."""
OPEN, MEMBER_OPEN, CLOSE = int(Unit.OPEN), int(Unit.MEMBER_OPEN), int(Unit.CLOSE)


class _Frame:
    """An array or object that is being read."""

    __slots__ = ("at", "index", "keys", "place", "renamed")

    def __init__(self, at: re.Match[str] | int, place: Place | None, *, is_array: bool) -> None:
        self.at = at
        """The member that it is, or its index, in the container around it."""
        self.place = place
        self.index = -1 if is_array else None
        """Of an array's element at hand."""
        self.keys: list[int] = []
        """Offsets of an object's keys."""
        self.renamed: dict[int, str] = {}
        """Masked keys, by their offset."""


class Document:
    """The walk through one document.

    It goes over brackets, keys and values without a look at them, but for those that hold a sighting and those
    that paths may lead to, and stops where neither can be any more.
    """

    def __init__(self, walk: "Walk", text: str, base: Path, root: Place | None, level: int) -> None:
        self._walk = walk
        self._text = text
        self._base = base
        self._root = root
        self._level = level
        self._frames: list[_Frame] = []
        self._edits: list[Edit] = []
        self._renaming = 0
        """Open objects with masked keys."""
        sightings = walk.sightings(text)
        self._everywhere = sightings is None
        self._sightings = sightings or iter(())
        self._next, self._asked = next(self._sightings, (len(text), EVERYBODY))
        """The next sighting."""
        if self._everywhere:
            self._next = 0

    def edits(self) -> list[Edit]:
        """All edits, sorted."""
        frames = self._frames
        frame, place = None, self._root
        units = UNIT.finditer(self._text)
        for unit in units:
            kind = unit.lastindex
            if kind == CLOSE:
                self._close(frames.pop())
                frame = frames[-1] if frames else None
                place = frame.place if frame else self._root
            else:
                if frame is not None:
                    if frame.index is None:
                        frame.keys.append(unit.start(1))
                    else:
                        frame.index += 1
                if kind in (OPEN, MEMBER_OPEN):
                    self._open(unit, units, frame)
                    frame = frames[-1] if frames else None
                    place = frame.place if frame else None
                    continue
                if place is None and unit.end() <= self._next:
                    continue
                self._scalar(unit, frame)
            if place is None and not self._renaming and self._next >= len(self._text) and self._root is None:
                break
        return sorted(self._edits)

    def _open(self, unit: re.Match[str], units: Iterator[re.Match[str]], frame: _Frame | None) -> None:
        at = unit if frame is None or frame.index is None else frame.index
        is_array = self._text[unit.end() - 1] == "["
        if unit.end() <= self._next and (self._root if frame is None else frame.place) is None:
            self._frames.append(_Frame(at, None, is_array=is_array))
            return
        component, place = self._step(unit, frame)
        how = self._walk.plan.how_whole(place)
        if how is None:
            self._frames.append(_Frame(at, place, is_array=is_array))
            return
        end = _skip(units)
        self._take(end)
        self._edits.append(Edit(unit.end() - 1, end, self._walk.container(how, self._path(component)), FIELD))

    def _scalar(self, unit: re.Match[str], frame: _Frame | None) -> None:
        component, place = self._step(unit, frame)
        kind = unit.lastindex or 0
        start, end = unit.span(kind)
        asked = self._take(end)
        if place is None and asked is not None and not asked:
            return
        walk, path = self._walk, self._path(component)
        if kind in STRINGS:
            self._edits += walk.string(self._text, (start, end), path, place, self._level, asked=asked)
            return
        source = self._text[start:end]
        left, entity = walk.word(source, path, place, asked)
        if entity:
            self._edits.append(Edit(start, end, left, entity))

    def _step(self, unit: re.Match[str], frame: _Frame | None) -> tuple[str | int, Place | None]:
        """The key or index of the value at hand, with the key looked at, and what paths say of that place."""
        if frame is None:
            return "", self._root
        component: str | int
        if frame.index is None:
            start, end = unit.span(1)
            component = unquote(self._text, start, end)
            if self._next < end:
                self._key(component, start, frame, self._take(end))
        else:
            component = frame.index
        return component, frame.place.step(component) if frame.place else None

    def _key(self, key: str, start: int, frame: _Frame, asked: Collection[int] | None) -> None:
        masked = self._walk.key(key, self._path(), asked)
        if masked != key:
            self._renaming += not frame.renamed
            frame.renamed[start] = masked

    def _path(self, *component: str | int) -> Path:
        """Of the innermost container, or of what stands in it."""
        if not self._frames:
            return self._base
        return (*self._base, *[self._component(frame.at) for frame in self._frames[1:]], *component)

    def _component(self, at: re.Match[str] | int) -> str | int:
        return at if isinstance(at, int) else unquote(self._text, *at.span(1))

    def _take(self, end: int) -> Collection[int] | None:
        """The detectors that sighted something before an offset; None for all of them."""
        if self._everywhere:
            return None
        if self._next >= end:
            return NOBODY
        asked: set[int] = set()
        while self._next < end:
            asked.add(self._asked)
            self._next, self._asked = next(self._sightings, (len(self._text), EVERYBODY))
        return None if EVERYBODY in asked else asked

    def _close(self, frame: _Frame) -> None:
        """Masked keys that became equal get a number: a duplicate key would hide a value."""
        if not frame.renamed:
            return
        self._renaming -= 1
        spans = {start: string_at(self._text, start) for start in frame.keys}
        taken = {unquote(self._text, *span) for start, span in spans.items() if start not in frame.renamed}
        following: dict[str, int] = {}
        for start, masked in frame.renamed.items():
            number = following.get(masked, 1)
            while (name := masked if number == 1 else f"{masked}#{number}") in taken:
                number += 1
            following[masked] = number + 1
            taken.add(name)
            self._edits.append(Edit(*spans[start], quote(name), KEY))


def _skip(units: Iterator[re.Match[str]]) -> int:
    """Go to the end of a container that has just been opened; returns the offset behind it."""
    depth = 1
    for unit in units:
        if unit.lastindex == CLOSE:
            depth -= 1
        elif unit.lastindex in OPENS:
            depth += 1
        if not depth:
            return unit.end()
    raise MaskingError("a container has no end")
