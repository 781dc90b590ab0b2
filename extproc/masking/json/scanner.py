"""Go through one document, and look where something could be found or a path leads."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extproc.codecs.json_units import (
    ELEMENT,
    MEMBER,
    OPENS,
    RUN,
    STRINGS,
    UNIT,
    Path,
    Unit,
    quote,
    shape,
    unquote,
)
from extproc.detectors.fold import fold
from extproc.masking.edits import Edit
from extproc.masking.plan.json_path import Place
from extproc.masking.plan.operators import FIELD
from extproc.model.errors import MaskingError

if TYPE_CHECKING:
    from extproc.masking.json.json_masker import Walk

CONTEXT_KEYS = 2
CONTEXT_LONGEST = 256
"""Characters of a key that tell what a value is: its last ones. More would be searched again for each value."""
NOBODY: frozenset[int] = frozenset()
KEY = "KEY"
"""What a replaced key is called among edits."""
EVERYBODY = -1
"""In place of a detector's number where all of them have to look."""
OPEN, MEMBER_OPEN, CLOSE = int(Unit.OPEN), int(Unit.MEMBER_OPEN), int(Unit.CLOSE)


class Spot:
    """Where the value at hand, or its key, stands. Works it out when asked, as long as the walk is there."""

    __slots__ = ("_document", "_is_key")

    def __init__(self, document: "Document", *, is_key: bool = False) -> None:
        self._document = document
        self._is_key = is_key

    def path(self) -> Path:
        """Keys and indexes from the outermost document's root. A key stands where its object does."""
        path = self._document.path()
        return path[:-1] if self._is_key else path

    def context(self) -> str:
        """The keys that tell detectors what it is: the last two, folded, one per line."""
        return self._document.context(skip=self._is_key)


@dataclass(frozen=True, slots=True)
class Known:
    """A place that is known beforehand."""

    at: Path

    def path(self) -> Path:
        """See ``Spot.path``."""
        return self.at

    def context(self) -> str:
        """See ``Spot.context``."""
        return _context([part for part in self.at if isinstance(part, str)][-CONTEXT_KEYS:])


Where = Spot | Known
NOWHERE = Known(())
"""In a text that is no document."""


def _context(keys: list[str]) -> str:
    """What detectors see of the keys above a value."""
    return fold("\n".join([key[-CONTEXT_LONGEST:] for key in keys])).text


class _Frame:
    """An array or object that is being read."""

    __slots__ = ("index", "key", "keys", "member", "named", "passed", "place", "renamed")

    def __init__(self, place: Place | None, *, is_array: bool) -> None:
        self.place = place
        self.index = -1 if is_array else None
        """Of an array's element at hand, those not counted that were passed over."""
        self.member: re.Match[str] | None = None
        """Of an object, the one at hand."""
        self.named: re.Match[str] | None = None
        """The member whose key was decoded last."""
        self.key = ""
        """That key."""
        self.keys: list[int] = []
        """Offsets of an object's keys."""
        self.passed: list[tuple[int, int]] = []
        """Stretches that were passed over."""
        self.renamed: dict[int, str] = {}
        """Masked keys, by their offset."""

    def go_on(self, unit: re.Match[str]) -> None:
        """Come to the next element or member."""
        if self.index is None:
            self.keys.append(unit.start(1))
            self.member = unit
        else:
            self.index += 1


