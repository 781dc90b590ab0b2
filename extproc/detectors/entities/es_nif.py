"""ES_NIF: a Spanish tax and identity number, with its check letter."""

import re

from extproc.detectors.check_digits import capitals
from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z])([0-9]{8}|[XYZ][0-9]{7})-?([A-Z])(?![0-9A-Za-z])")
LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def find(text: str, _: str) -> Ranges:
    """Yield numbers of citizens, and of foreigners (X, Y, Z), with the right check letter."""
    for match in PATTERN.finditer(text):
        number = match[1].translate(str.maketrans("XYZ", "012"))
        if LETTERS[int(number) % 23] == match[2]:
            yield match.span()


ES_NIF = Detector(
    "ES_NIF",
    (rb"[0-9]{8}-?[A-Z]", rb"[XYZ][0-9]{7}-?[A-Z]"),
    9,
    find,
    capitals,
    meaning="a Spanish tax number of citizens and foreigners",
    proof="check letter",
    example="12345678Z",
    source="Real Decreto 1553/2005",
)
