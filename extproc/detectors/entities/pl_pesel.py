"""PL_PESEL: a Polish identity number, with its check digit."""

import re

from extproc.detectors.check_digits import digits_alone, weighted
from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import APART, Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z])[0-9]{4}[0-3][0-9]{6}(?![0-9A-Za-z])")
WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
HINT = "pesel"
WORDS = context_words(HINT)


def find(text: str, keys: str) -> Ranges:
    """Yield numbers with the right remainder by 10 that have the word beside them."""
    for match in PATTERN.finditer(text):
        valid = weighted(match[0], WEIGHTS) % 10 == 0
        if valid and in_context(WORDS, text, match.start(), keys):
            yield match.span()


PL_PESEL = Detector(
    "PL_PESEL",
    (APART + rb"[0-9]{11}",),
    11,
    find,
    digits_alone,
    hints=(HINT.encode(),),
    exact=True,
    meaning="a Polish personal number",
    proof="check digit",
    example="44051401359",
    example_key="pesel",
)
