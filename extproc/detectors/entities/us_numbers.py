"""US_ITIN, US_BANK_NUMBER and US_PASSPORT. The last two are mere digits: only words tell them from others."""

import re

from extproc.detectors.check_digits import capitals, digits_alone
from extproc.detectors.context import telling, told
from extproc.detectors.detector import APART, Detector, Ranges

ITIN = re.compile(r"(?<![0-9])9[0-9]{2}([ -])(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])\1[0-9]{4}(?![0-9])")
"""Internal Revenue Manual 3.21.263: the fourth and fifth digit."""
BANK = re.compile(r"(?<![0-9A-Za-z.-])[0-9]{8,17}(?![0-9A-Za-z]|[.-][0-9])")
BANK_HINT = r"account[ _.-]?(?:number|num|no|nr)|acct|bank[ _.-]?account|routing[ _.-]?(?:number|num|no)"
BANK_TELLING = telling(BANK_HINT)
PASSPORT = re.compile(r"(?<![0-9A-Za-z.-])(?:[A-Za-z][0-9]{8}|[0-9]{9})(?![0-9A-Za-z]|[.-][0-9])")
PASSPORT_TELLING = telling("passport")


def find_itin(text: str, _: str) -> Ranges:
    """Yield numbers in their groups."""
    for match in ITIN.finditer(text):
        yield match.span()


def find_bank(text: str, context: str) -> Ranges:
    """Yield account and routing numbers that are called so."""
    for match in BANK.finditer(text):
        if told(BANK_TELLING, text, match.start(), context):
            yield match.span()


def find_passport(text: str, context: str) -> Ranges:
    """Yield numbers that are called passport."""
    for match in PASSPORT.finditer(text):
        if told(PASSPORT_TELLING, text, match.start(), context):
            yield match.span()


US_ITIN = Detector("US_ITIN", (rb"9[0-9]{2}[ -][5-9][0-9][ -][0-9]{4}",), 11, find_itin, digits_alone)
US_BANK_NUMBER = Detector(
    "US_BANK_NUMBER", (APART + rb"[0-9]{8}",), 8, find_bank, digits_alone, hint=BANK_HINT.encode()
)
US_PASSPORT = Detector(
    "US_PASSPORT",
    (APART + rb"[A-Za-z0-9][0-9]{8}",),
    9,
    find_passport,
    capitals,
    hint=b"passport",
    exact=True,
)
