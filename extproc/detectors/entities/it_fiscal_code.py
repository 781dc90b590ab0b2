"""IT_FISCAL_CODE: an Italian fiscal code, with its check letter (decree of 12 March 1974)."""

import re

from extproc.detectors.check_digits import capitals
from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(
    r"(?<![0-9A-Za-z])[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}([A-Z])(?![0-9A-Za-z])"
)
ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2 + (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
"""The value of a character at an odd position, by the decree."""


def find(text: str, _: str) -> Ranges:
    """Yield codes with the right check letter."""
    for match in PATTERN.finditer(text):
        code = match[0]
        total = sum(ODD[char] for char in code[:15:2])
        total += sum(int(char, 36) - 10 if char.isalpha() else int(char) for char in code[1:15:2])
        if chr(ord("A") + total % 26) == code[15]:
            yield match.span()


IT_FISCAL_CODE = Detector(
    "IT_FISCAL_CODE",
    (rb"[A-Z]{6}[0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{2}[A-Z]",),
    16,
    find,
    capitals,
    meaning="an Italian fiscal code",
    proof="check letter",
    example="RSSMRA85T10A562S",
    source="DM 12/03/1974",
)
