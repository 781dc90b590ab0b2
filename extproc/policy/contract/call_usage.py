"""Counts of a caller's calls, as policy sees them: ``input.usage``."""

from dataclasses import dataclass

WINDOWS = ("minute", "hour", "day")
"""The periods that are counted. Each ends with the call that policy decides."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls of one caller, this one included, by the names in ``WINDOWS``."""

    caller: dict[str, int]
    function: dict[str, int]
    """Calls of this function only."""
