"""US_ITIN: an individual taxpayer identification number (Internal Revenue Manual 3.21.263)."""

import re

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"(?<![0-9])9[0-9]{2}([ -])(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])\1[0-9]{4}(?![0-9])")
"""Not every fourth and fifth digit is issued."""


def find(text: str, _: str) -> Ranges:
    """Yield numbers that are written in groups."""
    for match in PATTERN.finditer(text):
        yield match.span()


US_ITIN = Detector(
    "US_ITIN",
    (rb"9[0-9]{2}[ -][5-9][0-9][ -][0-9]{4}",),
    11,
    find,
    digits_alone,
    meaning="a taxpayer identification number of the United States, in groups",
    proof="known middle groups",
    example="912-70-1234",
    source="IRS",
)
