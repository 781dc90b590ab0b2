"""US_BANK_NUMBER: an account or routing number. Mere digits: only words tell them from other numbers."""

import re

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import APART, Detector, Ranges

PATTERN = re.compile(r"(?<![0-9A-Za-z.-])[0-9]{8,17}(?![0-9A-Za-z]|[.-][0-9])")
HINT = r"account[ _.-]?(?:number|num|no|nr)|acct|bank[ _.-]?account|routing[ _.-]?(?:number|num|no)"
WORDS = context_words(HINT)


def find(text: str, keys: str) -> Ranges:
    """Yield numbers that have a word beside them."""
    for match in PATTERN.finditer(text):
        if in_context(WORDS, text, match.start(), keys):
            yield match.span()


US_BANK_NUMBER = Detector(
    "US_BANK_NUMBER",
    (APART + rb"[0-9]{8}",),
    8,
    find,
    digits_alone,
    hint=HINT.encode(),
    meaning="a bank account's or routing number: 8 to 17 digits",
    example="123456789012",
    example_key="account_number",
)
