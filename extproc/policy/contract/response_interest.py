"""Whether a policy has anything to say about responses, found out when it is loaded: asking costs as much again.

A policy that never looks at ``input.direction`` or ``input.response`` cannot tell a response from its request, and
is not asked about it. Whatever is not certain is asked.
"""

from typing import Any

DIRECTIONS = ("data", "extproc", "directions")
"""A rule about data alone: the set of directions that a policy decides. Evaluated once, at loading."""
KNOWN = frozenset({"request", "response", "list"})
TELLING = frozenset({"direction", "response"})
"""Keys of the input by which a response can be told from its request."""


def declared_directions(value: Any) -> frozenset[str] | None:
    """The directions that ``data.extproc.directions`` names; None for a value that names none that are known."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return None
    return frozenset(value) if KNOWN.issuperset(value) else None
