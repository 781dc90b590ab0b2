"""Patterns of functions' names: a beginning, with ``*`` at its end.

A name may have a kind before a colon: ``prompt:summarize``. A pattern without a kind is of names without one.
"""

ANY = "*"
KIND_END = ":"


def matches(pattern: str, name: str) -> bool:
    """Return whether a name is one of a pattern's. A pattern without ``*`` is a whole name."""
    if not pattern.endswith(ANY):
        return name == pattern
    return name.startswith(pattern[:-1]) and (KIND_END in name) == (KIND_END in pattern)


def may_share(pattern: str, beginning: str) -> bool:
    """Return whether some name of a pattern begins with this text."""
    if not pattern.endswith(ANY):
        return pattern.startswith(beginning)
    own = pattern[:-1]
    if own.startswith(beginning):
        return True
    return beginning.startswith(own) and (KIND_END in pattern or KIND_END not in beginning)
