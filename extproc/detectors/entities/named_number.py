"""Numbers that their own name tells: NATIONAL_ID, TAX_ID, PASSPORT, DATE_OF_BIRTH and others, and cards and IBANs.

Under a general name, ``national_id``, a number counts if its form and its check are right for any country. Under
the name of one country's number, ``steuer_id``, it counts if they are right for that number. Passports, licences,
plates and bank accounts have no check that is known everywhere: there, the usual forms count. Cards and IBANs
count although a digit is wrong: they are longer than other numbers, and under their name they are nothing else.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from extproc.detectors.detector import Detector
from extproc.detectors.entities.named_value import Named, named_detector
from extproc.detectors.entities.national.anywhere import Anywhere
from extproc.detectors.vocabulary.key_roles import joined
from extproc.detectors.vocabulary.maps import PARTS_OF_DATE
from extproc.detectors.vocabulary.vocabulary import Vocabulary

_NUMBER = re.compile(r"[0-9A-Za-z](?:[ ./:-]{0,2}[0-9A-Za-z]){5,25}")
_PLATE = re.compile(r"[0-9A-Z]{1,4}(?:[ -]?[0-9A-Z]{1,4}){1,3}", re.IGNORECASE | re.ASCII)
_FRACTION = re.compile(r"[+-]?[0-9]+\.[0-9]+")
_DATE = re.compile(r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]\b.*|[0-3]?[0-9][./][01]?[0-9][./](?:19|20)[0-9]{2}")
_BIRTH = re.compile(
    r"[0-9]{4}[-/.][0-9]{1,2}(?:[-/.][0-9]{1,2}(?:[T ][0-9:.,+Z -]{2,24})?)?"
    r"|[0-9]{1,2}[-/. ]{1,2}[0-9]{1,2}[-/. ]{1,2}[0-9]{2,4}|-?[0-9]{8,13}"
    r"|[0-9]{1,2}(?:\.|st|nd|rd|th)?[ -]?(?:de |of )?[^\W\d_]{3,12}\.?,?(?: de)?[ -][0-9]{4}"
    r"|[^\W\d_]{3,12}\.? [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}|[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日"
)
_PART_OF_BIRTH = re.compile(r"[0-9]{1,4}|[^\W\d_]{3,12}")
_CARD = re.compile(r"[0-9](?:[ .:-]{0,2}[0-9]){12,18}")
_IBAN = re.compile(r"[A-Za-z]{2}[ .:-]?[0-9][ .:-]?[0-9](?:[\s.:-]{0,2}[0-9A-Za-z]){11,30}")
_LETTERS_OF_A_WORD = re.compile(r"[A-Za-z]{5}")
_PASSPORT = re.compile(
    r"[CFGHJ-NPRTV-Zcfghj-nprtv-z](?=[^0-9]*[0-9])[CFGHJ-NPRTV-Zcfghj-nprtv-z0-9]{8}"
    r"|(?=[^A-Za-z]*[A-Za-z])(?=(?:[^0-9]*[0-9]){4})[A-Za-z0-9]{8,9}"
    r"|[A-Za-z]{0,3}[0-9]{2,5}[ -](?:[0-9]{3,5}|[0-9]{6,7})[A-Za-z]?|[0-9]{2} [0-9]{2} [0-9]{6}"
    r"|[A-Za-z]{0,3} ?(?:[0-9]{6,9}[A-Za-z]{0,2}|[0-9]{5}[A-Za-z][0-9]?|[0-9]{3}[A-Za-z][0-9]{4})"
    r"|[0-9]{2}[A-Za-z]{2}[0-9]{5}"
)
"""Among others Germany's, which are written with digits and consonants (ICAO 9303-4 shows such a specimen)."""
DIGITS_LEAST = 5
"""Fewest digits of a number; shorter ones are keys of tables."""

OF_ANY_COUNTRY = frozenset(
    {"BANK_ACCOUNT", "DRIVER_LICENSE", "LICENSE_PLATE", "NATIONAL_ID", "PASSPORT", "TAX_ID"}
)
"""Entities for numbers of which some countries' have an entity of their own."""


def is_number(_: str, text: str) -> bool:
    """Return whether a text has the form of some country's number: digits, perhaps with letters, in groups."""
    number = text.strip()
    return (
        _NUMBER.fullmatch(number) is not None
        and sum(map(str.isdigit, number)) >= DIGITS_LEAST
        and not (_FRACTION.fullmatch(number) or _DATE.fullmatch(number) or _LETTERS_OF_A_WORD.search(number))
    )


def is_plate(_: str, text: str) -> bool:
    """Return whether a text has the form of a vehicle's plate: letters and digits."""
    plate = text.strip()
    return _PLATE.fullmatch(plate) is not None and any(map(str.isdigit, plate)) and not plate.isdigit()


def is_birth(name: str, text: str) -> bool:
    """Return whether a text is a date, or the part of one that its name says: ``dob|day``."""
    birth = text.strip()
    last = name.rstrip("]").replace("[", "|").rpartition("|")[2]
    is_part = joined(last) in PARTS_OF_DATE and _PART_OF_BIRTH.fullmatch(birth)
    return bool(is_part) or _BIRTH.fullmatch(birth) is not None


def _has_form(form: re.Pattern[str]) -> Callable[[str, str], bool]:
    return lambda _, text: form.fullmatch(text.strip()) is not None


def named_numbers(vocabulary: Vocabulary) -> tuple[Detector, ...]:
    """Make the detectors; the words are the vocabulary's."""
    words = vocabulary.words
    anywhere = Anywhere(vocabulary)
    named = (
        Named(
            "CREDIT_CARD",
            words("card"),
            _has_form(_CARD),
            "a card's number that fails its check digit",
            "card_number",
            "4111 1111 1111 1112",
        ),
        Named(
            "IBAN_CODE",
            words("iban"),
            _has_form(_IBAN),
            "an account number in any country's form and letter case",
            "iban",
            "de89.3704.0044.0532.0130.01",
        ),
        Named(
            "BANK_ACCOUNT",
            words("account"),
            is_number,
            "a bank account's number of any country",
            "account_number",
            "XCBP 2815 3763 9710",
        ),
        Named(
            "NATIONAL_ID",
            words("national_id"),
            anywhere.accepts,
            "a person's number in any country, with the right check digit",
            "national_id",
            "38001085718",
        ),
        Named(
            "TAX_ID",
            words("tax"),
            anywhere.accepts,
            "a tax number of any country, with the right check digit",
            "tax_id",
            "20-49327027-4",
        ),
        Named(
            "PASSPORT",
            words("passport"),
            _has_form(_PASSPORT),
            "a passport's number of any country",
            "passport",
            "AB1234567",
        ),
        Named(
            "DRIVER_LICENSE",
            words("driver_license"),
            is_number,
            "a driving licence's number of any country",
            "driver_license",
            "D1234-5678",
        ),
        Named(
            "LICENSE_PLATE", words("license_plate"), is_plate, "a vehicle's plate", "license_plate", "M-XY 4711"
        ),
        Named("DATE_OF_BIRTH", words("birth"), is_birth, "a date of birth", "birth_date", "1985-03-12"),
    )
    return tuple(replace(named_detector(each), gives_way=each.entity in OF_ANY_COUNTRY) for each in named)
