"""Text in text: what percent-encoding, HTML's character references, JSON's escapes and Base64 spell is searched.

Each decoder says how a whole text, or a run of it, reads when it is decoded, and where each character came from.
What is found there is found in the text, as long as it was spelled. Base64 counts where it decodes to text
that begins with some characters of ASCII.
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
    places: list[int]
    """Where each character begins in the original, and where the last one ends; or those of a whole run."""
    whole: bool = False
    """Whether a part cannot be replaced without the rest."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """A range of the decoded text in the original one."""
        if self.whole:
            return self.places[0], self.places[-1]
        while end < len(self.text) and self.places[end] == self.places[end - 1]:
            end += 1  # of one spelling that stands for several characters
        return self.places[start], self.places[end]


@dataclass(frozen=True, slots=True)
class Decoder:
    """One way to spell text in text."""

    prefilter: tuple[bytes, ...]
    """As of ``Detector``: one of them matches in every text that has something to decode."""
    views: Callable[[str], Iterator[View]]
    """Linear in time."""
    prefilter_shortest: int = 3
    """See ``Detector``."""
    exact: bool = False
    """See ``Detector``."""
    marks: tuple[str, ...] = ()
    """In place of a prefilter, where documents themselves are spelled so: one of them is in each spelling, and a
    backslash in each of them. Who searches documents finds them all anyway; a look tells of the first one."""


_PERCENT = re.compile(r"(?:%[0-7][0-9A-Fa-f]|%[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){1,3})")
_REFERENCE = re.compile(
    r"&(?:#0{0,32}+[0-9]{1,7}(?![0-9]);?|#[xX]0{0,32}+[0-9A-Fa-f]{1,6}(?![0-9A-Fa-f]);?|[A-Za-z][A-Za-z0-9]{1,30};)"
)
"""Browsers want no semicolon behind a number, and take any zeros before it. A number that is
longer could be cut where text streams."""
_ESCAPE = re.compile(
    r"\\(?<!\\.)\\*+(?:/|u(?:[Dd][89ABab][0-9A-Fa-f]{2}\\++u[Dd][C-Fc-f][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}))"
)
"""However often it was escaped again. What stands before it is looked at when the first backslash is there."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
BASE64_LONGEST = 1 << 16
"""Characters of one run that are decoded; of a longer one its beginning."""
_LEFT = r"[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
"""Four characters that are Base64 of three that are ASCII: their upper bits are 0."""
_BEFORE = rb"(?:[^A-Za-z0-9+/_-]|\\[bfnrt])"
"""What stands before a run; in a document that may be the letter of an escape."""
_ASCII = re.compile(r"[\t\n\r -~]*")
_TEXT = re.compile(r"[^\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]*")
"""What is no UTF-8 is decoded to surrogates."""
QUADS = 4
"""In a row that make a run look like text: one in four thousand others does."""


def percent(text: str) -> Iterator[View]:
    """Percent-encoding (RFC 3986 section 2.1), also of UTF-8."""
    yield from _replaced(text, _PERCENT, lambda found: unquote_to_bytes(found).decode("utf-8", "replace"))


def references(text: str) -> Iterator[View]:
    """Character references of HTML (WHATWG HTML section 13.5)."""
    yield from _replaced(text, _REFERENCE, html.unescape)


def escapes(text: str) -> Iterator[View]:
    r"""JSON's escapes ``\uXXXX`` and ``\/`` (RFC 8259 section 7), in text that is no document."""
    yield from _replaced(text, _ESCAPE, _unescaped)


def _unescaped(found: str) -> str:
    if found[-1] == "/":
        return "/"
    units = "".join([each[:4] for each in found.split("u")[1:]])
    return bytes.fromhex(units).decode("utf-16-be", "surrogatepass")


def _replaced(text: str, pattern: re.Pattern[str], decoded: Callable[[str], str]) -> Iterator[View]:
    pieces: list[str] = []
    places: list[int] = []
    at = 0
    for match in pattern.finditer(text):
        new = decoded(match[0])
        pieces += (text[at : match.start()], new)
        places += range(at, match.start())
        places += [match.start()] * len(new)
        at = match.end()
    if at:
        yield View("".join([*pieces, text[at:]]), [*places, *range(at, len(text) + 1)])


def base64_runs(text: str) -> Iterator[View]:
    """Runs of Base64, standard or URL-safe (RFC 4648 sections 4 and 5), that decode to text.

    It begins with ASCII, and goes on in UTF-8.
    """
    for match in _BASE64.finditer(text):
        run = match[0][:BASE64_LONGEST].rstrip("=").translate(_STANDARD)
        run = run[: len(run) - (len(run) % 4 == 1)]
        try:
            decoded = base64.b64decode(run + "=" * (-len(run) % 4)).decode("utf-8", "surrogateescape")
        except binascii.Error:
            continue
        ascii_text, text_there = _ASCII.match(decoded), _TEXT.match(decoded)
        if ascii_text and text_there and ascii_text.end() >= 3 * QUADS:
            yield View(text_there[0], [match.start(), match.end()], whole=True)


_STANDARD = str.maketrans("-_", "+/")

DECODERS: tuple[Decoder, ...] = (
    Decoder((rb"%[0-7][0-9A-Fa-f]", rb"%[C-Fc-f][0-9A-Fa-f]%[89ABab]"), percent),
    Decoder((rb"&#[0-9xX]", rb"&[A-Za-z][A-Za-z0-9]{1,30};"), references),
    Decoder((_BEFORE + rb"(?:%s){%d}" % (_LEFT.encode(), QUADS),), base64_runs),
    Decoder((), escapes, marks=("\\u", "\\/")),
)
