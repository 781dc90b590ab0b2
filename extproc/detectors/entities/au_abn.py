"""AU_ABN: an Australian business number, with its check digits."""

import re

from extproc.detectors.check_digits import digits_alone, weighted
from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import APART, Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z])[1-9][0-9](?: ?[0-9]{3}){3}(?![0-9A-Za-z])")
WEIGHTS = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
HINT = r"abn|business[ _-]?number"
WORDS = context_words(HINT)


def find(text: str, keys: str) -> Ranges:
    """Yield numbers with the right remainder by 89 that have a word beside them."""
    for match in PATTERN.finditer(text):
        digits = digits_alone(match[0])
        valid = weighted(str(int(digits[0]) - 1) + digits[1:], WEIGHTS) % 89 == 0
        if valid and in_context(WORDS, text, match.start(), keys):
            yield match.span()


AU_ABN = Detector(
    "AU_ABN",
    (APART + rb"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",),
    11,
    find,
    digits_alone,
    hints=(HINT.encode(),),
    exact=True,
    meaning="an Australian business number",
    proof="check digits",
    example="51 824 753 556",
    example_key="abn",
    source="Australian Business Register",
)
