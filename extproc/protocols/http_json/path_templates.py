"""Path templates tell which operation a path names. Strict: guard and backend must read a path the same way.

A template has literal segments, and variables that are whole segments: ``/customers/{id}``. If two templates
match one path, the more specific one wins, as OpenAPI 3.1 says ("concrete paths before their templated
counterparts"). If neither is more specific, the configuration is refused.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote, unquote_to_bytes

from extproc.codecs.json_keys import fold

LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]+")
"""RFC 3986 ``pchar`` without percent-encoding, and without ``;``, at which some servers cut a segment."""
VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
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
    variables: tuple[str, ...]
    """Names of the variables, from left to right."""


def parse_template(text: str) -> Template:
    """Read a template.

    Raises:
        TemplateError: a segment that is neither a plain literal nor one whole variable.
    """
    segments = text.split("/")[1:]
    parts = tuple(_part(segment, last=index == len(segments) - 1) for index, segment in enumerate(segments))
    names = tuple(segment[1:-1] for segment, part in zip(segments, parts, strict=True) if part is None)
    if not text.startswith("/"):
        raise TemplateError(f"path template {text!r} must begin with /")
    if len(set(names)) != len(names):
        raise TemplateError(f"path template {text!r} uses a variable twice")
    return Template(text, parts, names)


def _part(segment: str, *, last: bool) -> str | None:
    if VARIABLE.fullmatch(segment):
        return None
    if (LITERAL.fullmatch(segment) and segment not in DOTS) or (last and not segment):
        return segment
    raise TemplateError(f"path segment {segment!r} must be plain text or one whole {{variable}}")


def overlap(one: Template, other: Template) -> bool:
    """True if some path matches both."""
    return len(one.parts) == len(other.parts) and all(
        a == b or (a is None and b != "") or (b is None and a != "")
        for a, b in zip(one.parts, other.parts, strict=True)
    )


def covers(wide: Template, narrow: Template) -> bool:
    """True if every path that matches ``narrow`` also matches ``wide``."""
    return len(wide.parts) == len(narrow.parts) and all(
        a == b or (a is None and b != "") for a, b in zip(wide.parts, narrow.parts, strict=True)
    )


def ambiguous(one: Template, other: Template) -> bool:
    """True if some path matches both, and neither is more specific."""
    return overlap(one, other) and covers(one, other) == covers(other, one)


def split_path(path: str) -> list[str]:
    """Return the raw segments of a path. A path that does not begin with ``/`` has none."""
    return path.split("/")[1:] if path.startswith("/") else []


def match(template: Template, segments: list[str]) -> dict[str, str] | None:
    """Match raw segments.

    Returns:
        The variables, percent-decoded after splitting. None if the segments do not match, or if one is unsafe once
        it is decoded.
    """
    if len(segments) != len(template.parts):
        return None
    values = []
    for part, segment in zip(template.parts, segments, strict=True):
        if part is None:
            value = decode_segment(segment)
            if value is None:
                return None
            values.append(value)
        elif part != segment:
            return None
    return dict(zip(template.variables, values, strict=True))


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
