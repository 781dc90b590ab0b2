"""Texts in Base64 and in ``data:`` URIs: decoded by their type and charset, and encoded again in the same way.

Sources: RFC 4648; RFC 2397; RFC 6838 section 4.2.1; WHATWG Encoding, section 6 (byte order marks); MCP, ``blob``
of resources and ``data`` of images and sound.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

from extproc.codecs.content_type import charsets, essence
from extproc.masking.edits import Edit, apply
from extproc.model.errors import Undecodable

BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
"""Byte order marks: one says more than a declared charset."""
CHARSETS = {
    **dict.fromkeys(("utf-8", "utf8", "unicode-1-1-utf-8"), ("utf-8",)),
    **dict.fromkeys(("utf-16", "utf-16le", "utf-16-le", "unicode", "ucs-2"), ("utf-16-le",)),
    **dict.fromkeys(("utf-16be", "utf-16-be"), ("utf-16-be",)),
    **dict.fromkeys(("utf-32", "utf-32le", "utf-32-le"), ("utf-32-le",)),
    **dict.fromkeys(("utf-32be", "utf-32-be"), ("utf-32-be",)),
    **dict.fromkeys(
        ("windows-1252", "cp1252", "iso-8859-1", "iso8859-1", "latin1", "latin-1", "us-ascii", "ascii"),
        ("cp1252", "latin-1"),
    ),
    **{f"iso-8859-{part}": (f"iso8859-{part}",) for part in (2, 5, 7, 9, 15)},
    **{f"windows-125{part}": (f"cp125{part}",) for part in (0, 1, 3, 4, 7)},
}
"""Codecs by the names of charsets, each tried in turn. The bytes that Windows-1252 leaves open are Latin-1's."""
_TEXTUAL = re.compile(
    r"text/.*|.*[/+](?:json|xml|yaml|csv)|application/(?:x-)?(?:ndjson|jsonl|javascript|ecmascript|sql|yaml|toml)"
)
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1f\x7f\ufffe\uffff]")
"""Characters of which text has none, unless it is said to be text."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,3}")
_BLANKS = re.compile(r"[ \t\r\n]+")
_STANDARD = str.maketrans("-_", "+/")
_URI = re.compile(
    r"(data:)([A-Za-z0-9!#$&^_.+/-]{0,127}(?:;[^;,\s\"'<>]{1,100}){0,8}),([^\s\"'<>()\[\]{}\\^`|]*)", re.IGNORECASE
)
_MARK = ";base64"


class Text(NamedTuple):
    """The text of some bytes, and how to write such bytes again."""

    text: str
    mark: bytes
    """The byte order mark before it."""
    codec: str

    def masked(self, edits: Iterable[Edit]) -> bytes:
        """Return the bytes of the text with edits made. What the charset lacks becomes a question mark."""
        return self.mark + apply(self.text, edits).encode(self.codec, "replace")


def read_text(data: bytes, mime_type: str) -> Text | None:
    """Decode bytes by their mark, their declared charset, or as UTF-8.

    Args:
        data: the bytes.
        mime_type: their media type, with its parameters; may be empty.

    Returns:
        The text; None for bytes that are none, and are not said to be.

    Raises:
        Undecodable: they are said to be text, and cannot be read in their charset.
    """
    is_text = _TEXTUAL.fullmatch(essence(mime_type)) is not None
    for mark, codec in BOMS:
        if data.startswith(mark) and (text := _decoded(data[len(mark) :], codec, is_text=is_text)) is not None:
            return Text(text, mark, codec)
    declared = charsets(mime_type)
    codecs = CHARSETS.get(declared[0].strip("'"), ()) if declared else ("utf-8", *_wide(data))
    for codec in codecs:
        if (text := _decoded(data, codec, is_text=is_text or bool(declared))) is not None:
            return Text(text, b"", codec)
    if declared or is_text:
        raise Undecodable("a blob is not text in its charset")
    return None


def _decoded(data: bytes, codec: str, *, is_text: bool) -> str | None:
    """Return the text of some bytes; None where the codec would not write the same bytes again.

    A NUL means another encoding, in which readers see other characters.
    """
    try:
        text = data.decode(codec)
        is_same = text.encode(codec) == data
    except UnicodeError:
        return None
    return None if not is_same or "\0" in text or (not is_text and _CONTROLS.search(text)) else text


def _wide(data: bytes) -> tuple[str, ...]:
    """Return the encoding of text of two bytes for each character, by the zeros of its first letters."""
    if data[1:8:2] == b"\0\0\0\0" and data[0]:
        return ("utf-16-le",)
    return ("utf-16-be",) if data[0:7:2] == b"\0\0\0\0" and data[1:2] != b"\0" else ()


class Base64(NamedTuple):
    """The bytes of a text in Base64, and how it was written."""

    data: bytes
    is_url_safe: bool
    is_padded: bool

    def written(self, data: bytes) -> str:
        """Return other bytes in the same form."""
        text = base64.b64encode(data).decode()
        text = text if self.is_padded else text.rstrip("=")
        return text.replace("+", "-").replace("/", "_") if self.is_url_safe else text


def read_base64(text: str) -> Base64 | None:
    """Read Base64, standard or URL-safe, padded or not, in one or more lines; None if it is none."""
    bare = _BLANKS.sub("", text)
    digits = bare.rstrip("=")
    if not _BASE64.fullmatch(bare) or len(digits) % 4 == 1:
        return None
    try:
        data = base64.b64decode(digits.translate(_STANDARD) + "=" * (-len(digits) % 4))
    except binascii.Error:
        return None
    is_url_safe = ("-" in bare or "_" in bare) and not ("+" in bare or "/" in bare)
    return Base64(data, is_url_safe, is_padded=len(bare) % 4 == 0)


def note(data: bytes) -> str:
    """Return what a record says in place of bytes: their number, and their SHA-256."""
    return f"({len(data)} bytes, sha256:{hashlib.sha256(data).hexdigest()})"


class DataUri(NamedTuple):
    """A ``data:`` URI in a text."""

    start: int
    """The offset of its data."""
    end: int
    data: bytes
    mime_type: str
    base64: Base64 | None

    @property
    def names_charset(self) -> bool:
        """True if the type says how the data's characters are written."""
        return bool(charsets(self.mime_type))

    def written(self, data: bytes) -> str:
        """Return other data in the same form."""
        if self.base64 is None:
            return quote_from_bytes(data, safe="/:@!$&*+=~,;-._?")
        return quote_from_bytes(self.base64.written(data).encode(), safe="+/=-_")


def data_uris(text: str) -> Iterator[DataUri]:
    """Yield the ``data:`` URIs in a text whose data can be decoded."""
    for match in _URI.finditer(text):
        head, payload = match[2], unquote_to_bytes(match[3])
        is_base64 = head.lower().endswith(_MARK)
        mime_type = head[: -len(_MARK)] if is_base64 else head
        coded = read_base64(payload.decode("latin-1")) if is_base64 else None
        if is_base64 and coded is None:
            continue
        yield DataUri(*match.span(3), payload if coded is None else coded.data, mime_type, coded)
