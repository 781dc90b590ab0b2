"""Text of calls, escaped so that it shows as itself: it moves no cursor, reorders nothing and hides nothing."""

import unicodedata

UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
"""General categories of characters that steer a terminal, reorder text, or look like nothing or like a space
(Unicode standard section 4.5; UTS 55 section 3)."""
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters of other categories that are invisible."""
SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
"""Variation selectors, which are invisible too."""


def printable(text: str) -> str:
    r"""Return the text with ``\uXXXX`` for each character that would not show as itself. Idempotent, one line."""
    return "".join(char if _shows(char) else _escape(ord(char)) for char in text)


def _shows(char: str) -> bool:
    if " " <= char <= "~":
        return True
    hidden = char in BLANK or any(ord(char) in selectors for selectors in SELECTORS)
    return not hidden and unicodedata.category(char) not in UNSEEN


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the size of the notation
