"""Writes values of other formats as a JSON document, so that its layout names them as it does in JSON."""

import json

from extproc.codecs.json_units import quote
from extproc.masking.json.layout import Tells, names_by_layout
from extproc.model.call import Json

NOT_JSON = frozenset({"nan", "inf", "-inf"})
"""Numbers that JSON cannot write."""
APART = "\0"
"""Behind a key that another member has, too; as many as tell the members apart."""


class WrittenDocument:
    """A document that is being written. It knows the numbers of its values."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._pieces: list[str] = []
        self._numbers: list[int | None] = []
        """The numbers of the scalars, in the order of the document; None of a ``null`` that is none of them."""

    def add(self, piece: str) -> None:
        """Write brackets or commas."""
        self._pieces.append(piece)

    def null(self) -> None:
        """Write ``null`` in the place of something that has no number."""
        self._numbers.append(None)
        self._pieces.append("null")

    def key(self, name: str, place: int) -> None:
        """Write the key of a member.

        Args:
            name: the key.
            place: how many members of its object are written already.
        """
        self._pieces.append(f"{',' if place else ''}{quote(name)}:")

    def value(self, number: int, token: str) -> None:
        """Write a scalar.

        Args:
            number: by which ``names`` tells its name.
            token: as JSON writes it; ``nan`` and infinite numbers become ``null``.
        """
        self._numbers.append(number)
        self._pieces.append("null" if token in NOT_JSON else token)

    def names(self, tells: Tells) -> dict[int, str]:
        """Return the names that the layout gives to scalars, by their numbers. See ``names_by_layout``."""
        document: Json = json.loads("".join(self._pieces), object_pairs_hook=_apart)
        found = names_by_layout(document, "", tells)
        numbers = ((self._numbers[place], name) for place, name in found.items())
        return {number: name for number, name in numbers if number is not None}


def _apart(members: list[tuple[str, Json]]) -> dict[str, Json]:
    """Make an object of which members may have the same key: maps of gRPC can. The last one keeps it."""
    made = dict(members)
    if len(made) == len(members):
        return made
    last = {key: place for place, (key, _) in enumerate(members)}
    return {
        key if last[key] == place else f"{key}{APART * (place + 1)}": value
        for place, (key, value) in enumerate(members)
    }
