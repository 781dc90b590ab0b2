"""Integers that RFC 8785 cannot write, taken out of a document and listed, so that its digest still names them."""

from collections.abc import Iterator

EXACT = 2**53 - 1
"""The largest integer that RFC 8785 can write (RFC 7493 section 2.2)."""


def writable(value: object) -> object:
    """Return the value with ``null`` for each integer that RFC 8785 cannot write."""
    if isinstance(value, dict):
        return {name: writable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [writable(item) for item in value]
    return None if _is_large(value) else value


def large_integers(value: object) -> list[list[str]]:
    """Return each such integer's JSON pointer (RFC 6901) and decimal digits, in order."""
    return sorted([pointer, digits] for pointer, digits in _large_under(value, ""))


def _is_large(value: object) -> bool:
    return isinstance(value, int) and abs(value) > EXACT


def _large_under(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _large_under(member, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _large_under(item, f"{pointer}/{index}")
    elif _is_large(value):
        yield pointer, str(value)
