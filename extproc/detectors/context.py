"""Words that say what a number is: in the keys above it, or shortly before it."""

import re

REACH = 40
"""Characters before a value in which a word counts."""
_NAME_BEFORE = re.compile(r"([A-Za-z0-9_-]{1,64})[\"']?\s{0,3}[:=]\s{0,3}[\"']?\Z")
_LABEL_BEFORE = re.compile(r"[\[<][A-Z_]*\Z")


def telling(words: str) -> re.Pattern[str]:
    """The pattern of some words, whatever their letter case."""
    return re.compile(words, re.IGNORECASE | re.ASCII)


def told(words: re.Pattern[str], text: str, at: int, context: str) -> bool:
    """Whether a word is in the context, or shortly before an offset.

    A mask's own label, ``[US_PASSPORT]``, tells nothing.

    Args:
        words: as from ``telling``.
        text: the text.
        at: where the value begins.
        context: the keys above it.
    """
    return _any(words, context, 0, len(context)) or _any(words, text, max(0, at - REACH), at)


def name_of(text: str, at: int, context: str) -> str:
    """What a value is called: the name right before it in its text, as in ``name: value``, or the key above it."""
    match = _NAME_BEFORE.search(text, max(0, at - 72), at)
    return match[1] if match else context.rpartition("\n")[2]


def _any(words: re.Pattern[str], text: str, start: int, end: int) -> bool:
    matches = words.finditer(text, start, end)
    return any(not _LABEL_BEFORE.search(text, max(0, match.start() - REACH), match.start()) for match in matches)
