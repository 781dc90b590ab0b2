"""The masked arguments of a call as lines of a table: one for each value, with its place and its marks."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from typing import Any

from extproc.console.pages.risk_marks import Mark, entity_mark, hidden_mark, risk_marks
from extproc.masking.plan.json_path import Location, render
from extproc.model.masking import Finding

DEEPEST = 60
"""Levels of a document that are shown as lines. A deeper one is shown as text."""
INDENTED = 8
"""Levels that are indented; deeper ones have the same indentation."""
FOLDED_OVER = 2_000
"""Characters of one value from which it is folded, until the visitor asks for all of it."""
FOLDED_TO = 600
"""Characters of a folded value that are shown."""
LINES_MOST = 300
"""Lines that are shown at first."""


class Kind(StrEnum):
    """What a line holds."""

    TEXT = "text"
    NUMBER = "number"
    WORD = "word"
    """``true``, ``false`` or ``null``."""
    OPEN = "open"
    """An object or an array with members, which have lines of their own."""
    EMPTY = "empty"
    """An object or an array without members."""
    RAW = "raw"
    """Text that is no JSON, or is nested too deeply: shown as it is."""


@dataclass(frozen=True, slots=True)
class Line:
    """One value of the arguments."""

    location: Location
    key: str
    """The member's name or ``[index]``; empty for the document itself."""
    kind: Kind
    text: str
    """As it was written, without quotes; for ``open``, how many members it has."""
    marks: tuple[Mark, ...] = ()
    change: str = ""
    """``new`` or ``changed``, against the last approved call; empty: the same, or not compared."""
    before: str = ""
    """The former value of a changed line."""
    hidden: int = 0
    """Characters of a folded value that are not shown."""

    @property
    def path(self) -> str:
        """The place as a path."""
        return render(self.location)

    @property
    def level(self) -> int:
        """Steps of indentation."""
        return min(max(0, len(self.location) - 1), INDENTED)

    @property
    def written(self) -> str:
        """The value as JSON distinguishes it: a text with quotes."""
        return f'"{self.text}"' if self.kind is Kind.TEXT else self.text


class _Number(str):
    """A number with the digits that it was written with."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Members:
    """An object, with all members in order, also those of one name."""

    pairs: Sequence[tuple[str, Any]] = field(default_factory=tuple)


def argument_lines(preview: str, findings: Sequence[Finding] = (), *, most: int | None = None) -> tuple[Line, ...]:
    """Return the lines of masked arguments, with marks at risky values and findings. Never raises.

    Args:
        preview: JSON text.
        findings: made in the call. One whose place has no line is marked at the nearest line above it.
        most: return the first lines only; None: all.
    """
    try:
        document = json.loads(
            preview, parse_int=_Number, parse_float=_Number, parse_constant=_Number, object_pairs_hook=_Members
        )
        lines = tuple(islice(_lines((), "", document), most))
    except (ValueError, RecursionError):
        lines = (Line((), "", Kind.RAW, preview, risk_marks("", preview, is_text=True)),)
    return _with_findings(lines, findings)


def _lines(location: Location, key: str, value: Any) -> Iterator[Line]:
    if len(location) > DEEPEST:
        raise RecursionError
    members = _members(value)
    if members is None:
        kind, text = _scalar(value)
        yield Line(location, key, kind, text, _marks(location, text, kind))
        return
    listed = isinstance(value, list)
    if not members:
        yield Line(location, key, Kind.EMPTY, "[]" if listed else "{}")
    elif location:
        noun = "item" if listed else "field"
        count = len(members)
        yield Line(location, key, Kind.OPEN, f"{count} {noun}{'' if count == 1 else 's'}", hidden_mark(key))
    for name, member in members:
        yield from _lines((*location, name), name if isinstance(name, str) else f"[{name}]", member)


def _members(value: Any) -> Sequence[tuple[str | int, Any]] | None:
    if isinstance(value, _Members):
        return value.pairs
    return list(enumerate(value)) if isinstance(value, list) else None


def _scalar(value: Any) -> tuple[Kind, str]:
    if isinstance(value, _Number):
        return Kind.NUMBER, str(value)
    if isinstance(value, str):
        return Kind.TEXT, value
    return Kind.WORD, json.dumps(value)


def _marks(location: Location, text: str, kind: Kind) -> tuple[Mark, ...]:
    """Return the marks of a value, by the nearest name above it: an item of ``recipients`` is a recipient."""
    name = next((part for part in reversed(location) if isinstance(part, str)), "")
    key = location[-1] if location and isinstance(location[-1], str) else ""
    return (*hidden_mark(key), *risk_marks(name, text, is_text=kind is Kind.TEXT))


_LAST = re.compile(r"(\.[^.\[\]]+|\[\d+\]|\['(?:[^'\\]|\\.)*'\])$")


def _with_findings(lines: tuple[Line, ...], findings: Sequence[Finding]) -> tuple[Line, ...]:
    places = {line.path: number for number, line in enumerate(lines)}
    marks: dict[int, list[Mark]] = {}
    for finding in findings:
        number = _nearest(places, finding.path)
        if number is not None:
            marks.setdefault(number, []).append(entity_mark(finding))
    return tuple(
        replace(line, marks=(*dict.fromkeys(marks[number]), *line.marks)) if number in marks else line
        for number, line in enumerate(lines)
    )


def _nearest(places: dict[str, int], path: str) -> int | None:
    while path not in places and (shorter := _LAST.sub("", path)) != path:
        path = shorter
    return places.get(path)


@dataclass(frozen=True, slots=True)
class Shown:
    """The lines that a page shows."""

    lines: tuple[Line, ...]
    hidden_lines: int
    hidden_characters: int

    @property
    def is_whole(self) -> bool:
        """True if nothing was left out. Only then may a visitor approve."""
        return not (self.hidden_lines or self.hidden_characters)


def fold(lines: tuple[Line, ...], *, whole: bool) -> Shown:
    """Return what a page shows at first; all, if the visitor has asked for it."""
    if whole:
        return Shown(lines, 0, 0)
    kept = tuple(_cut(line) if len(line.text) > FOLDED_OVER else line for line in lines[:LINES_MOST])
    return Shown(kept, len(lines) - len(kept), sum(line.hidden for line in kept))


def _cut(line: Line) -> Line:
    return replace(line, text=line.text[:FOLDED_TO], hidden=len(line.text) - FOLDED_TO)
