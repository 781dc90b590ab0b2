"""Checks of national numbers. python-stdnum knows most; those that it does not know are written here (ADR 24)."""

import re
from collections.abc import Callable
from datetime import date
from importlib import import_module
from typing import Any, cast

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.entities.us_ssn import valid as issued

Check = Callable[[str], bool]
"""Takes a number as it is written, in capitals; returns whether it can be one."""
_SEPARATORS = re.compile(r"[ ./-]")
_DATE = re.compile(r"(?:[0-9]{2})?[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")


def stdnum(module: str, function: str = "is_valid", **more: object) -> Check:
    """Return a check of python-stdnum.

    Args:
        module: its name below ``stdnum``.
        function: the function that checks.
        more: arguments by name.
    """
    check = cast("Callable[..., Any]", getattr(import_module(f"stdnum.{module}"), function))
    return lambda number: bool(check(number, **more))


def anything(number: str) -> bool:
    """Return true: the form and the words are all there is."""
    return bool(number)


def compact(number: str) -> str:
    """Return the number without separators."""
    return _SEPARATORS.sub("", number)


def all_of(*checks: Check) -> Check:
    """Return a check that all of some checks pass."""
    return lambda number: all(check(number) for check in checks)


def dated(check: Check, *, since: int) -> Check:
    """Return a check of numbers that begin with a date, YYMMDD or YYYYMMDD.

    Numbers of orders and files begin with a recent date, too: with a dash behind it, they look alike.

    Args:
        check: the rest of the check.
        since: the first two digits of the year are at least these: of 1930 and 30 alike.
    """

    def passes(number: str) -> bool:
        day = number.partition("-")[0]
        year = day[2:4] if len(day) == len("YYYYMMDD") else day[:2]
        century = day[:2] if len(day) == len("YYYYMMDD") else "19"
        return century == "19" and int(year) >= since and _DATE.fullmatch(day) is not None and check(number)

    return passes


def american(number: str) -> bool:
    """Return whether a social security number of the United States may be issued."""
    digits = digits_alone(number)
    return issued(digits[:3], digits[3:5], digits[5:])


def german_tax(number: str) -> bool:
    """Check the last digit of a German tax number by ISO 7064 mod 11,10; none of ten digits occurs four times."""
    digits = compact(number)
    return max(map(digits[:10].count, set(digits[:10]))) < 4 and stdnum("iso7064.mod_11_10")(digits)  # noqa: PLR2004


def german_document(number: str) -> bool:
    """Check a German document's number: there are digits, and the tenth character, if any, checks the others."""
    return has_digits(number) and (len(number) == len("L01X00T47") or document_731(number))


def has_digits(number: str) -> bool:
    """Return whether there are digits: letters alone are a word."""
    return any(map(str.isdigit, number))


def date_inside(number: str) -> bool:
    """Return whether the number begins with a year, a month and a day."""
    return _DATE.fullmatch(compact(number)[:6]) is not None


def south_african(number: str) -> bool:
    """Check a South African identity number: a day of some century, a status from 0 to 2, and Luhn."""
    digits = compact(number)
    return digits[10] in "012" and any(map(_is_day, (f"19{digits[:6]}", f"20{digits[:6]}"))) and _LUHN(digits)


_LUHN = stdnum("luhn")


def _is_day(digits: str) -> bool:
    try:
        return bool(date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])))
    except ValueError:
        return False


def document_731(number: str) -> bool:
    """Check the last digit by ICAO 9303 part 3, section 4.9: weights 7, 3, 1; letters count from 10."""
    digits = compact(number)
    total = sum(int(each, 36) * weight for each, weight in zip(digits[:-1], (7, 3, 1) * len(digits), strict=False))
    return digits[-1:].isdigit() and total % 10 == int(digits[-1])


def polish_id_card(number: str) -> bool:
    """Check a Polish identity card: three letters, a check digit, five digits, weights 7, 3, 1."""
    digits = compact(number)
    return (
        sum(int(each, 36) * weight for each, weight in zip(digits, (7, 3, 1, 9, 7, 3, 1, 7, 3), strict=True)) % 10
        == 0
    )


