"""Patterns of the names and URIs that an MCP connection registers.

A name is registered whole, or by its beginning and one ``*``. In a URI, ``**`` stands for anything and ``*`` for
anything within a segment. A URI that readers could take for another one matches no pattern.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from extproc.model.name_patterns import ANY
from extproc.protocols.mcp.uri_readings import NO_PATH, as_read, decoded

PLAIN_NAME = r"[A-Za-z0-9_./-]{1,128}"
"""Characters of tools. Without a colon: see ``extproc.protocols.mcp.functions``."""
METHOD_NAME = r"(?=.{1,128}$)[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+"
"""Characters of methods. They have a slash, as MCP's own: ``*`` registers no method with the name of a tool."""
PRINTABLE_NAME = r"[^\x00-\x1f\x7f*]{1,128}"
"""Characters of prompts. Without the star of patterns."""
URI = re.compile(r"[^\x00-\x20\x7f\\]{1,2048}")
STARS = (("**", "\ue001"), (ANY, "\ue000"))
"""Stars, and what stands for them while a pattern is read as a URI: no reader changes it."""


class NamePatterns:
    """Names, whole or by their beginning."""

    def __init__(self, patterns: Iterable[str], characters: str) -> None:
        """Read the patterns.

        Args:
            patterns: whole names, and beginnings with ``*`` at their end.
            characters: a regular expression for a name that is registered by its beginning only.
        """
        patterns = tuple(patterns)
        self._names = frozenset(each for each in patterns if not each.endswith(ANY))
        self._beginnings = tuple(each[:-1] for each in patterns if each.endswith(ANY))
        self._plain = re.compile(characters)

    def __bool__(self) -> bool:
        """Return whether any name is registered."""
        return bool(self._names or self._beginnings)

    def __contains__(self, name: str) -> bool:
        """Return whether the name is registered whole."""
        return name in self._names

    def match(self, name: str) -> bool:
        """Return whether the name is registered."""
        return name in self or (name.startswith(self._beginnings) and bool(self._plain.fullmatch(name)))


class UriPatterns:
    """URIs, whole or by a pattern."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Read the patterns."""
        patterns = frozenset(patterns)
        self._whole = frozenset(each for each in patterns if ANY not in each)
        self._as_written = _longest_first(map(_as_written, patterns - self._whole))
        self._as_read = _longest_first(map(_as_read, patterns))
        self._texts = {each.name: each.text for each in self._as_read}

    def __bool__(self) -> bool:
        """Return whether any URI is registered."""
        return bool(self._whole or self._as_written)

    def __contains__(self, pattern: str) -> bool:
        """Return whether this is one of the URIs and patterns, as written."""
        return pattern in self._texts

    def match(self, uri: str) -> str | None:
        """Return the pattern that registers the URI: itself, else the longest that matches; None if none does.

        None also where a reader could take the URI for one that another pattern registers, or none.
        """
        if uri in self._whole:
            return uri
        found = _first(self._as_written, uri)
        if found is None or not URI.fullmatch(uri):
            return None
        plain = decoded(uri)
        return found.name if plain is not None and self._is_meant(found.name, plain) else None

    def _is_meant(self, name: str, plain: str) -> bool:
        """Return whether lenient readers find the same pattern, also those that know no query and no fragment."""
        readings = {plain} if NO_PATH.search(name) else {plain, NO_PATH.split(plain, maxsplit=1)[0]}
        found = [_first(self._as_read, as_read(each)) for each in readings]
        return all(each is not None and each.text == self._texts[name] for each in found)


class _Pattern(NamedTuple):
    name: str
    """The pattern as it is registered."""
    text: str
    """The pattern as it is compared."""
    expression: re.Pattern[str]


def _as_written(pattern: str) -> _Pattern:
    return _Pattern(pattern, pattern, compile_uri(pattern))


def _as_read(pattern: str) -> _Pattern:
    text = pattern
    for star, mark in STARS:
        text = text.replace(star, mark)
    plain = decoded(text)
    text = as_read(text if plain is None else plain)
    for star, mark in STARS:
        text = text.replace(mark, star)
    if text.endswith(ANY):
        return _Pattern(pattern, text, compile_uri(text))
    text = text.rstrip("/")
    return _Pattern(pattern, text, compile_uri(text, end="/?"))


def _longest_first(patterns: Iterator[_Pattern]) -> tuple[_Pattern, ...]:
    """Return the patterns with the most other characters than stars first, and ``*`` before ``**``."""
    return tuple(sorted(patterns, key=_rank))


def _rank(pattern: _Pattern) -> tuple[int, int, str]:
    stars = pattern.text.count(ANY)
    return stars - len(pattern.text), stars, pattern.name


def _first(patterns: tuple[_Pattern, ...], uri: str) -> _Pattern | None:
    return next((each for each in patterns if each.expression.fullmatch(uri)), None)


def compile_uri(pattern: str, end: str = "") -> re.Pattern[str]:
    """Return the regular expression for a pattern of URIs, and for what may follow at its end."""
    parts = (
        ".*" if part == "**" else "[^/?#]*" if part == ANY else re.escape(part)
        for part in re.split(r"(\*\*?)", pattern)
    )
    return re.compile("".join(parts) + end, re.DOTALL)
