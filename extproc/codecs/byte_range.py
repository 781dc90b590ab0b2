"""Tells a response that is a part of a document (RFC 9110 section 14)."""

import re

from extproc.model.call import ResponseHead

PARTIAL = 206
_WHOLE = re.compile(r"bytes[ \t]+0-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_BYTES = re.compile(r"bytes\b", re.IGNORECASE)


def is_part(head: ResponseHead) -> bool:
    """Return whether a body is a part of the bytes of a document.

    Other units count elements, rows for example: such a body is a document by itself.
    """
    if head.status != PARTIAL:
        return False
    said = head.headers.get("content-range").strip()
    whole = _WHOLE.fullmatch(said)
    if whole:
        return int(whole[1]) + 1 != int(whole[2])
    return not said or _BYTES.match(said) is not None
