"""HTTP_AUTHORIZATION: credentials behind ``Basic`` (RFC 7617) and ``Bearer`` (RFC 6750), wherever they are."""

import base64
import binascii
import re

from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.placeholders import is_placeholder

_BASIC = re.compile(r"\bbasic[ \t]{1,4}([A-Za-z0-9+/_-]{4,1024}={0,2})", re.IGNORECASE)
_BEARER = re.compile(r"\bbearer[ \t]{1,4}([\w.~+/-]{10,4096}={0,2})", re.IGNORECASE | re.ASCII)
_STANDARD = str.maketrans("-_", "+/")
_PRINTABLE = re.compile(r"[^\0-\x1f\x7f-\x9f]+")
_LETTER, _DIGIT = re.compile(r"[A-Za-z]"), re.compile(r"[0-9]")


def find(text: str, _: str) -> Ranges:
    """Yield what stands behind the scheme. Words are none: ``Basic authentication``, ``Bearer token``."""
    for match in _BASIC.finditer(text):
        if is_basic(match[1]):
            yield match.span(1)
    for match in _BEARER.finditer(text):
        if _LETTER.search(match[1]) and _DIGIT.search(match[1]) and not is_placeholder(match[1]):
            yield match.span(1)


def is_basic(encoded: str) -> bool:
    """Return whether Base64 is a user, a colon and a password (RFC 7617 section 2)."""
    letters = encoded.rstrip("=").translate(_STANDARD)
    try:
        decoded = base64.b64decode(letters + "=" * (-len(letters) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return ":" in decoded and _PRINTABLE.fullmatch(decoded) is not None


HTTP_AUTHORIZATION = Detector(
    "HTTP_AUTHORIZATION",
    (rb"(?i:basic) [A-Za-z0-9+/_-]{4}", rb"(?i:bearer) [A-Za-z0-9_.~+/-]{10}"),
    4,
    find,
    meaning="what stands behind `Basic` or `Bearer`",
    proof="a user and a colon in Base64; letters and digits",
    example="Basic " + "Ym9iOmh1bnRlcjI=",
    source="RFC 7617, RFC 6750",
)
