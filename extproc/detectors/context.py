"""Context: words that say what a value is, in the keys above it or shortly before it."""

import re

NO_NAME = "\n"
"""The context of a value of a document whose keys say nothing. Text outside of documents has none."""
REACH = 40
"""Characters before a value in which a word counts."""
NAME_REACH = 112
"""Characters before a value in which its name is looked for."""
_NAME_BACKWARDS = re.compile(
    r"""[\"'`]?\\{0,3}\s{0,3}>?(?:=\s?(?:gnirt[sS]|rts)(?:\s?:\s?|\s)|[:=]{1,2}[:?.+]{0,2}\s{0,3})"""
    r"""[\"'`]?\\{0,3}([A-Za-z0-9_-](?:[A-Za-z0-9_-]|/(?=[A-Za-z])){0,63})"""
    r"""|[\"'`]\\{0,3}\s{0,3},\\{0,3}[\"'`]([A-Za-z0-9_.-]{1,64})\\{0,3}[\"'`]\("""
    r"""|\s{0,16}>(?:[^<>]{0,40}\s)?([A-Za-z0-9_.-]{1,64})(?::[A-Za-z0-9_.-]{1,20})?<"""
    r"""|\s{0,3}\]([A-Za-z0-9_-]{1,64})\["""
)
"""``name: ``, ``"name": "``, ``name=``, ``name string = ``, ``call("name", "``, ``<name>``, ``<x:name a="b">`` and
``[name] ``, read from their end."""
_SCHEME_BACKWARDS = re.compile(r":[A-Za-z0-9+.-]{1,20}")
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_BESIDE = 3
"""Most blanks on each side of a value that is all of a text."""


def context_words(words: str) -> re.Pattern[str]:
    """Compile a pattern of words, in any letter case."""
    return re.compile(words, re.IGNORECASE | re.ASCII)


def name_endings(words: str) -> re.Pattern[str]:
    """Compile a pattern of names in ``snake_case`` that end with one of some words."""
    return re.compile(rf"(?:\A|_)(?:{words})\Z")


def ends_with(endings: re.Pattern[str], name: str) -> bool:
    """Return whether a name, in ``snake_case``, ``camelCase`` or any other case, has one of some endings.

    Args:
        endings: as ``name_endings`` returns them.
        name: may be empty, which has no ending.
    """
    return endings.search(_WORD_ENDS.sub("_", name).strip("_").lower()) is not None


def in_context(words: re.Pattern[str], text: str, at: int, keys: str) -> bool:
    """Return whether a word is in the keys above a value, or shortly before it.

    Args:
        words: as ``context_words`` returns them.
        text: the text.
        at: where the value begins.
        keys: the keys above it.
    """
    return _is_shortly_before(words, text, at) or words.search(keys) is not None


def name_before(text: str, at: int) -> str:
    """Return the name right before a value, as in ``name: value``; empty if there is none.

    A URL's scheme is not a name.
    """
    before = text[max(0, at - NAME_REACH) : at][::-1]
    if text.startswith("//", at) and (scheme := _SCHEME_BACKWARDS.match(before)):
        before = before[scheme.end() :]
    match = _NAME_BACKWARDS.match(before)
    return (match[1] or match[2] or match[3] or match[4])[::-1] if match else ""


def name_of(text: str, at: int, keys: str) -> str:
    """Return the name of a value: the one right before it, or the key above it."""
    return name_before(text, at) or last_name(keys)


def own_name(text: str, start: int, end: int, keys: str) -> str:
    """As ``name_of``, but the key above counts only if the value is all of the text."""
    name = name_before(text, start)
    if name or start > _BESIDE or len(text) - end > _BESIDE or (text[:start] + text[end:]).strip():
        return name
    return last_name(keys)


def _is_shortly_before(words: re.Pattern[str], text: str, at: int) -> bool:
    return words.search(text, max(0, at - REACH), at) is not None


def last_name(keys: str) -> str:
    """Return the last of the keys above a value: its own."""
    return keys.rpartition("\n")[2]
