"""Text of calls on a terminal, escaped so that it cannot move the cursor, set a title, reorder or hide text."""

import io
import json
import sys
import unicodedata

from rich.console import Console, RenderableType
from rich.text import Text

UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
"""General categories of characters that steer a terminal, reorder text, or look like nothing or like a space
(Unicode standard section 4.5; UTS 55 section 3)."""
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters of other categories that are invisible."""
PIPE = 10_000
"""Columns of output that does not go to a terminal."""
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


def plain(value: object, style: str = "") -> Text:
    """Return any value as the text of a table's cell: printable, and never read as markup."""
    if isinstance(value, list | tuple):
        value = ", ".join(str(item) for item in value)
    return Text("" if value is None else printable(str(value)), style=style)


def display(what: RenderableType, *, pipe: int = PIPE) -> None:
    """Print a table: as wide as the terminal; into a file or a pipe, nothing is cut, folded or padded.

    Args:
        what: the table, or anything else that rich can render.
        pipe: columns of a file or a pipe.
    """
    if sys.stdout.isatty():
        Console().print(what)
        return
    rendered = io.StringIO()
    Console(width=pipe, file=rendered).print(what)
    sys.stdout.write("\n".join(line.rstrip(" ") for line in rendered.getvalue().split("\n")))


def pretty_json(text: str) -> tuple[str, bool]:
    """Format JSON text over several lines, printable.

    Escapes made here are valid inside JSON strings, where a backslash of the value is doubled: no value can
    pretend to be an escape.

    Returns:
        The lines, and whether the text was JSON. Other text is returned as one printable line.
    """
    try:
        lines = json.dumps(json.loads(text), indent=2, ensure_ascii=False).split("\n")
    except (ValueError, RecursionError):
        return printable(text), False
    return "\n".join(printable(line) for line in lines), True
