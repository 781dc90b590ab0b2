"""PRIVATE_KEY: a private key in armour, in PuTTY's file, or in a JSON Web Key.

Armour is PEM (RFC 7468), OpenPGP's or that of SSH2. A key that is cut off is masked to the end. Of a JSON Web Key
(RFC 7518 section 6, RFC 8037) in text its private members are masked, if it is written without blanks.
"""

import re

from extproc.detectors.detector import Detector, Ranges

LABEL = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?----"
PATTERN = re.compile(rf"-----?(?: |)BEGIN {LABEL}-?.*?(?:-----?(?: |)END {LABEL}-?|\Z)", re.DOTALL)
PUTTY = re.compile(r"Private-Lines:[ \t]{0,4}[0-9].*?(?:Private-(?:MAC|Hash): [0-9a-f]+|\Z)", re.DOTALL)
"""The private part of the file of a key of PuTTY."""
KEY_TYPE = re.compile(r"\\{0,3}\"kty\\{0,3}\":")
MEMBER = re.compile(r"\"(?:d|p|q|dp|dq|qi|k)\\{0,3}\":\\{0,3}\"([A-Za-z0-9_-]{8,})")
JWK_REACH = 8_192
"""Characters on each side of ``"kty"`` that are looked at."""
BLANK = re.compile(r"\s")


def find(text: str, _: str) -> Ranges:
    """Yield whole keys, armour included, and private members of JSON Web Keys."""
    for pattern in (PATTERN, PUTTY):
        for match in pattern.finditer(text):
            yield match.span()
    end = 0
    for match in KEY_TYPE.finditer(text):
        if match.start() < end:
            continue
        start, end = _object(text, match.start(), end)
        if not BLANK.search(text, start, end):
            yield from (member.span(1) for member in MEMBER.finditer(text, start, end))


def _object(text: str, at: int, least: int) -> tuple[int, int]:
    """Return the range of the object around an offset. Searches no character twice."""
    start = text.rfind("{", max(least, at - JWK_REACH), at)
    end = text.find("}", at, at + JWK_REACH)
    return (start if start >= 0 else at, end if end >= 0 else at + JWK_REACH)


PRIVATE_KEY = Detector(
    "PRIVATE_KEY",
    (rb"BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY", rb"Private-Lines:", rb"kty[^A-Za-z0-9]{1,8}:"),
    8,
    find,
    meaning="a private key in PEM, OpenPGP's or SSH2's armour, whole or cut off, or of PuTTY or a JSON Web Key",
    proof="armour",
    example="-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    source="RFC 7468, RFC 4716, RFC 7517",
)
