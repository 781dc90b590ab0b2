"""Normal forms of names and of text: ``userPhone``, ``USER-PHONE`` and ``User Phone`` are one name."""

import re
import unicodedata
from functools import lru_cache

NAMES_CACHED = 8_192
"""Names whose normal form is remembered; most documents repeat the same few."""
LETTER = re.compile(r"[^\W\d_]")
"""A letter of any script."""
NAME_LONGEST = 256
"""Last characters of a name that count."""
_BRANDS = re.compile(r"\biP(?=hones?(?![a-z]))")
_HUMPS = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])"
)
_JOINS, _NAME_JOINS = re.compile(r"[_./-]{1,3}"), re.compile(r"[ _./-]{1,3}")
_BREAKS = re.compile(r"[^\w \u0e31\u0e34-\u0e3a\u0e47-\u0e4e]+")
"""Marks between words; those of Thai belong to letters."""


@lru_cache(maxsize=NAMES_CACHED)
def normal_name(name: str) -> str:
    """Return a name's parts in small letters without accents, each between underscores: ``_user_phone_``.

    Args:
        name: in ``snake_case``, ``camelCase``, as words, as a path, or in any other way.

    Returns:
        The parts; empty if there is none.
    """
    parts = _BREAKS.sub("|", _NAME_JOINS.sub("_", _split(name[-NAME_LONGEST:]))).strip("_| ").lower()
    return f"_{parts}_" if parts else ""


def normal_text(text: str) -> str:
    """Return text in small letters without accents, ``_`` between parts of a name, and ``|`` for other marks."""
    return _BREAKS.sub("|", _JOINS.sub("_", _split(text))).lower()


def without_accents(text: str) -> str:
    """Return a text without accents: ``téléphone`` becomes ``telephone``, ``ß`` becomes ``ss``."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text.translate(_LETTERS))
    return unicodedata.normalize("NFC", "".join(char for char in decomposed if not "\u0300" <= char <= "\u036f"))


_LETTERS = str.maketrans({"ß": "ss", "ẞ": "SS", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "\u0131": "i"})


def _split(name: str) -> str:
    """Separate words that begin with a capital or a digit. ``iPhone`` is one word."""
    return _HUMPS.sub("_", _BRANDS.sub("Ip", without_accents(name)))
