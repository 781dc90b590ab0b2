"""Compute one digest over several texts."""

import hashlib
from collections.abc import Iterable


def digest(parts: Iterable[str]) -> str:
    """SHA-256 over the parts, each preceded by its length in 8 bytes; lower-case hex."""
    hashed = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        hashed.update(len(raw).to_bytes(8) + raw)
    return hashed.hexdigest()
