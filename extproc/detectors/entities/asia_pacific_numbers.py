"""AU_ABN, AU_TFN, IN_AADHAAR and SG_NRIC_FIN, each with its check digit."""

import re

from extproc.detectors.check_digits import capitals, digits_alone, weighted
from extproc.detectors.context import telling, told
from extproc.detectors.detector import APART, Detector, Ranges

ABN = re.compile(r"(?<![0-9A-Za-z])[1-9][0-9](?: ?[0-9]{3}){3}(?![0-9A-Za-z])")
ABN_WEIGHTS = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
ABN_HINT = r"abn|business[ _-]?number"
ABN_TELLING = telling(ABN_HINT)
TFN = re.compile(r"(?<![0-9A-Za-z])[0-9]{3} ?[0-9]{3} ?[0-9]{3}(?![0-9A-Za-z])")
TFN_WEIGHTS = (1, 4, 3, 7, 5, 8, 6, 9, 10)
TFN_HINT = r"tfn|tax[ _-]?file"
TFN_TELLING = telling(TFN_HINT)
AADHAAR = re.compile(r"(?<![0-9A-Za-z])[2-9][0-9]{3}([ -]?)[0-9]{4}\1[0-9]{4}(?![0-9A-Za-z])")
AADHAAR_HINT = r"aadha+r|uidai"
AADHAAR_TELLING = telling(AADHAAR_HINT)
NRIC = re.compile(r"(?<![0-9A-Za-z])([STFGM])([0-9]{7})([A-Z])(?![0-9A-Za-z])")
NRIC_WEIGHTS = (2, 7, 6, 5, 4, 3, 2)
NRIC_LETTERS = {"S": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}
NRIC_KINDS = {"S": ("S", 0), "T": ("S", 4), "F": ("F", 0), "G": ("F", 4), "M": ("M", 3)}
"""The letters that stand for a prefix, and what it adds to the sum."""


def find_abn(text: str, context: str) -> Ranges:
    """Yield business numbers with the right remainder by 89, where words say so."""
    for match in ABN.finditer(text):
        digits = digits_alone(match[0])
        sound = weighted(str(int(digits[0]) - 1) + digits[1:], ABN_WEIGHTS) % 89 == 0
        if sound and told(ABN_TELLING, text, match.start(), context):
            yield match.span()


def find_tfn(text: str, context: str) -> Ranges:
    """Yield tax file numbers with the right remainder by 11, where words say so."""
    for match in TFN.finditer(text):
        sound = weighted(digits_alone(match[0]), TFN_WEIGHTS) % 11 == 0
        if sound and told(TFN_TELLING, text, match.start(), context):
            yield match.span()


def find_aadhaar(text: str, context: str) -> Ranges:
    """Yield numbers with the right check digit, where words say so."""
    for match in AADHAAR.finditer(text):
        if told(AADHAAR_TELLING, text, match.start(), context) and verhoeff(digits_alone(match[0])):
            yield match.span()


def verhoeff(digits: str) -> bool:
    """Verhoeff's check: products in the dihedral group of the pentagon, digits permuted by their place."""
    check = 0
    for place, char in enumerate(reversed(digits)):
        digit = int(char)
        for _ in range(place % 8):
            digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
        check = _times(check, digit)
    return check == 0


def _times(one: int, other: int) -> int:
    """Rotations are 0 to 4, reflections 5 to 9."""
    turns, flipped = one % 5, one >= 5  # noqa: PLR2004 - a reflection
    turned = (turns - other if flipped else turns + other) % 5
    return turned + 5 * (flipped != (other >= 5))  # noqa: PLR2004 - a reflection


def find_nric(text: str, _: str) -> Ranges:
    """Yield identity numbers by their letter."""
    for match in NRIC.finditer(text):
        letters, more = NRIC_KINDS[match[1]]
        if NRIC_LETTERS[letters][(weighted(match[2], NRIC_WEIGHTS) + more) % 11] == match[3]:
            yield match.span()


AU_ABN = Detector(
    "AU_ABN",
    (APART + rb"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",),
    11,
    find_abn,
    digits_alone,
    hint=ABN_HINT.encode(),
    exact=True,
)
AU_TFN = Detector(
    "AU_TFN",
    (APART + rb"[0-9]{3} ?[0-9]{3} ?[0-9]{3}",),
    9,
    find_tfn,
    digits_alone,
    hint=TFN_HINT.encode(),
    exact=True,
)
IN_AADHAAR = Detector(
    "IN_AADHAAR",
    (APART + rb"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}",),
    12,
    find_aadhaar,
    digits_alone,
    hint=AADHAAR_HINT.encode(),
    exact=True,
)
SG_NRIC_FIN = Detector("SG_NRIC_FIN", (rb"[STFGM][0-9]{7}[A-Z]",), 9, find_nric, capitals)
