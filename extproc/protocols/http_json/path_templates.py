"""Path templates: which operation a path names. Strict, so that guard and backend cannot read a path differently.

A template is literal segments and whole-segment variables, ``/customers/{id}``. Where two templates match one
path, the more specific one wins, as OpenAPI 3.1 says ("concrete paths before their templated counterparts");
two of which neither is more specific than the other are refused when the configuration is read.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote, unquote_to_bytes

from extproc.codecs.json_keys import fold

LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]+")
"""RFC 3986 ``pchar`` without percent-encoding and without ``;``, which some servers cut a segment at."""
VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
RAW_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+")
UNSAFE_DECODED = re.compile(r"[/\\;%\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What a decoded variable may not hold: some server or library would split, cut or decode there once more."""
DOTS = (".", "..")
Parts: TypeAlias = tuple[str | None, ...]
"""Literal segments; None stands for a variable."""


class TemplateError(ValueError):
    """A template that cannot be used. The message is for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed path template."""

    text: str
    """As written."""
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
    """Whether some path matches both."""
    return len(one.parts) == len(other.parts) and all(
        a == b or (a is None and b != "") or (b is None and a != "")
        for a, b in zip(one.parts, other.parts, strict=True)
    )


def covers(wide: Template, narrow: Template) -> bool:
    """Whether every path that matches ``narrow`` matches ``wide`` as well."""
    return len(wide.parts) == len(narrow.parts) and all(
        a == b or (a is None and b != "") for a, b in zip(wide.parts, narrow.parts, strict=True)
    )


def ambiguous(one: Template, other: Template) -> bool:
    """Whether a path could be read as either, and neither is the more specific."""
    return overlap(one, other) and covers(one, other) == covers(other, one)


def split_path(path: str) -> list[str]:
    """The raw segments of a path; a path that does not begin with ``/`` has none."""
    return path.split("/")[1:] if path.startswith("/") else []


def match(template: Template, segments: list[str]) -> dict[str, str] | None:
    """Match raw segments; None when they are not this template's.

    Returns:
        The variables, percent-decoded after splitting. A segment that is unsafe once decoded does not match.
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
    """A segment as the most lenient server compares it: decoded, no case, no blanks around, no dots behind."""
    return fold(unquote(segment)).strip().rstrip(". ")


def stems(segment: str) -> set[str]:
    """What servers may take a path's last segment for that read a suffix as a format: ``me`` of ``me.json``."""
    return {segment.partition(".")[0], segment.rpartition(".")[0]} if "." in segment else set()


def decode_segment(segment: str) -> str | None:
    """Percent-decode one segment; None for an empty, malformed or unsafe one (RFC 3986 sections 2.1 and 3.3)."""
    if not RAW_SEGMENT.fullmatch(segment):
        return None
    if "%" not in segment:
        return None if segment in DOTS else segment
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if text in DOTS or UNSAFE_DECODED.search(text) else text
