"""Check that a JSON text means the same to every reader."""

import json
from typing import Any

import orjson

LEAST, MOST = -(1 << 63), (1 << 64) - 1
"""The integers that the embedded engine keeps exactly; others become floats."""


def has_one_reading(document: bytes) -> bool:
    """True if it is JSON, no object has a key twice, and the engine keeps every integer exactly.

    A document that orjson parses and writes again byte for byte passes at once, as the guard's own documents do;
    others are checked in detail.
    """
    try:
        if orjson.dumps(orjson.loads(document)) == document:
            return True
        json.loads(document, object_pairs_hook=_unique, parse_int=_exact, parse_constant=_no_constant)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def parse_unique(text: str) -> Any:
    """Parse JSON in which no object has a key twice.

    Raises:
        ValueError: a key is given twice, or the text is not JSON.
    """
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("key given twice")
    return unique


def _exact(digits: str) -> None:
    if not LEAST <= int(digits) <= MOST:
        raise ValueError("integer out of range")


def _no_constant(_: str) -> None:
    raise ValueError("not JSON")
