"""Replacements in a text, kept apart from it so that they can be carried into the text around it."""

from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """Replace one range of a text."""

    start: int
    end: int
    text: str
    """What comes in its place."""
    entity: str = ""
    """What it replaces, as findings call it."""


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with all replacements made. They are sorted and do not overlap."""
    pieces: list[str] = []
    at = 0
    for edit in edits:
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


class Layer:
    """Edits as they look from the edited text, to make more edits there and express them on the original."""

    def __init__(self, edits: list[Edit]) -> None:
        """Look at these edits: sorted, without overlaps."""
        self._placed: list[tuple[int, int, Edit]] = []
        shift = 0
        for edit in edits:
            start = edit.start + shift
            self._placed.append((start, start + len(edit.text), edit))
            shift += len(edit.text) - (edit.end - edit.start)

    def widen(self, start: int, end: int) -> tuple[int, int]:
        """A range of the edited text, made to hold every replacement it overlaps as a whole."""
        for placed_start, placed_end, _ in self._placed:
            if placed_start < end and start < placed_end:
                start, end = min(start, placed_start), max(end, placed_end)
        return start, end

    def replace(self, start: int, end: int, text: str, entity: str = "") -> "list[Edit]":
        """Edits of the original that also replace this range of the edited text.

        Args:
            start: of a range that ``widen`` returned.
            end: of it.
            text: what comes in its place.
            entity: what it replaces.
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
