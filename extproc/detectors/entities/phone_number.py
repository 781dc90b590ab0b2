"""PHONE_NUMBER: with a country code (E.164), as written in North America, or any digits beside a word."""

import re

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.context import context_words, in_context_of_value, name_endings
from extproc.detectors.detector import APART, Detector, Ranges, outermost

SHORTEST, LONGEST = 7, 15
"""E.164 section 6.2.1."""
EXTENDED = r"(?!(?![xX][0-9])[0-9A-Za-z])"
"""A number ends here: only an extension, ``x12``, may follow at once."""
INTERNATIONAL = re.compile(rf"(?<![0-9A-Za-z+.])\+[1-9](?:[ .()/-]{{0,2}}[0-9]){{7,14}}{EXTENDED}")
NORTH_AMERICAN = re.compile(
    r"(?<![0-9A-Za-z.+/_-])(?:1[ .-])?"
    r"(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-]|[2-9][0-9]{2}[.-][2-9][0-9]{2}[.-])[0-9]{4}"
    rf"{EXTENDED}(?!_|[.-][0-9])"
)
LOOSE = re.compile(rf"(?<![0-9A-Za-z.])\(?[0-9](?:[ .()/-]{{0,2}}[0-9]){{6,14}}{EXTENDED}(?![.-][0-9])")
DATE = re.compile(r"[12][0-9]{3}[-/.][0-9]{2}[-/.][0-9]{2}|[0-9]{2}[-/.][0-9]{2}[-/.][12][0-9]{3}")
WORDS = context_words(r"phone|mobile|msisdn|whatsapp|fax|(?<![a-z])tel(?![a-z])")
ABOUT_IT = name_endings(r"at|ids?|count|date|time|timestamp|model|version|price|status|updated|changed")
"""Ends of keys that are about a phone and do not hold its number: ``phone_verified_at``."""


def find(text: str, _: str) -> Ranges:
    """Yield numbers that have the form of a phone number."""
    matches = (match.span() for pattern in (INTERNATIONAL, NORTH_AMERICAN) for match in pattern.finditer(text))
    yield from outermost(matches)


def find_loose(text: str, keys: str) -> Ranges:
    """Yield seven to fifteen digits if a key or the words before them say phone."""
    for match in LOOSE.finditer(text):
        if not DATE.match(match[0]) and in_context_of_value(WORDS, ABOUT_IT, text, match.start(), keys):
            yield match.span()


PHONE_NUMBER = Detector(
    entity="PHONE_NUMBER",
    prefilter=(
        rb"\+[1-9](?:[ .()/-]{0,2}[0-9]){7}",
        rb"[2-9][0-9]{2}(?:\) ?[2-9][0-9]{2}[ .-]|[.-][2-9][0-9]{2}[.-])[0-9]{4}",
    ),
    shortest=9,
    find=find,
    canonical=digits_alone,
    meaning="a phone number with a country code, or as written in North America",
    proof="its form",
    example="+44 20 7946 0958",
    source="ITU-T E.164",
)
PHONE_NUMBER_LOOSE = Detector(
    entity="PHONE_NUMBER",
    prefilter=(APART + rb"[0-9](?:[ .()/-]{0,2}[0-9]){6}",),
    shortest=7,
    find=find_loose,
    canonical=digits_alone,
    hints=(rb"phone|mobile|msisdn|whatsapp|fax|tel",),
    meaning="a phone number of 7 to 15 digits in any form",
    example="020 7946 0958",
    example_key="phone",
    source="ITU-T E.164",
)
