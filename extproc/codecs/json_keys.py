"""Reads a request's JSON, and refuses documents that a backend could read differently."""

import unicodedata

from extproc.codecs.strict_json import cut_at_nul, parse
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Json
from extproc.model.odd_bodies import Odd
from extproc.model.reasons import Uninspectable

DOTTED_I = "i\u0307"
"""The lower case of the Turkish capital I with a dot."""


def read_document(body: bytes, *, max_depth: int) -> Json:
    """Parse a request's body.

    Raises:
        Unreadable: the body is not strict JSON, or has an object with keys that a lenient reader confuses.
    """
    document = parse(body, max_depth=max_depth)
    check_distinct(document)
    return document


def check_distinct(document: Json) -> None:
    """Refuse objects in which two keys differ only in case, in compatibility forms, or behind a NUL.

    Go's decoder, among others, matches names case-insensitively (even the long s with s) and takes the last one:
    policy would read one value and the backend another. Java takes both Turkish forms of i for i.

    Raises:
        Unreadable: with ``duplicate-keys``.
    """
    left: list[Json] = [document]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if len(value) > 1 and len({fold(key) for key in value}) < len(value):
                raise Unreadable(Uninspectable.DUPLICATE_KEYS, Odd.SIMILAR_KEY)
            left += value.values()
        elif isinstance(value, list):
            left += value


def fold(key: str) -> str:
    """Return a key as the most lenient reader compares it. A key that begins with a NUL keeps it."""
    if "\0" in key:
        key = cut_at_nul(key) or key
    if key.isascii():
        return key.lower()
    return unicodedata.normalize("NFKC", key).upper().casefold().replace(DOTTED_I, "i")


def fold_parameter(name: str) -> str:
    """Return a query or form parameter's name as the most lenient server reads it: ``a[]`` and ``A`` are ``a``.

    PHP also reads ``a.b`` and ``a b`` as ``a_b``.
    """
    return fold(name.partition("[")[0].strip()).replace(".", "_").replace(" ", "_")