def german_pension(number: str) -> bool:
    """Check a German pension insurance number (VKVV section 2): the letter counts as two digits."""
    digits = _with_letter_as_digits(compact(number), 8)
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    total = sum(_digit_sum(int(each) * weight) for each, weight in zip(digits[:12], weights, strict=True))
    return total % 10 == int(digits[12])


def german_health(number: str) -> bool:
    """Check a German health insurance number (SGB V section 290): the letter counts as two digits."""
    digits = _with_letter_as_digits(compact(number), 0)
    total = sum(_digit_sum(int(each) * weight) for each, weight in zip(digits[:10], (1, 2) * 5, strict=True))
    return total % 10 == int(digits[10])


def german_doctor(number: str) -> bool:
    """Check the seventh digit of a German doctor's number: weights 4 and 9, and the difference to ten."""
    digits = compact(number)
    total = sum(int(each) * weight for each, weight in zip(digits[:6], (4, 9) * 3, strict=True))
    return -total % 10 == int(digits[6])


def medicare(number: str) -> bool:
    """Check the ninth digit of an Australian Medicare card: weights 1, 3, 7, 9."""
    digits = compact(number)
    return sum(int(each) * weight for each, weight in zip(digits[:8], (1, 3, 7, 9) * 2, strict=True)) % 10 == int(
        digits[8]
    )


def npi(number: str) -> bool:
    """Check a provider's number of the United States: Luhn with 80840 in front (45 CFR 162.406)."""
    return stdnum("luhn")("80840" + compact(number))


def dea(number: str) -> bool:
    """Check a DEA number: digits 1, 3, 5 and twice digits 2, 4, 6 end in digit 7."""
    digits = list(map(int, compact(number)[-7:]))
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def british_licence(number: str) -> bool:
    """Check the month and the day in a British driving licence: the month has 50 more for women."""
    digits = compact(number)
    return 1 <= int(digits[6:8]) % 50 <= 12 and 1 <= int(digits[8:10]) <= 31  # noqa: PLR2004 - a date


def singaporean(number: str) -> bool:
    """Check the letter of a Singaporean identity number: weights 2, 7, 6, 5, 4, 3, 2, by 11."""
    letters, more = _SINGAPORE[number[0]]
    total = sum(int(each) * weight for each, weight in zip(number[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    return letters[(total + more) % 11] == number[8]


_SINGAPORE = {
    "S": ("JZIHGFEDCBA", 0),
    "T": ("JZIHGFEDCBA", 4),
    "F": ("XWUTRQPNMLK", 0),
    "G": ("XWUTRQPNMLK", 4),
    "M": ("XWUTRQPNJLK", 3),
}
"""For a prefix, the check letters, and the number that is added to the sum."""


def european_vat(number: str) -> bool:
    """Check a VAT number that begins with its country; a country and a date is a number of something else."""
    return not _COUNTRY_AND_DATE.fullmatch(number) and _EUROPEAN(number)


_EUROPEAN = stdnum("eu.vat")
_COUNTRY_AND_DATE = re.compile(r"[A-Z]{2}20[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9]")


def korean_business(number: str) -> bool:
    """Check the last digit of a Korean business number: weights 1, 3, 7, 1, 3, 7, 1, 3, 5; the last carries."""
    digits = list(map(int, compact(number)))
    total = sum(each * weight for each, weight in zip(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=False))
    return (total + digits[8] * 5 // 10 + digits[9]) % 10 == 0


def thai(number: str) -> bool:
    """Check a Thai citizen's number; the digits behind the first one are a province's, from 10 to 96."""
    digits = compact(number)
    return 10 <= int(digits[1:3]) <= 96 and _THAI(digits)  # noqa: PLR2004 - DOPA's codes


_THAI = stdnum("th.pin")


def date_of_six(number: str) -> bool:
    """Return whether the first six digits are a day, a month and a year."""
    digits = compact(number)
    return 1 <= int(digits[:2]) <= 31 and 1 <= int(digits[2:4]) <= 12  # noqa: PLR2004 - a date


def _with_letter_as_digits(number: str, at: int) -> str:
    return f"{number[:at]}{ord(number[at]) - ord('A') + 1:02}{number[at + 1 :]}"


def _digit_sum(number: int) -> int:
    return sum(divmod(number, 10))
