"""Words that say what a value is: in the keys above it, or shortly before it."""

import re

REACH = 40
"""Characters before a value in which a word counts."""
NAME_REACH = 112
"""Characters before a value in which its name is looked for."""
_NAME_BACKWARDS = re.compile(
    r"""[\"']?\\{0,3}\s{0,3}>?[:=]{1,2}\s{0,3}[\"']?\\{0,3}([A-Za-z0-9_-]{1,64})"""
    r"""|\s{0,3}>(?:[^<>]{0,40}\s)?([A-Za-z0-9_.-]{1,64})(?::[A-Za-z0-9_.-]{1,20})?<"""
    r"""|\s{0,3}\]([A-Za-z0-9_-]{1,64})\["""
)
"""``name: ``, ``"name": "``, ``name=``, ``<name>``, ``<x:name a="b">`` and ``[name] ``, read from their end."""
_SCHEME_BACKWARDS = re.compile(r":[A-Za-z0-9+.-]{1,20}")
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_BESIDE = 3
"""Blanks on each side of a value that is all of a text."""


def telling(words: str) -> re.Pattern[str]:
    """The pattern of some words, whatever their letter case."""
    return re.compile(words, re.IGNORECASE | re.ASCII)


def ending(words: str) -> re.Pattern[str]:
    """The pattern of names in ``snake_case`` that end with one of some words."""
    return re.compile(rf"(?:\A|_)(?:{words})\Z")


def is_called(words: re.Pattern[str], name: str) -> bool:
    """Whether a name, in ``snake_case``, ``camelCase`` or any other, ends so.

    Args:
        words: as from ``ending``.
        name: may be empty, which ends with nothing.
    """
    return words.search(_WORD_ENDS.sub("_", name).strip("_").lower()) is not None


def told(words: re.Pattern[str], text: str, at: int, context: str) -> bool:
    """Whether a word is in the context, or shortly before an offset.

    Args:
        words: as from ``telling``.
        text: the text.
        at: where the value begins.
        context: the keys above it.
    """
    return _told_before(words, text, at) or words.search(context) is not None


def told_of(words: re.Pattern[str], about: re.Pattern[str], text: str, at: int, context: str) -> bool:
    """As ``told``, unless the value's name says that it is something about that: ``secret_name``.

    The name is the one right before it; or the key above it, but only where it is keys that tell. What a text says
    by itself holds under any key.

    Args:
        words: as from ``telling``.
        about: as from ``ending``.
        text: the text.
        at: where the value begins.
        context: the keys above it.
    """
    if _told_before(words, text, at):
        return not is_called(about, name_before(text, at))
    return words.search(context) is not None and not is_called(about, name_of(text, at, context))


def name_before(text: str, at: int) -> str:
    """The name right before a value, as in ``name: value``; empty where there is none. A URL's scheme is none."""
    before = text[max(0, at - NAME_REACH) : at][::-1]
    if text.startswith("//", at) and (scheme := _SCHEME_BACKWARDS.match(before)):
        before = before[scheme.end() :]
    match = _NAME_BACKWARDS.match(before)
    return (match[1] or match[2] or match[3])[::-1] if match else ""


def name_of(text: str, at: int, context: str) -> str:
    """What a value is called: the name right before it, or the key above it."""
    return name_before(text, at) or _last(context)


def own_name(text: str, start: int, end: int, context: str) -> str:
    """As ``name_of``, but for the key above only where the value is all of the text."""
    name = name_before(text, start)
    if name or start > _BESIDE or len(text) - end > _BESIDE or (text[:start] + text[end:]).strip():
        return name
    return _last(context)


def _told_before(words: re.Pattern[str], text: str, at: int) -> bool:
    return words.search(text, max(0, at - REACH), at) is not None


def _last(context: str) -> str:
    return context.rpartition("\n")[2]
