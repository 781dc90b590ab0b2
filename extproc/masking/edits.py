"""Edits of a text, kept apart from it so that they can be carried over to the text around it."""

from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """Replace one range of a text."""

    start: int
    end: int
    text: str
    """The replacement."""
    entity: str = ""
    """The entity that it replaces, by the name in findings."""


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made. They are sorted and do not overlap."""
    pieces: list[str] = []
    at = 0
    for edit in edits:
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


def joined(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits in order; of those that overlap, one for all of their ranges, with the first one's text."""
    made: list[Edit] = []
    for edit in sorted(edits):
        if made and edit.start < made[-1].end:
            made[-1] = made[-1]._replace(end=max(made[-1].end, edit.end))
        else:
            made.append(edit)
    return made


class Layer:
    """Edits seen from the edited text: further edits there become edits of the original."""

    def __init__(self, edits: list[Edit]) -> None:
        """Take edits that are sorted and do not overlap."""
        self._placed: list[tuple[int, int, Edit]] = []
        shift = 0
        for edit in edits:
            start = edit.start + shift
            self._placed.append((start, start + len(edit.text), edit))
            shift += len(edit.text) - (edit.end - edit.start)

    def widen(self, start: int, end: int) -> tuple[int, int]:
        """Widen a range of the edited text until it contains every replacement that it overlaps."""
        for placed_start, placed_end, _ in self._placed:
            if placed_start < end and start < placed_end:
                start, end = min(start, placed_start), max(end, placed_end)
        return start, end

    def replace(self, start: int, end: int, text: str, entity: str = "") -> list[Edit]:
        """Return edits of the original that also replace this range of the edited text.

        Args:
            start: start of a range that ``widen`` returned.
            end: end of that range.
            text: the replacement.
            entity: the entity that it replaces.
        """
        before: list[Edit] = []
        inside: list[Edit] = []
        after: list[Edit] = []
        for low, high, edit in self._placed:
            if start <= low < end and high <= end:
                inside.append(edit)
            elif high <= start:
                before.append(edit)
            elif low >= end:
                after.append(edit)
        entity = entity or next((edit.entity for edit in inside), "")
        new = Edit(self._origin(start, before), self._origin(end, before + inside), text, entity)
        return [*before, new, *after]

    @staticmethod
    def _origin(at: int, passed: list[Edit]) -> int:
        return at + sum((edit.end - edit.start) - len(edit.text) for edit in passed)
