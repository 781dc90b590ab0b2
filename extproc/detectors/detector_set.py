"""Sets of detectors: which of them have to search a text."""

from collections.abc import Iterable
from functools import lru_cache

SETS_KEPT = 4_096
"""Unions and intersections that are remembered: a document has the same few again and again."""


class DetectorSet:
    """A set of an analyzer's detectors and decoders, by number. Immutable.

    Bit ``n`` is detector ``n``. ``ALL`` has every bit, so that it holds every detector of any analyzer and stays
    ``ALL`` in every union.
    """

    __slots__ = ("_numbers", "bits", "is_all")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.is_all = bits == -1
        """True for ``ALL`` alone."""
        self._numbers: tuple[int, ...] | None = None

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "DetectorSet":
        """Return the set of some numbers; ``NONE`` itself of no numbers."""
        bits = 0
        for number in numbers:
            bits |= 1 << number
        return _kept(bits)

    @classmethod
    def union(cls, sets: Iterable["DetectorSet"]) -> "DetectorSet":
        """Return the union; ``NONE`` itself if it is empty."""
        bits = 0
        for each in sets:
            bits |= each.bits
        return _kept(bits)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers in ascending order.

        Raises:
            ValueError: the set is ``ALL``: only an analyzer knows how many detectors it has.
        """
        if self.is_all:
            raise ValueError("ALL cannot be listed")
        if self._numbers is None:
            numbers, bits = [], self.bits
            while bits:
                lowest = bits & -bits
                numbers.append(lowest.bit_length() - 1)
                bits ^= lowest
            self._numbers = tuple(numbers)
        return self._numbers

    def __or__(self, other: "DetectorSet") -> "DetectorSet":
        return _kept(self.bits | other.bits)

    def __and__(self, other: "DetectorSet") -> "DetectorSet":
        return _kept(self.bits & other.bits)

    def meets(self, other: "DetectorSet") -> bool:
        """Return whether both have a detector in common."""
        return self.bits & other.bits != 0

    def __bool__(self) -> bool:
        return self.bits != 0

    def __contains__(self, number: int) -> bool:
        return bool(self.bits >> number & 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DetectorSet) and self.bits == other.bits

    def __hash__(self) -> int:
        return hash(self.bits)

    def __repr__(self) -> str:
        return "ALL" if self.is_all else f"DetectorSet.of({list(self.numbers)})"


ALL = DetectorSet(-1)
"""Every detector may find something: the analyzer prefilters the text to know which of them have to run."""
NONE = DetectorSet(0)
"""No detector can find anything."""


@lru_cache(SETS_KEPT)
def _kept(bits: int) -> DetectorSet:
    return NONE if not bits else ALL if bits == -1 else DetectorSet(bits)
