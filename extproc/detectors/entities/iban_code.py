"""IBAN_CODE: an international bank account number, with its country's length and check digits (ISO 13616)."""

import re

from extproc.detectors.check_digits import capitals
from extproc.detectors.detector import APART, Detector, Ranges
from extproc.detectors.ends import Nearby

PATTERN = re.compile(
    r"(?<![A-Za-z0-9])(?:([A-Z]{2})[0-9]{2}(?=(?:[ .-]?[A-Z0-9]){11})"
    r"|([a-z]{2})[0-9]{2}(?=(?:[.-]?[a-z0-9]){11}))"
)
"""In small letters without blanks: words with blanks between them would be tried."""
MARKED = re.compile(
    r"(?<![A-Za-z0-9])(?P<country>[A-Z]{2})[0-9]{2}(?P<mark>[,:;/_|]|  )(?:[A-Z0-9]{4}(?P=mark)){2,7}[A-Z0-9]{1,4}"
    r"(?![A-Za-z0-9]|[,:;/_|][A-Za-z0-9])"
)
"""In groups of four, all by the same mark."""
_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29
ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20
LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29
PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
YE30
"""
LENGTHS = {entry[:2]: int(entry[2:]) for entry in _LENGTHS.split()}
"""Characters by country, from SWIFT's IBAN registry."""
OF_LENGTH = {
    spelled: re.compile(rf"[A-Za-z]{{2}}[0-9]{{2}}(?:{rest}){{{length - 4}}}(?![A-Za-z0-9])")
    for country, length in LENGTHS.items()
    for spelled, rest in ((country, "[ .-]?[A-Z0-9]"), (country.lower(), "[.-]?[a-z0-9]"))
}
PREFILTER = (
    APART + rb"[A-Z]{2}[0-9]{2}(?:[ .-]?[A-Z0-9]){11}",
    APART + rb"[A-Z]{2}[0-9]{2}(?:[,:;/_|]|  )[A-Z0-9]{4}(?:[,:;/_|]|  )[A-Z0-9]{4}",
    APART + rb"(?:[a-bd]e|[a-b]d|ba|[a-z][g-z]|[g-z][a-z])[0-9]{2}(?:[.-]?[a-z0-9]){11}",
)
"""Random ids in hexadecimal begin with any two letters of a to f: of these, only countries count."""
NEARBY = Nearby(PREFILTER, 80)
NUMBERS = {ord(letter): str(number) for number, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}
"""What letters count, for ``str.translate``."""


def find(text: str, _: str) -> Ranges:
    """Yield numbers of the country's length with remainder 1."""
    for part in NEARBY.parts(text):
        for match in PATTERN.finditer(text, *part):
            of_length = OF_LENGTH.get(match[1] or match[2])
            whole = of_length.match(text, match.start()) if of_length else None
            if whole and remainder(capitals(whole[0])) == 1:
                yield whole.span()
        for match in MARKED.finditer(text, *part):
            number = capitals(match[0])
            if len(number) == LENGTHS.get(match["country"]) and remainder(number) == 1:
                yield match.span()


def remainder(number: str) -> int:
    """Return the remainder by ISO 7064 mod 97-10.

    Country and check digits go to the end, letters count from 10.
    """
    return int((number[4:] + number[:4]).translate(NUMBERS)) % 97


IBAN_CODE = Detector(
    entity="IBAN_CODE",
    prefilter=PREFILTER,
    shortest=15,
    find=find,
    canonical=capitals,
    meaning="an international bank account number with its country's length",
    proof="check digits",
    example="DE89 3704 0044 0532 0130 00",
    source="ISO 13616",
)
