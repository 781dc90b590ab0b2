"""UK_NHS: a number of the British National Health Service, with its check digit."""

import re

from extproc.detectors.check_digits import digits_alone, weighted
from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import APART, Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9A-Za-z])")
WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
HINT = r"nhs|national[ _-]?health"
WORDS = context_words(HINT)


def find(text: str, keys: str) -> Ranges:
    """Yield ten digits with the right remainder by 11 that have a word beside them: phone numbers look alike."""
    for match in PATTERN.finditer(text):
        valid = weighted(digits_alone(match[0]), WEIGHTS) % 11 == 0
        if valid and in_context(WORDS, text, match.start(), keys):
            yield match.span()


UK_NHS = Detector(
    "UK_NHS",
    (APART + rb"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}",),
    10,
    find,
    digits_alone,
    hints=(HINT.encode(),),
    exact=True,
    meaning="a number of the British National Health Service",
    proof="check digit",
    example="943 476 5919",
    example_key="nhs_number",
    source="NHS Data Dictionary",
)
