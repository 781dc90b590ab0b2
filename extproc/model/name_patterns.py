"""Patterns of functions' names: a beginning, with ``*`` at its end.

A name may have a kind before a colon: ``prompt:summarize``. A pattern without a kind is of names without one.
Stars are part of the name of a resource, ``resource:file:///docs/*``: it is no pattern of others.
"""

ANY = "*"
KIND_END = ":"
STARRED = "resource:"
"""The kind of names that may have stars."""


def is_open(pattern: str) -> bool:
    """Return whether a pattern may match other names than itself."""
    return pattern.endswith(ANY) and (pattern == STARRED + ANY or not pattern.startswith(STARRED))


def matches(pattern: str, name: str) -> bool:
    """Return whether a name is one of a pattern's. A pattern without ``*`` is a whole name."""
    if not is_open(pattern):
        return name == pattern
    return name.startswith(pattern[:-1]) and (KIND_END in name) == (KIND_END in pattern)


def overlap(pattern: str, other: str) -> bool:
    """Return whether some name could match two patterns that are both open."""
    own, its = pattern[:-1], other[:-1]
    return (own.startswith(its) or its.startswith(own)) and (KIND_END in own) == (KIND_END in its)
