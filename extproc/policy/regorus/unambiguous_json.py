"""Whether a JSON text means the same to every reader."""

import json
from typing import Any

import orjson

LEAST, MOST = -(1 << 63), (1 << 64) - 1
"""Integers outside become floats in the embedded engine."""


def has_one_reading(document: bytes) -> bool:
    """Whether no object has a key twice, every integer is kept exactly, and nothing but JSON is in it.

    What orjson writes again byte by byte, as it does for our own documents, is so; the rest is looked at closely.
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
        ValueError: it has, or the text is not JSON.
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
