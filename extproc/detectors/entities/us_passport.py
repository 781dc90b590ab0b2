"""US_PASSPORT: a passport number. Only words tell it from other numbers."""

import re
from functools import partial

from extproc.detectors.check_digits import capitals
from extproc.detectors.detector import APART, Detector, Ranges
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

PATTERN = re.compile(r"(?<![0-9A-Za-z.-])(?:[A-Za-z][0-9]{8}|[0-9]{9})(?![0-9A-Za-z]|[.-][0-9])")


def find(words: Words, text: str, keys: str) -> Ranges:
    """Yield numbers that have the word beside them."""
    for match in PATTERN.finditer(text):
        if words.beside(text, match.start(), keys):
            yield match.span()


def us_passport(vocabulary: Vocabulary) -> Detector:
    """Make the detector with the words for passports."""
    words = vocabulary.words("passport")
    prefilter = (APART + rb"[A-Za-z0-9][0-9]{8}",)
    return Detector(
        "US_PASSPORT",
        prefilter,
        9,
        partial(find, words),
        capitals,
        hints=words.hints,
        exact=True,
        meaning="a passport's number: 9 digits, or a letter and 8",
        example="C12345678",
        example_key="passport",
        source="US Department of State",
    )
