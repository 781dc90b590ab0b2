"""PHONE_NUMBER: with a country code (E.164), as written in North America, or any digits where words say so."""

import re

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.context import ending, telling, told_of
from extproc.detectors.detector import APART, Detector, Ranges, outermost

SHORTEST, LONGEST = 7, 15
"""E.164 section 6.2.1."""
EXTENDED = r"(?!(?![xX][0-9])[0-9A-Za-z])"
"""Nothing goes on with it but an extension: ``x12``."""
INTERNATIONAL = re.compile(rf"(?<![0-9A-Za-z+.])\+[1-9](?:[ .()/-]{{0,2}}[0-9]){{7,14}}{EXTENDED}")
NORTH_AMERICAN = re.compile(
    r"(?<![0-9A-Za-z.+/_-])(?:1[ .-])?"
    r"(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-]|[2-9][0-9]{2}[.-][2-9][0-9]{2}[.-])[0-9]{4}"
    rf"{EXTENDED}(?!_|[.-][0-9])"
)
LOOSE = re.compile(rf"(?<![0-9A-Za-z.])\(?[0-9](?:[ .()/-]{{0,2}}[0-9]){{6,14}}{EXTENDED}(?![.-][0-9])")
DATE = re.compile(r"[12][0-9]{3}[-/.][0-9]{2}[-/.][0-9]{2}|[0-9]{2}[-/.][0-9]{2}[-/.][12][0-9]{3}")
TELLING = telling(r"phone|mobile|msisdn|whatsapp|fax|(?<![a-z])tel(?![a-z])")
ABOUT_IT = ending(r"at|ids?|count|date|time|timestamp|model|version|price|status|updated|changed")
"""Keys that speak of a phone, and not of its number: ``phone_verified_at``."""


def find(text: str, _: str) -> Ranges:
    """Yield numbers that are phone numbers by their form."""
    matches = (match.span() for pattern in (INTERNATIONAL, NORTH_AMERICAN) for match in pattern.finditer(text))
    yield from outermost(matches)


def find_loose(text: str, context: str) -> Ranges:
    """Yield seven to fifteen digits where a key or the words before them say phone."""
    for match in LOOSE.finditer(text):
        if not DATE.match(match[0]) and told_of(TELLING, ABOUT_IT, text, match.start(), context):
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
)
PHONE_NUMBER_LOOSE = Detector(
    entity="PHONE_NUMBER",
    prefilter=(APART + rb"[0-9](?:[ .()/-]{0,2}[0-9]){6}",),
    shortest=7,
    find=find_loose,
    canonical=digits_alone,
    hint=rb"phone|mobile|msisdn|whatsapp|fax|tel",
)
