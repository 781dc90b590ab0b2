"""Path templates tell which operation a path names. Strict: guard and backend must read a path the same way.

A template has literal segments, variables that are whole segments (``/customers/{id}``), and at its end perhaps
the rest of the path: ``/files/**``, or ``/files/{name=**}`` under a name of its own. The rest is any number of
segments, also none. A final slash counts in no template and in no path: ``/a/`` and ``/a`` are one path.

If several templates match one path, the most specific one wins, as OpenAPI 3.1 says ("concrete paths before their
templated counterparts"): one without a rest before one with a rest, of those the longer one, then the one with
fewer variables. If of two templates neither is more specific, the configuration is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote, unquote_to_bytes

from extproc.codecs.json_keys import fold

LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]+")
"""RFC 3986 ``pchar`` without percent-encoding, and without ``;``, at which some servers cut a segment."""
VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
REST = re.compile(r"\*\*|\{([A-Za-z_][A-Za-z0-9_-]*)=\*\*\}")
"""The rest of the path: without a name, it is the argument ``rest``."""
REST_NAME = "rest"
RAW_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+")
UNSAFE_DECODED = re.compile(r"[/\\;%\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Refused in a decoded variable: some servers or libraries would split, cut or decode it there again."""
DOTS = (".", "..")
Parts: TypeAlias = tuple[str | None, ...]
"""Literal segments, and None for each variable."""


class TemplateError(ValueError):
    """A template cannot be used. The message is for its author."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed path template."""

    text: str
    """The template as written."""
    parts: Parts
    """Without the rest."""
    variables: tuple[str, ...]
    """Names of the variables, from left to right; the rest's is the last."""
    has_rest: bool = False
    """True if any number of segments may follow ``parts``."""


def parse_template(text: str) -> Template:
    """Read a template.

    Raises:
        TemplateError: a segment that is neither a plain literal nor one whole variable.
    """
    segments = split_path(text)
    if segments is None:
        raise TemplateError(f"path template {text!r} must begin with /")
    rest = REST.fullmatch(segments[-1]) if segments else None
    fixed = segments[:-1] if rest else segments
    parts = tuple(_part(segment) for segment in fixed)
    names = [segment[1:-1] for segment, part in zip(fixed, parts, strict=True) if part is None]
    if rest:
        names.append(rest[1] or REST_NAME)
    if len(set(names)) != len(names):
        raise TemplateError(f"path template {text!r} uses a variable twice")
    return Template(text, parts, tuple(names), has_rest=rest is not None)


def _part(segment: str) -> str | None:
    if VARIABLE.fullmatch(segment):
        return None
    if REST.fullmatch(segment):
        raise TemplateError(f"path segment {segment!r} must be the last one")
    if "*" in segment:
        hint = "write {name} for one segment, and ** as the last one for the rest"
        raise TemplateError(f"path segment {segment!r} is no wildcard: {hint}")
    if LITERAL.fullmatch(segment) and segment not in DOTS:
        return segment
    raise TemplateError(f"path segment {segment!r} must be plain text or one whole {{variable}}")


def overlap(one: Template, other: Template) -> bool:
    """True if some path matches both."""
    reachable = _reaches(one, len(other.parts)) and _reaches(other, len(one.parts))
    return reachable and all(a == b or a is None or b is None for a, b in _named_by_both(one, other))


def covers(wide: Template, narrow: Template) -> bool:
    """True if every path that matches ``narrow`` also matches ``wide``."""
    if narrow.has_rest and not wide.has_rest:
        return False
    in_reach = len(wide.parts) <= len(narrow.parts) and _reaches(wide, len(narrow.parts))
    return in_reach and all(a is None or a == b for a, b in _named_by_both(wide, narrow))


def _reaches(template: Template, length: int) -> bool:
    """True if paths of at least this many segments match."""
    return template.has_rest or length <= len(template.parts)


def _named_by_both(one: Template, other: Template) -> Iterator[tuple[str | None, str | None]]:
    return zip(one.parts, other.parts, strict=False)


def ambiguous(one: Template, other: Template) -> bool:
    """True if some path matches both, and neither is more specific."""
    return overlap(one, other) and covers(one, other) == covers(other, one)


def same_paths(one: Template, other: Template) -> bool:
    """True if both templates match the same paths."""
    return covers(one, other) and covers(other, one)


def split_path(path: str) -> list[str] | None:
    """Return the raw segments of a path, without a final slash; None for a path that does not begin with ``/``."""
    return path.removesuffix("/").split("/")[1:] if path.startswith("/") else None


def match(template: Template, segments: list[str]) -> dict[str, str] | None:
    """Match raw segments.

    Returns:
        The variables, percent-decoded after splitting; the segments of the rest are joined by slashes. None if the
        segments do not match, or if one is unsafe once it is decoded.
    """
    fixed = len(template.parts)
    if len(segments) < fixed or (len(segments) > fixed and not template.has_rest):
        return None
    if any(part not in (None, segment) for part, segment in zip(template.parts, segments, strict=False)):
        return None
    named = [decode_segment(each) for part, each in zip(template.parts, segments, strict=False) if part is None]
    rest = [decode_segment(each) for each in segments[fixed:]]
    if None in named or None in rest:
        return None
    values = [*named, "/".join(filter(None, rest))] if template.has_rest else named
    return {name: value or "" for name, value in zip(template.variables, values, strict=True)}


def fold_segment(segment: str) -> str:
    """Return a segment as the most lenient server compares it: decoded, no case, outer blanks or final dots."""
    return fold(unquote(segment)).strip().rstrip(". ")


def stems(segment: str) -> set[str]:
    """Return the segments that servers may read which take a suffix for a format: ``me`` of ``me.json``."""
    return {segment.partition(".")[0], segment.rpartition(".")[0]} if "." in segment else set()


def decode_segment(segment: str) -> str | None:
    """Percent-decode one segment. None if it is empty, malformed or unsafe (RFC 3986 sections 2.1 and 3.3)."""
    if not RAW_SEGMENT.fullmatch(segment):
        return None
    if "%" not in segment:
        return None if segment in DOTS else segment
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if text in DOTS or UNSAFE_DECODED.search(text) else text