class Document:
    """The walk through one document.

    It passes over all but those values that hold a sighting, and those that paths may lead to, and stops where
    neither can be any more.
    """

    def __init__(self, walk: "Walk", text: str, base: Path, root: Place | None, level: int) -> None:
        self._walk = walk
        self._text = text
        self._shape = shape(text)
        self._base = base
        self._root = root
        self._level = level
        self._frames: list[_Frame] = []
        self._edits: list[Edit] = []
        self._renaming = 0
        """Open objects with masked keys."""
        self._told: tuple[re.Match[str] | None, str] = (None, "")
        """The keys that tell of all below a member, by that member."""
        sightings = walk.sightings(text)
        self._everywhere = sightings is None
        self._sightings = sightings or iter(())
        self._next, self._asked = next(self._sightings, (len(text), EVERYBODY))
        """The next sighting."""
        if self._everywhere:
            self._next = 0

    def edits(self) -> list[Edit]:
        """All edits, sorted."""
        text, frames, at = self._shape, self._frames, 0
        frame, place = None, self._root
        while True:
            if place is None and frame is not None and self._next > at:
                at = self._pass_over(frame, at)
            unit = UNIT.match(text, at)
            if unit is None:
                break
            at, kind = unit.end(), unit.lastindex
            if kind == CLOSE:
                self._close(frames.pop())
            elif frame is not None:
                frame.go_on(unit)
            if kind in (OPEN, MEMBER_OPEN):
                at = self._open(unit, frame)
            elif kind != CLOSE:
                if place is not None or at > self._next:
                    self._scalar(unit, frame)
                else:
                    continue
            frame = frames[-1] if frames else None
            place = frame.place if frame else self._root
            if place is None and self._next >= len(text) and not self._renaming and self._root is None:
                break
        return sorted(self._edits)

    def _pass_over(self, frame: _Frame, at: int) -> int:
        """Go on to the next sighting, or to what has to be gone into; returns the offset."""
        run = RUN.match(self._shape, at, self._next)
        end = run.end() if run else at
        if end > at:
            frame.passed.append((at, end))
        return end

    def _open(self, unit: re.Match[str], frame: _Frame | None) -> int:
        """Go into a container, or behind it where it is replaced as a whole; returns the offset."""
        is_array = self._shape[unit.end() - 1] == "["
        place = self._place(unit, frame)
        how = self._walk.plan.how_whole(place) if place else None
        if how is None:
            self._frames.append(_Frame(place, is_array=is_array))
            return unit.end()
        end = self._end(unit.end())
        self._take(end)
        replacement = self._walk.container(how, Spot(self))
        self._edits.append(Edit(unit.end() - 1, end, replacement, FIELD))
        return end

    def _end(self, at: int) -> int:
        """Where the container ends that begins before an offset."""
        depth = 1
        for unit in UNIT.finditer(self._shape, at):
            if unit.lastindex == CLOSE:
                depth -= 1
            elif unit.lastindex in OPENS:
                depth += 1
            if not depth:
                return unit.end()
        raise MaskingError("a container has no end")

    def _scalar(self, unit: re.Match[str], frame: _Frame | None) -> None:
        place = self._place(unit, frame)
        kind = unit.lastindex or 0
        start, end = unit.span(kind)
        asked = self._take(end)
        if place is None and asked is not None and not asked:
            return
        walk = self._walk
        at = Spot(self)
        if kind in STRINGS:
            self._edits += walk.string(self._text, (start, end), at, place, self._level, asked)
            return
        left, entity = walk.word(self._text[start:end], at, place, asked)
        if entity:
            self._edits.append(Edit(start, end, left, entity))

    def _place(self, unit: re.Match[str], frame: _Frame | None) -> Place | None:
        """What paths say of the value at hand. Looks at its key."""
        if frame is None:
            return self._root
        if frame.index is not None:
            return frame.place.step(frame.index) if frame.place else None
        start, end = unit.span(1)
        if frame.place is None and self._next >= end:
            return None
        key = self._key_of(frame, unit)
        if self._next < end:
            self._key(key, start, frame, self._take(end))
        return frame.place.step(key) if frame.place else None

    def _key(self, key: str, start: int, frame: _Frame, asked: Collection[int] | None) -> None:
        masked = self._walk.key(key, Spot(self, is_key=True), asked)
        if masked != key:
            self._renaming += not frame.renamed
            frame.renamed[start] = masked

    def path(self) -> Path:
        """Keys and indexes from the outermost document's root to the value at hand."""
        return (*self._base, *map(self._component, self._frames))

    def context(self, *, skip: bool) -> str:
        """The last two keys, folded, one per line; ``skip`` leaves out the last one before."""
        named = [frame for frame in self._frames[-1 - skip :: -1] if frame.member is not None][:CONTEXT_KEYS]
        member = named[0].member if named else None
        if member is None or self._told[0] is not member:
            keys = [self._key_of(frame, frame.member) for frame in named if frame.member is not None]
            if len(keys) < CONTEXT_KEYS:
                keys += [part for part in reversed(self._base) if isinstance(part, str)][
                    : CONTEXT_KEYS - len(keys)
                ]
            self._told = (member, _context(keys[::-1]))
        return self._told[1]

    def _component(self, frame: _Frame) -> str | int:
        if frame.member is not None:
            return self._key_of(frame, frame.member)
        if frame.index is None:
            return ""
        if frame.passed:
            frame.index += sum(1 for span in frame.passed for _ in ELEMENT.finditer(self._shape, *span))
            frame.passed.clear()
        return frame.index

    def _key_of(self, frame: _Frame, member: re.Match[str]) -> str:
        """A member's key, decoded once for all that stands below."""
        if frame.named is not member:
            frame.named, frame.key = member, unquote(self._text, *member.span(1))
        return frame.key

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
        starts = [match.start(1) for span in frame.passed for match in MEMBER.finditer(self._shape, *span)]
        spans = {start: (start, self._shape.index('"', start + 1) + 1) for start in frame.keys + starts}
        taken = {unquote(self._text, *span) for start, span in spans.items() if start not in frame.renamed}
        following: dict[str, int] = {}
        for start, masked in frame.renamed.items():
            number = following.get(masked, 1)
            while (name := masked if number == 1 else f"{masked}#{number}") in taken:
                number += 1
            following[masked] = number + 1
            taken.add(name)
            self._edits.append(Edit(*spans[start], quote(name), KEY))
