"""Remarks about single events of a response, for the entry of the call: each once, with its number."""

from collections import Counter

MOST = 20
"""Different remarks that are kept."""
LONGEST = 200
"""Characters of one that are kept."""


class EventNotes:
    """Remarks in the order in which they first came."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._others = 0

    def add(self, note: str) -> None:
        """Keep a remark. It must hold no value of the call."""
        note = note[:LONGEST]
        if note in self._counts or len(self._counts) < MOST:
            self._counts[note] += 1
        else:
            self._others += 1

    def after(self, detail: str) -> str:
        """Return the detail of an entry with the remarks behind it."""
        notes = [f"{note} x{count}" if count > 1 else note for note, count in self._counts.items()]
        more = [f"{self._others} more"] if self._others else []
        return "; ".join(each for each in (detail, *notes, *more) if each)
