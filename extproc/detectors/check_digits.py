"""Numbers as check digits are computed of them."""

import re

_NOT_DIGITS = re.compile(r"[^0-9]")
_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Za-z]")


def digits_alone(found: str) -> str:
    """Return the number without separators."""
    return _NOT_DIGITS.sub("", found)


def capitals(found: str) -> str:
    """Return the letters and digits alone, in capitals."""
    return _NOT_ALPHANUMERIC.sub("", found).upper()
