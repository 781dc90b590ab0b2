"""IN_AADHAAR: an Indian identity number, with its check digit (Verhoeff)."""

import re

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import APART, Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z])[2-9][0-9]{3}([ -]?)[0-9]{4}\1[0-9]{4}(?![0-9A-Za-z])")
HINT = r"aadha+r|uidai"
WORDS = context_words(HINT)


def find(text: str, keys: str) -> Ranges:
    """Yield numbers with the right check digit that have a word beside them."""
    for match in PATTERN.finditer(text):
        if in_context(WORDS, text, match.start(), keys) and verhoeff(digits_alone(match[0])):
            yield match.span()


def verhoeff(digits: str) -> bool:
    """Check by Verhoeff: multiply in the dihedral group of the pentagon, digits permuted by their position."""
    check = 0
    for position, char in enumerate(reversed(digits)):
        digit = int(char)
        for _ in range(position % 8):
            digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
        check = _times(check, digit)
    return check == 0


def _times(one: int, other: int) -> int:
    """Multiply two elements of the group: rotations are 0 to 4, reflections 5 to 9."""
    turns, flipped = one % 5, one >= 5  # noqa: PLR2004 - a reflection
    turned = (turns - other if flipped else turns + other) % 5
    return turned + 5 * (flipped != (other >= 5))  # noqa: PLR2004 - a reflection


IN_AADHAAR = Detector(
    "IN_AADHAAR",
    (APART + rb"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}",),
    12,
    find,
    digits_alone,
    hints=(HINT.encode(),),
    exact=True,
    meaning="an Indian Aadhaar number",
    proof="check digit",
    example="2341 2341 2346",
    example_key="aadhaar",
    source="UIDAI",
)
