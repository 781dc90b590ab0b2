"""SG_NRIC_FIN: an identity number of Singapore, of residents (NRIC) or foreigners (FIN), with its check letter."""

import re

from extproc.detectors.check_digits import capitals, weighted
from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z])([STFGM])([0-9]{7})([A-Z])(?![0-9A-Za-z])")
WEIGHTS = (2, 7, 6, 5, 4, 3, 2)
LETTERS = {"S": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}
PREFIXES = {"S": ("S", 0), "T": ("S", 4), "F": ("F", 0), "G": ("F", 4), "M": ("M", 3)}
"""For a prefix, the key into ``LETTERS`` and the number it adds to the sum."""


def find(text: str, _: str) -> Ranges:
    """Yield numbers with the right check letter."""
    for match in PATTERN.finditer(text):
        letters, more = PREFIXES[match[1]]
        if LETTERS[letters][(weighted(match[2], WEIGHTS) + more) % 11] == match[3]:
            yield match.span()


SG_NRIC_FIN = Detector(
    "SG_NRIC_FIN",
    (rb"[STFGM][0-9]{7}[A-Z]",),
    9,
    find,
    capitals,
    meaning="an identity number of Singapore's citizens, residents and foreigners",
    proof="check letter",
    example="S1234567D",
)
