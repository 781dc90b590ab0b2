"""JWT: a signed, encrypted or unsecured token in compact form (RFC 7515 section 7.1, RFC 7516 section 7.1)."""

import base64
import binascii
import json
import re

from extproc.detectors.detector import Detector, Ranges

RUN = re.compile(r"[A-Za-z0-9_.-]+")
"""The characters of a token. A run ends where another character stands, so that no text is searched twice."""
START = "eyJ"
"""``{"`` in base64url: the beginning of a header."""
HEADER_MAX = 4_096
"""Characters of a header that are decoded."""
STARTS_MAX = 16
"""Offsets in one part at which a header may begin. A part with more makes the whole run a token."""
PARTS_AFTER_HEADER = 2
IN_A_TOKEN = re.compile(r"ghs_[A-Za-z0-9]{1,24}_")
"""What stands before a JWT that is a part of GitHub's token."""


def find(text: str, _: str) -> Ranges:
    """Yield tokens whose first part decodes to a header with ``alg`` (RFC 7515 section 4.1.1).

    A token reaches to the end of its run, including everything that is joined to it by dots.
    """
    for run in RUN.finditer(text):
        start = _header(run.group())
        if start >= 0 and not IN_A_TOKEN.fullmatch(run[0], 0, start):
            yield run.start() + start, run.end()


def _header(run: str) -> int:
    """Return where the first header begins in a run, -1 if there is none. Linear in the run."""
    parts = run.split(".")
    offset = 0
    for part in parts[:-PARTS_AFTER_HEADER]:
        starts = _starts(part)
        if len(starts) > STARTS_MAX:
            return offset + starts[0]
        for start in starts:
            if has_algorithm(part[start:]):
                return offset + start
        offset += len(part) + 1
    return -1


def _starts(part: str) -> list[int]:
    """Return where a header may begin, near enough to the end to be decoded.

    At most one offset more than ``STARTS_MAX`` is returned.
    """
    starts: list[int] = []
    at = part.find(START, max(0, len(part) - HEADER_MAX))
    while at >= 0 and len(starts) <= STARTS_MAX:
        starts.append(at)
        at = part.find(START, at + 1)
    return starts


def has_algorithm(part: str) -> bool:
    """Return whether base64url text is a JSON object with ``alg``."""
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


JWT = Detector(
    "JWT",
    (rb"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.",),
    5,
    find,
    meaning="a JSON web token: signed, encrypted or unsecured",
    proof="a header with `alg`",
    example="eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    source="RFC 7519",
)
