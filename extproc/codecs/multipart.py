"""Reads ``multipart/form-data`` (RFC 7578, RFC 2046 section 5.1) in the form that all readers read alike.

All line ends are CRLF, or all are bare LF, as some clients write them: then there is no CR anywhere, so that no
reader finds delimiters in other places. A reader that insists on CRLF finds none.

Refused: bytes before the first or after the last delimiter, delimiters with trailing blanks, mixed line ends,
anything that looks like a delimiter within a part, folded or repeated header fields, parameters with quoted pairs
or extended ones (RFC 8187), and parts with a transfer encoding.
"""

import re
from typing import NamedTuple

from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable

TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - RFC 9110 section 5.6.2
_PARAMETER = rf";[ \t]*({TOKEN})=(?:({TOKEN})|\"([^\"\\\r\n]*)\")"
PARAMETER = re.compile(_PARAMETER)
PARAMETERS = re.compile(rf"(?:[ \t]*{_PARAMETER})*[ \t]*")
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
FIELD = re.compile(rf"({TOKEN}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})
MAX_PARTS = 1_000
END = b"--"


class Part(NamedTuple):
    """One part, by its offsets in the body."""

    head: tuple[int, int]
    """Offsets of its header fields, without the empty line after them."""
    content: tuple[int, int]
    name: str
    content_type: str
    """Empty if the part has none."""


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a content-type.

    Raises:
        Unreadable: ``content-type``: there is no boundary, or it can be read in two ways.
    """
    _, parameters = _split(content_type, Uninspectable.CONTENT_TYPE)
    boundary = parameters.get("boundary", "")
    if not BOUNDARY.fullmatch(boundary):
        raise Unreadable(Uninspectable.CONTENT_TYPE)
    return boundary.encode()


def read_parts(body: bytes, boundary: bytes) -> list[Part]:
    """Return the parts in order; only delimiters are between and around them.

    Raises:
        Unreadable: ``content-type`` for a body that does not match its content-type.
    """
    delimiter = b"--" + boundary
    if not body.startswith(delimiter):
        raise _malformed()
    parts: list[Part] = []
    at, eol = len(delimiter), _line_end(body, len(delimiter))
    while not body.startswith(END, at):
        end = body.find(eol + delimiter, at)
        if not body.startswith(eol, at) or end < 0 or len(parts) >= MAX_PARTS:
            raise _malformed()
        parts.append(_part(body, at + len(eol), end, delimiter, eol))
        at = end + len(eol) + len(delimiter)
    if body[at + len(END) :] not in (b"", eol):
        raise _malformed()
    return parts


def _line_end(body: bytes, at: int) -> bytes:
    """Return the line end of the whole body, which is the first delimiter's.

    Raises:
        Unreadable: there are bare LFs at delimiters, and a CR somewhere.
    """
    if not body.startswith(b"\n", at):
        return b"\r\n"
    if b"\r" in body:
        raise _malformed()
    return b"\n"


def _part(body: bytes, start: int, end: int, delimiter: bytes, eol: bytes) -> Part:
    """Read one part. Raises ``Unreadable`` if its header fields or its end can be read in two ways."""
    if body.find(delimiter, start, end) >= 0:
        raise _malformed()  # a reader that ends lines at LF alone, or trims blanks, would see it end here
    between = body.find(eol + eol, start - len(eol), end)
    if between < 0:
        raise _malformed()
    head = (start, max(start, between))
    fields = _fields(body[slice(*head)], eol) if head[0] < head[1] else {}
    if fields.get("content-transfer-encoding", "").strip().lower() not in PLAIN_ENCODINGS:
        raise _malformed()
    _, parameters = _split(fields.get("content-disposition", ""), Uninspectable.CONTENT_TYPE)
    return Part(head, (between + 2 * len(eol), end), parameters.get("name", ""), fields.get("content-type", ""))


def _fields(head: bytes, eol: bytes) -> dict[str, str]:
    try:
        lines = [FIELD.fullmatch(line) for line in head.decode().split(eol.decode())]
    except UnicodeDecodeError:
        raise _malformed() from None
    fields = {line[1].lower(): line[2] for line in lines if line}
    if len(fields) != len(lines):
        raise _malformed()
    return fields


def _split(value: str, kind: Uninspectable) -> tuple[str, dict[str, str]]:
    """Return a field's value without its parameters, and the parameters."""
    name, semicolon, rest = value.partition(";")
    found = [(key.lower(), token or quoted) for key, token, quoted in PARAMETER.findall(semicolon + rest)]
    if not PARAMETERS.fullmatch(semicolon + rest) or len(dict(found)) != len(found):
        raise Unreadable(kind)
    if any("*" in key for key, _ in found):
        raise Unreadable(kind)
    return name.strip().lower(), dict(found)


def _malformed() -> Unreadable:
    return Unreadable(Uninspectable.CONTENT_TYPE)
