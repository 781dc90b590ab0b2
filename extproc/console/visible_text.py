"""Text of calls in pages: escaped, with a mark at every character that would hide, steer or reorder text."""

import unicodedata
from itertools import groupby

from markupsafe import Markup, escape

from extproc.console.printable import printable

UNNAMED = "control character"
"""For characters that the Unicode standard gives no name (its section 4.8)."""


def visible(value: object) -> Markup:
    r"""Return any value as HTML of one line. A hidden character is a marked ``\uXXXX``, with its name as title.

    A text of the caller that spells ``\u202e`` itself has no such mark.
    """
    text = str(value)
    if printable(text) == text:
        return escape(text)
    return Markup().join(
        escape("".join(run)) if shows else Markup().join(map(_marked, run))
        for shows, run in groupby(text, key=lambda char: printable(char) == char)
    )


def hidden_characters(text: str) -> tuple[str, ...]:
    """Return the names of the hidden characters of a text, each once, in order. Line ends and tabs are none."""
    found = dict.fromkeys(char for char in text if char not in "\n\t" and printable(char) != char)
    return tuple(_name(char) for char in found)


def _marked(char: str) -> Markup:
    return Markup('<span class="hidden" title="{}">{}</span>').format(_name(char), printable(char))


def _name(char: str) -> str:
    return unicodedata.name(char, UNNAMED).lower()


def visible_lines(value: object) -> Markup:
    """Return any value as HTML that keeps line ends and tabs, each with a mark."""
    shown = (
        Markup('<span class="eol" aria-hidden="true">→</span>\t').join(map(visible, line.split("\t")))
        for line in str(value).split("\n")
    )
    return Markup('<span class="eol" aria-hidden="true">↵</span>\n').join(shown)
