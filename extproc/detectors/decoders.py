"""Decoders: they let detectors see text that is spelled in text.

There are four: percent-encoding, HTML's character references, JSON's escapes, and Base64. A decoder yields views:
decoded texts that know from where in the original each character came. A match in a view becomes a match of the
spelling in the original. Base64 counts if it decodes to text that begins with some ASCII characters.
"""

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_to_bytes


class View(NamedTuple):
    """A decoded text."""

    text: str
    offsets: list[int]
    """Where each character begins in the original, then where the last one ends; or the two ends of a whole
    run."""
    whole: bool = False
    """The run can be replaced only as a whole."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Map a range of the decoded text to the original text."""
        if self.whole:
            return self.offsets[0], self.offsets[-1]
        while end < len(self.text) and self.offsets[end] == self.offsets[end - 1]:
            end += 1  # one spelling that stands for several characters
        return self.offsets[start], self.offsets[end]


@dataclass(frozen=True, slots=True)
class Decoder:
    """One way to spell text in text."""

    prefilter: tuple[bytes, ...]
    """As ``Detector.prefilter``: at least one of them matches in every text that has something to decode."""
    views: Callable[[str], Iterator[View]]
    """Linear in time."""
    prefilter_shortest: int = 3
    """See ``Detector``."""
    exact: bool = False
    """See ``Detector``."""
    marks: tuple[str, ...] = ()
    """Replace the prefilter for a spelling that documents themselves use. Each spelling contains one of the marks,
    and each mark a backslash. The scanner of documents finds all of them; a prescan reports only the first one."""


_PERCENT = re.compile(r"(?:%[0-7][0-9A-Fa-f]|%[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){1,3})")
_REFERENCE = re.compile(
    r"&(?:#0{0,32}+[0-9]{1,7}(?![0-9]);?|#[xX]0{0,32}+[0-9A-Fa-f]{1,6}(?![0-9A-Fa-f]);?|[A-Za-z][A-Za-z0-9]{1,30};)"
)
"""Browsers need no semicolon behind a number, and accept any zeros before it. More than 32 zeros are not decoded:
streamed text could be cut inside."""
_ESCAPE = re.compile(
    r"\\(?<!\\.)\\*+(?:/|u(?:[Dd][89ABab][0-9A-Fa-f]{2}\\++u[Dd][C-Fc-f][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}))"
)
"""Matches an escape however often it was escaped again. The look-behind comes after the first backslash since
``re`` takes several times as long for a pattern that begins with a look-behind."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
BASE64_LONGEST = 1 << 16
"""Characters of one run that are decoded; the rest of a longer run is not."""
_LEFT = r"[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
"""Four characters of Base64 that stand for three of ASCII, whose upper bits are 0."""
_BEFORE = rb"(?:[^A-Za-z0-9+/_-]|\\[bfnrt])"
"""The character before a run; in a document it may be the letter of an escape."""
_ASCII = re.compile(r"[\t\n\r -~]*")
_TEXT = re.compile(r"[^\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]*")
"""Bytes that are not UTF-8 decode to surrogates."""
QUADS = 4
"""Groups of four characters in a row that make a run look like text. One of four thousand other runs does, too."""


def percent(text: str) -> Iterator[View]:
    """Decode percent-encoding (RFC 3986 section 2.1), of UTF-8 too."""
    yield from _replaced(text, _PERCENT, lambda found: unquote_to_bytes(found).decode("utf-8", "replace"))


def references(text: str) -> Iterator[View]:
    """Decode character references of HTML (WHATWG HTML section 13.5)."""
    yield from _replaced(text, _REFERENCE, html.unescape)


def escapes(text: str) -> Iterator[View]:
    r"""Decode JSON's escapes ``\uXXXX`` and ``\/`` (RFC 8259 section 7) in text that is not a document."""
    yield from _replaced(text, _ESCAPE, _unescaped)


def _unescaped(found: str) -> str:
    if found[-1] == "/":
        return "/"
    units = "".join([each[:4] for each in found.split("u")[1:]])
    return bytes.fromhex(units).decode("utf-16-be", "surrogatepass")


def _replaced(text: str, pattern: re.Pattern[str], decoded: Callable[[str], str]) -> Iterator[View]:
    pieces: list[str] = []
    offsets: list[int] = []
    at = 0
    for match in pattern.finditer(text):
        new = decoded(match[0])
        pieces += (text[at : match.start()], new)
        offsets += range(at, match.start())
        offsets += [match.start()] * len(new)
        at = match.end()
    if at:
        yield View("".join([*pieces, text[at:]]), [*offsets, *range(at, len(text) + 1)])


def base64_runs(text: str) -> Iterator[View]:
    """Decode runs of Base64, standard or URL-safe (RFC 4648 sections 4 and 5), that are text.

    The text begins with ASCII and goes on in UTF-8.
    """
    for match in _BASE64.finditer(text):
        run = match[0][:BASE64_LONGEST].rstrip("=").translate(_STANDARD)
        run = run[: len(run) - (len(run) % 4 == 1)]
        try:
            decoded = base64.b64decode(run + "=" * (-len(run) % 4)).decode("utf-8", "surrogateescape")
        except binascii.Error:
            continue
        ascii_text, all_text = _ASCII.match(decoded), _TEXT.match(decoded)
        if ascii_text and all_text and ascii_text.end() >= 3 * QUADS:
            yield View(all_text[0], [match.start(), match.end()], whole=True)


_STANDARD = str.maketrans("-_", "+/")

DECODERS: tuple[Decoder, ...] = (
    Decoder((rb"%[0-7][0-9A-Fa-f]", rb"%[C-Fc-f][0-9A-Fa-f]%[89ABab]"), percent),
    Decoder((rb"&#[0-9xX]", rb"&[A-Za-z][A-Za-z0-9]{1,30};"), references),
    Decoder((_BEFORE + rb"(?:%s){%d}" % (_LEFT.encode(), QUADS),), base64_runs),
    Decoder((), escapes, marks=("\\u", "\\/")),
)
