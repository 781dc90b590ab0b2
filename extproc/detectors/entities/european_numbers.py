"""UK_NHS, ES_NIF, IT_FISCAL_CODE, PL_PESEL and FI_PERSONAL_IDENTITY_CODE, each with its check digit."""

import re

from extproc.detectors.check_digits import capitals, digits_alone, weighted
from extproc.detectors.context import telling, told
from extproc.detectors.detector import APART, Detector, Ranges

NHS = re.compile(r"(?<![0-9A-Za-z])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9A-Za-z])")
NHS_HINT = r"nhs|national[ _-]?health"
NHS_TELLING = telling(NHS_HINT)
NIF = re.compile(r"(?<![0-9A-Za-z])([0-9]{8}|[XYZ][0-9]{7})-?([A-Z])(?![0-9A-Za-z])")
NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
FISCAL = re.compile(
    r"(?<![0-9A-Za-z])[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}([A-Z])(?![0-9A-Za-z])"
)
FISCAL_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2 + (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
"""Decree of 12 March 1974: what characters at odd places count."""
PESEL = re.compile(r"(?<![0-9A-Za-z])[0-9]{4}[0-3][0-9]{6}(?![0-9A-Za-z])")
PESEL_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
PESEL_TELLING = telling("pesel")
FINNISH = re.compile(
    r"(?<![0-9A-Za-z])([0-3][0-9])([01][0-9])([0-9]{2})[+A-FU-Y-]([0-9]{3})([0-9A-Z])(?![0-9A-Za-z])"
)
FINNISH_LETTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def find_nhs(text: str, context: str) -> Ranges:
    """Yield ten digits with the right remainder by 11, where words say so: phone numbers look alike."""
    for match in NHS.finditer(text):
        digits = digits_alone(match[0])
        sound = weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
        if sound and told(NHS_TELLING, text, match.start(), context):
            yield match.span()


def find_nif(text: str, _: str) -> Ranges:
    """Yield identity numbers of citizens, and of foreigners (X, Y, Z), by their letter."""
    for match in NIF.finditer(text):
        number = match[1].translate(str.maketrans("XYZ", "012"))
        if NIF_LETTERS[int(number) % 23] == match[2]:
            yield match.span()


def find_fiscal(text: str, _: str) -> Ranges:
    """Yield codes by their check letter."""
    for match in FISCAL.finditer(text):
        code = match[0]
        total = sum(FISCAL_ODD[char] for char in code[:15:2])
        total += sum(int(char, 36) - 10 if char.isalpha() else int(char) for char in code[1:15:2])
        if chr(ord("A") + total % 26) == code[15]:
            yield match.span()


def find_pesel(text: str, context: str) -> Ranges:
    """Yield numbers with the right remainder, where words say so."""
    for match in PESEL.finditer(text):
        sound = weighted(match[0], PESEL_WEIGHTS) % 10 == 0
        if sound and told(PESEL_TELLING, text, match.start(), context):
            yield match.span()


def find_finnish(text: str, _: str) -> Ranges:
    """Yield codes of a possible date, by their check character."""
    for match in FINNISH.finditer(text):
        day, month, year, serial, check = match.groups()
        possible = 1 <= int(day) <= 31 and 1 <= int(month) <= 12  # noqa: PLR2004 - a date
        if possible and FINNISH_LETTERS[int(day + month + year + serial) % 31] == check:
            yield match.span()


UK_NHS = Detector(
    "UK_NHS",
    (APART + rb"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}",),
    10,
    find_nhs,
    digits_alone,
    hint=NHS_HINT.encode(),
    exact=True,
)
ES_NIF = Detector("ES_NIF", (rb"[0-9]{8}-?[A-Z]", rb"[XYZ][0-9]{7}-?[A-Z]"), 9, find_nif, capitals)
IT_FISCAL_CODE = Detector(
    "IT_FISCAL_CODE", (rb"[A-Z]{6}[0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{2}[A-Z]",), 16, find_fiscal, capitals
)
PL_PESEL = Detector("PL_PESEL", (APART + rb"[0-9]{11}",), 11, find_pesel, digits_alone, hint=b"pesel", exact=True)
FI_PERSONAL_IDENTITY_CODE = Detector(
    "FI_PERSONAL_IDENTITY_CODE", (rb"[0-9]{6}[+A-FU-Y-][0-9]{3}[0-9A-Z]",), 11, find_finnish, str.upper
)
