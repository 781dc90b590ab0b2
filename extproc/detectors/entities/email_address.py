"""EMAIL_ADDRESS: local part, at sign, and a domain with a top-level name; international ones too (RFC 6531)."""

import re

from extproc.detectors.detector import Detector, Ranges

LOCAL_MAX = 64
"""RFC 5321 section 4.5.3.1.1."""
LOCAL_REVERSED = re.compile(r"[\w.%+'-]+")
DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,10}(?:xn--[\w-]{1,59}|[^\W\d_]{2,63})")


def find(text: str, _: str) -> Ranges:
    """Yield an address around each at sign that has one."""
    at = text.find("@")
    while at >= 0:
        local = LOCAL_REVERSED.match(text[max(0, at - LOCAL_MAX) : at][::-1])
        domain = DOMAIN.match(text, at + 1)
        if local and domain:
            yield at - local.end(), domain.end()
        at = text.find("@", at + 1)


EMAIL_ADDRESS = Detector(
    entity="EMAIL_ADDRESS",
    prefilter=(rb"[\w.%+'\x80-\xff-]@[\w\x80-\xff-]+\.[\w\x80-\xff-]",),
    shortest=6,
    find=find,
    canonical=str.lower,
    meaning="an e-mail address, international ones too",
    example="bob@example.com",
    source="RFC 5321, RFC 6531",
)
