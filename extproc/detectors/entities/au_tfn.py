"""AU_TFN: an Australian tax file number, with its check digit."""

import re

from extproc.detectors.check_digits import digits_alone, weighted
from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import APART, Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z])[0-9]{3} ?[0-9]{3} ?[0-9]{3}(?![0-9A-Za-z])")
WEIGHTS = (1, 4, 3, 7, 5, 8, 6, 9, 10)
HINT = r"tfn|tax[ _-]?file"
WORDS = context_words(HINT)


def find(text: str, keys: str) -> Ranges:
    """Yield numbers with the right remainder by 11 that have a word beside them."""
    for match in PATTERN.finditer(text):
        valid = weighted(digits_alone(match[0]), WEIGHTS) % 11 == 0
        if valid and in_context(WORDS, text, match.start(), keys):
            yield match.span()


AU_TFN = Detector(
    "AU_TFN",
    (APART + rb"[0-9]{3} ?[0-9]{3} ?[0-9]{3}",),
    9,
    find,
    digits_alone,
    hints=(HINT.encode(),),
    exact=True,
    meaning="an Australian tax file number",
    proof="check digit",
    example="123 456 782",
    example_key="tfn",
    source="Australian Taxation Office",
)
