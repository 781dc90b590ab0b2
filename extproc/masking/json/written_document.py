"""Writes values of other formats as a JSON document, so that its layout names them as it does in JSON."""

from extproc.codecs.json_units import quote, shape
from extproc.masking.json.layout import Tells, names_by_layout


class WrittenDocument:
    """A document that is being written. It knows where in it each value is."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._pieces: list[str] = []
        self._length = 0
        self._places: dict[int, int] = {}
        """The numbers of the values, by their offset."""

    def add(self, piece: str) -> None:
        """Write brackets, commas or ``null``."""
        self._pieces.append(piece)
        self._length += len(piece)

    def key(self, name: str, place: int) -> None:
        """Write the key of a member.

        Args:
            name: the key.
            place: how many members of its object are written already.
        """
        self.add(f"{',' if place else ''}{quote(name)}:")

    def value(self, number: int, token: str) -> None:
        """Write a scalar.

        Args:
            number: by which ``names`` tells its name.
            token: as JSON writes it.
        """
        self._places[self._length] = number
        self.add(token)

    def names(self, tells: Tells) -> dict[int, str]:
        """Return the names that the layout gives to scalars, by their numbers. See ``names_by_layout``."""
        document = "".join(self._pieces)
        found = names_by_layout(document, shape(document), "", tells)
        return {self._places[offset]: name for offset, name in found.items() if offset in self._places}
