"""US_BANK_NUMBER: an account or routing number. Mere digits: only words tell them from other numbers."""

import re
from functools import partial

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.detector import APART, Detector, Ranges
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

PATTERN = re.compile(r"(?<![0-9A-Za-z.-])[0-9]{8,17}(?![0-9A-Za-z]|[.-][0-9])")


def find(words: Words, text: str, keys: str) -> Ranges:
    """Yield numbers that have a word beside them."""
    for match in PATTERN.finditer(text):
        if words.beside(text, match.start(), keys):
            yield match.span()


def us_bank_number(vocabulary: Vocabulary) -> Detector:
    """Make the detector with the words for accounts."""
    words = vocabulary.words("account")
    prefilter = (APART + rb"[0-9]{8}",)
    return Detector(
        "US_BANK_NUMBER",
        prefilter,
        8,
        partial(find, words),
        digits_alone,
        hints=words.hints,
        meaning="a bank account's or routing number: 8 to 17 digits",
        example="123456789012",
        example_key="account_number",
    )
