"""Check JSON values, strictly by type: ``True`` is not 1, and an unknown key is an error."""

import difflib
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")
KEY_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,31}")
"""Keys that are repeated in errors. Others may be values that a policy uses as keys."""


class Malformed(ValueError):
    """A value does not have the required shape. Never leaves this package: it becomes a denial."""


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, if it is an object."""
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return value


def known_keys(value: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """The object, if it has only these keys."""
    if not known.issuperset(value):
        raise Malformed(_unknown_key(min(value.keys() - known), known))
    return value


def _unknown_key(key: str, known: frozenset[str]) -> str:
    """The error for a key. It goes into the record, so a key that may be a value is not repeated."""
    if not KEY_NAME.fullmatch(key):
        return f"unknown key of {len(key)} characters (known: {', '.join(sorted(known))})"
    close = difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known))}"
    return f"unknown key {key} ({hint})"


def named(name: str, read: Callable[..., T], *arguments: Any) -> T:
    """The result of ``read(*arguments)``. An error names the part of the answer that is wrong."""
    try:
        return read(*arguments)
    except Malformed as error:
        raise Malformed(f"{name}: {error}") from None


def sequence(value: Any, longest: int) -> list[Any]:
    """The value, if it is an array of at most ``longest`` items."""
    if not isinstance(value, list) or len(value) > longest:
        raise Malformed("not an array, or too long")
    return value


def text(value: Any, longest: int) -> str:
    """The value, if it is printable text of at most ``longest`` characters."""
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise Malformed("not text, or too long")
    return value


def flag(value: Any) -> bool:
    """The value, if it is a boolean."""
    if not isinstance(value, bool):
        raise Malformed("not a boolean")
    return value


def member(kind: type[E], value: Any) -> E:
    """The member of a closed list that has this value."""
    if not isinstance(value, str):
        raise Malformed("not text")
    try:
        return kind(value)
    except ValueError:
        raise Malformed(f"not one of {', '.join(kind)}") from None
