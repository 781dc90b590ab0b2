"""Sets of detectors: which of them have to search a text."""

from collections.abc import Iterable, Iterator


class DetectorSet:
    """A set of an analyzer's detectors and decoders, by number. Immutable.

    Bit ``n`` is detector ``n``. ``ALL`` has every bit, so that it holds every detector of any analyzer and stays
    ``ALL`` in every union.
    """

    __slots__ = ("bits",)

    def __init__(self, bits: int) -> None:
        self.bits = bits

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "DetectorSet":
        """Make the set of some numbers."""
        bits = 0
        for number in numbers:
            bits |= 1 << number
        return cls(bits)

    @classmethod
    def union(cls, sets: Iterable["DetectorSet"]) -> "DetectorSet":
        """Return the union; ``NONE`` of no sets."""
        bits = 0
        for each in sets:
            bits |= each.bits
        return cls(bits)

    @property
    def is_all(self) -> bool:
        """True for ``ALL`` alone."""
        return self.bits == -1

    def __or__(self, other: "DetectorSet") -> "DetectorSet":
        return DetectorSet(self.bits | other.bits)

    def __bool__(self) -> bool:
        return self.bits != 0

    def __contains__(self, number: int) -> bool:
        return bool(self.bits >> number & 1)

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers in ascending order.

        Raises:
            ValueError: the set is ``ALL``, which has no end.
        """
        bits = self.bits
        if bits < 0:
            raise ValueError("ALL cannot be listed: only an analyzer knows how many detectors it has")
        while bits:
            lowest = bits & -bits
            yield lowest.bit_length() - 1
            bits ^= lowest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DetectorSet) and self.bits == other.bits

    def __hash__(self) -> int:
        return hash(self.bits)

    def __repr__(self) -> str:
        return "ALL" if self.is_all else f"DetectorSet.of({list(self)})"


ALL = DetectorSet(-1)
"""Every detector may find something: the analyzer prefilters the text to know which of them have to run."""
NONE = DetectorSet(0)
"""No detector can find anything."""
