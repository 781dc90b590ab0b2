"""Tags that only this installation can make: what it gave to one caller cannot be forged, or used by another."""

import base64
import hashlib
import hmac

TAG_BYTES = 16


def tag(key: bytes, *parts: str) -> str:
    """Return the tag of texts in their order, in letters, digits, ``-`` and ``_``.

    Args:
        key: the installation's secret.
        parts: the first says what the tag is for; no two uses share it.
    """
    text = b"".join(len(part := each.encode()).to_bytes(4, "big") + part for each in parts)
    digest = hmac.digest(key, text, hashlib.sha256)[:TAG_BYTES]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
