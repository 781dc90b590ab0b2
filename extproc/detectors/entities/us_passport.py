"""US_PASSPORT: a passport number. Only words tell it from other numbers."""

import re

from extproc.detectors.check_digits import capitals
from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import APART, Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z.-])(?:[A-Za-z][0-9]{8}|[0-9]{9})(?![0-9A-Za-z]|[.-][0-9])")
HINT = "passport"
WORDS = context_words(HINT)


def find(text: str, keys: str) -> Ranges:
    """Yield numbers that have the word beside them."""
    for match in PATTERN.finditer(text):
        if in_context(WORDS, text, match.start(), keys):
            yield match.span()


US_PASSPORT = Detector(
    "US_PASSPORT",
    (APART + rb"[A-Za-z0-9][0-9]{8}",),
    9,
    find,
    capitals,
    hint=HINT.encode(),
    exact=True,
    meaning="a passport's number: 9 digits, or a letter and 8",
    example="C12345678",
    example_key="passport",
    source="US Department of State",
)
