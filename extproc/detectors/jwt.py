"""JWT: a signed, encrypted or unsecured token in compact form (RFC 7515 section 7.1, RFC 7516 section 7.1)."""

import base64
import binascii
import json
import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){2,4}")
HEADER_MAX = 4_096
"""Characters of a header that are decoded."""


def find(text: str, _: str) -> Ranges:
    """Yield tokens whose first part decodes to a header with ``alg`` (RFC 7515 section 4.1.1)."""
    for match in PATTERN.finditer(text):
        if has_algorithm(match.group().partition(".")[0][:HEADER_MAX]):
            yield match.span()


def has_algorithm(part: str) -> bool:
    """Whether base64url text is a JSON object with ``alg``."""
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


JWT = Detector("JWT", (rb"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.",), 5, find)
