"""CONNECTION_STRING: the password in an address, ``scheme://user:password@host`` (RFC 3986 section 3.2.1)."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,20}://([^\s:/?#@\"'<>\[\]\\]{0,128}):([^\s/?#@\"'<>\\]{1,256})@(?=[^\s@])"
)
PLACEHOLDER = re.compile(r"[*]+.{0,4}|[$%{(\[].*|x+|password|pass|secret", re.IGNORECASE)
"""Placeholders of documentation, and labels of masking."""


def find(text: str, _: str) -> Ranges:
    """Yield passwords."""
    for match in PATTERN.finditer(text):
        if not PLACEHOLDER.fullmatch(match[2]):
            yield match.span(2)


CONNECTION_STRING = Detector(
    "CONNECTION_STRING",
    (rb"""://[^ /?#@"'<>\\\t-\r\x1c-\x1f]{0,128}:[^ /?#@"'<>\\\t-\r\x1c-\x1f]{1,256}@""",),
    1,
    find,
    meaning="the password in `scheme://user:password@host`",
    proof="its place",
    example="ftp://app:s3cr3t@db",
    source="RFC 3986",
)
