"""Patterns of the names and URIs that an MCP connection registers.

A name is registered whole, or by its beginning and one ``*``. In a URI, ``**`` stands for anything and ``*`` for
anything within a segment. A URI that readers could take for another one matches no pattern.

Source of what a URI may be read as: RFC 3986 sections 5.2.4 and 6.2.2.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from extproc.model.name_patterns import ANY

PLAIN_NAME = r"[A-Za-z0-9_./-]{1,128}"
"""Characters of tools. Without a colon: see ``extproc.protocols.mcp.functions``."""
METHOD_NAME = r"(?=.{1,128}$)[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+"
"""Characters of methods. They have a slash, as MCP's own: ``*`` registers no method with the name of a tool."""
PRINTABLE_NAME = r"[^\x00-\x1f\x7f]{1,128}"
"""Characters of prompts."""
URI = re.compile(r"[^\x00-\x20\x7f\\]{1,2048}")
CONFUSING = re.compile(r"[\x00-\x1f\x7f\\]|(?:^|[/?#])\.\.?(?:;[^/?#]*)?(?=[/?#]|$)")
"""A control character, a backslash, or a dot segment, which may have parameters."""
ROUNDS = 3
"""How often percent-encoding is undone in search of dot segments. A URI that is encoded more often is refused."""


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

    def match(self, name: str) -> bool:
        """Return whether the name is registered."""
        return name in self._names or (name.startswith(self._beginnings) and bool(self._plain.fullmatch(name)))


class UriPatterns:
    """URIs, whole or by a pattern."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Read the patterns."""
        patterns = tuple(patterns)
        self._whole = frozenset(each for each in patterns if ANY not in each)
        longest_first = sorted(set(patterns) - self._whole, key=lambda each: (-len(each), each))
        self._compiled = tuple((each, compile_uri(each)) for each in longest_first)

    def __bool__(self) -> bool:
        """Return whether any URI is registered."""
        return bool(self._whole or self._compiled)

    def __contains__(self, pattern: str) -> bool:
        """Return whether this is one of the URIs and patterns, as written."""
        return pattern in self._whole or any(pattern == each for each, _ in self._compiled)

    def match(self, uri: str) -> str | None:
        """Return the pattern that registers the URI: itself, else the longest that matches; None if none does."""
        if uri in self._whole:
            return uri
        if not self._compiled or not _is_unambiguous(uri):
            return None
        return next((pattern for pattern, compiled in self._compiled if compiled.fullmatch(uri)), None)


def compile_uri(pattern: str) -> re.Pattern[str]:
    """Return the regular expression for a pattern of URIs."""
    parts = (
        ".*" if part == "**" else "[^/?#]*" if part == ANY else re.escape(part)
        for part in re.split(r"(\*\*?)", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


def _is_unambiguous(uri: str) -> bool:
    """Return whether no reader finds a dot segment, a backslash or a control character in the URI."""
    if not URI.fullmatch(uri):
        return False
    for _ in range(ROUNDS):
        plain = unquote(uri)
        if CONFUSING.search(plain):
            return False
        if plain == uri:
            return True
        uri = plain
    return False
