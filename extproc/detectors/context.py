"""Words that say what a number is: in the keys above it, or shortly before it."""

import re

REACH = 40
"""Characters before a value in which a word counts."""
_NAME_BEFORE = re.compile(r"([A-Za-z0-9_-]{1,64})[\"']?\s{0,3}[:=]\s{0,3}[\"']?\Z")


def telling(words: str) -> re.Pattern[str]:
    """The pattern of some words, whatever their letter case."""
    return re.compile(words, re.IGNORECASE | re.ASCII)


def told(words: re.Pattern[str], text: str, at: int, context: str) -> bool:
    """Whether a word is in the context, or shortly before an offset.

    Args:
        words: as from ``telling``.
        text: the text.
        at: where the value begins.
        context: the keys above it.
    """
    return bool(words.search(text, max(0, at - REACH), at) or words.search(context))


def name_of(text: str, at: int, context: str) -> str:
    """What a value is called: the name right before it in its text, as in ``name: value``, or the key above it."""
    match = _NAME_BEFORE.search(text, max(0, at - 72), at)
    return match[1] if match else context.rpartition("\n")[2]
