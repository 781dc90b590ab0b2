"""FI_PERSONAL_IDENTITY_CODE: a Finnish identity code, with its check character."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(
    r"(?<![0-9A-Za-z])([0-3][0-9])([01][0-9])([0-9]{2})[+A-FU-Y-]([0-9]{3})([0-9A-Z])(?![0-9A-Za-z])"
)
CHECK_CHARACTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def find(text: str, _: str) -> Ranges:
    """Yield codes of a possible date with the right check character."""
    for match in PATTERN.finditer(text):
        day, month, year, serial, check = match.groups()
        possible = 1 <= int(day) <= 31 and 1 <= int(month) <= 12  # noqa: PLR2004 - a date
        if possible and CHECK_CHARACTERS[int(day + month + year + serial) % 31] == check:
            yield match.span()


FI_PERSONAL_IDENTITY_CODE = Detector(
    "FI_PERSONAL_IDENTITY_CODE",
    (rb"[0-9]{6}[+A-FU-Y-][0-9]{3}[0-9A-Z]",),
    11,
    find,
    str.upper,
    meaning="a Finnish personal identity code",
    proof="check character",
    example="131052-308T",
    source="Digital and Population Data Services Agency",
)
