"""PRIVATE_KEY: a private key in PEM (RFC 7468) or OpenPGP armour. A key that is cut off is masked to the end."""

import re

from extproc.detectors.detector import Detector, Ranges

LABEL = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
PATTERN = re.compile(rf"-----BEGIN {LABEL}.*?(?:-----END {LABEL}|\Z)", re.DOTALL)


def find(text: str, _: str) -> Ranges:
    """Yield whole keys, armour included."""
    for match in PATTERN.finditer(text):
        yield match.span()


PRIVATE_KEY = Detector(
    "PRIVATE_KEY",
    (rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",),
    27,
    find,
    meaning="a private key in PEM or OpenPGP armour, whole or cut off",
    proof="its first line",
    example="-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    source="RFC 7468, RFC 9580",
)
