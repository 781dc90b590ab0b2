"""Translate globs, as OPA's ``glob.match`` reads them, into regular expressions."""

import re
from functools import lru_cache


class BadGlob(ValueError):
    """A malformed glob."""


@lru_cache(maxsize=1_024)
def glob_expression(pattern: str, separators: str) -> str:
    """A regular expression that matches the same texts, as a whole.

    Raises:
        BadGlob: the glob is malformed.
    """
    found, end = _glob_sequence(pattern, 0, separators, within=False)
    if end != len(pattern):
        raise BadGlob("malformed glob")
    return f"(?s)^(?:{found})$"


def _glob_sequence(pattern: str, at: int, separators: str, *, within: bool) -> tuple[str, int]:
    one = f"[^{re.escape(separators)}]" if separators else "."
    out: list[str] = []
    while at < len(pattern):
        char = pattern[at]
        if within and char in ",}":
            break
        if char == "*":
            out.append(".*" if pattern.startswith("**", at) else f"{one}*")
            at += 2 if pattern.startswith("**", at) else 1
            continue
        piece, at = _glob_piece(pattern, at, separators, one)
        out.append(piece)
    return "".join(out), at


def _glob_piece(pattern: str, at: int, separators: str, one: str) -> tuple[str, int]:
    char = pattern[at]
    if char == "?":
        return one, at + 1
    if char == "[":
        return _glob_class(pattern, at)
    if char == "{":
        return _glob_choice(pattern, at, separators)
    if char == "\\":
        if at + 1 == len(pattern):
            raise BadGlob("malformed glob")
        return re.escape(pattern[at + 1]), at + 2
    return re.escape(char), at + 1


def _glob_class(pattern: str, at: int) -> tuple[str, int]:
    """Translate ``[abc]``, ``[a-z]``, ``[!abc]``: a list or one range, as in OPA's globs."""
    end = pattern.find("]", at)
    inner = pattern[at + 1 : end]
    negated = inner.startswith("!")
    inner = inner[negated:]
    if end < 0 or not inner:
        raise BadGlob("malformed glob")
    ranged = len(inner) == len("a-z") and inner[1] == "-"
    body = f"{re.escape(inner[0])}-{re.escape(inner[2])}" if ranged else re.escape(inner)
    return f"[{'^' if negated else ''}{body}]", end + 1


def _glob_choice(pattern: str, at: int, separators: str) -> tuple[str, int]:
    choices = []
    while pattern[at : at + 1] != "}":
        if at >= len(pattern):
            raise BadGlob("malformed glob")
        choice, at = _glob_sequence(pattern, at + 1, separators, within=True)
        choices.append(choice)
    return f"(?:{'|'.join(choices)})", at + 1
