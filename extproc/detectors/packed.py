"""Text that is packed as a whole: Base64 in one or more lines, hexadecimal digits, compressed text in Base64.

A run counts if it decodes to text. Each view is replaced as a whole.
"""

import base64
import binascii
import re
import sys
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from extproc.detectors.views import View, WholeView
from extproc.model.errors import MaskingError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_RUN = r"[A-Za-z0-9+/_-]"
LINE_SHORTEST = 16
"""Characters of the lines of Base64 that was cut into lines of one length."""
_LINE_END = r"(?:\r?\n[ \t>]{0,8}|\\++(?:r\\++)?n)"
_SHORTEST = 11
_BASE64 = re.compile(
    rf"(?>(?:[^A-Za-z0-9+/_-]++|{_RUN}{{1,{_SHORTEST - 1}}}+(?!{_RUN}))*)"
    rf"(?:({_RUN}{{{LINE_SHORTEST},}}+(?>(?:{_LINE_END}{_RUN}++)+)={{0,2}}|{_RUN}{{{_SHORTEST},}}+={{0,2}})|\Z)"
)
"""The next run, or lines of them, behind text that has no run; or the end. Lines may be JSON's ``\\n``. Without
the end, the text behind the last run would be read again from each of its characters."""
QUAD = r"[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
"""Four characters of Base64 that stand for three of ASCII, whose upper bits are 0."""
QUADS = 3
"""Groups of four such characters in a row that make a run look like text. Eleven characters of ASCII have three,
wherever they begin. At one of five hundred places in other runs there are as many."""
_QUADS_16 = r"(?:[A-Za-f][AQgw][AB][A-Za-z0-9+/_-]A[A-H][AEIMQUYcgkosw048]A){2}"
"""The same for UTF-16, in which every second byte is 0."""
_COMPRESSED = (
    rf"H4sI{_RUN}{{16}}",
    rf"e(?:A[E-H]|F[4-7]|J[w-z]|N[o-r]){_RUN}{{16}}",
    rf"KLUv[/_][Q-T]{_RUN}{{14}}",
)
"""The first bytes of gzip (RFC 1952 section 2.3.1), zlib (RFC 1950 section 2.2) and Zstandard (RFC 8878 section
3.1.1). Brotli has none."""
LIKELY_BASE64 = f"(?:{QUAD}){{{QUADS}}}", _QUADS_16, *_COMPRESSED
"""Expressions, one of which matches in each run that is text."""
_LIKELY_BASE64 = re.compile("|".join(LIKELY_BASE64))
_SPLIT = re.compile(_LINE_END)
_MAY_GO_ON = re.compile(r"\r?\n?")
"""The end of a text in which Base64 may go on in the next line."""
_LINE_GOES_ON = re.compile(r"[ \t]*[\w:.$(\[{=]")
"""Stands behind Base64 in lines if the last one is no line of it: ``HOST=db`` below ``KEY=…``."""
_PART = re.compile(r"[A-Za-z0-9+]{12,}={0,2}")
_STANDARD = str.maketrans("-_", "+/")
Span = tuple[int, int]
LEAST_TEXT = 12
"""Characters with which a run has to begin to be text, if not all of it is text."""
LEAST_WHOLE = 6
"""Characters of a run that is text as a whole."""
_NO_TEXT = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Bytes that are not UTF-8 decode to surrogates."""
_GZIP, _ZLIB = b"\x1f\x8b\x08", re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MB: what a decoder must be able to read, and no more (RFC 8878 section 3.1.1.1.2, RFC 9659)."""
RATIO, RATIO_FREE = 50, 1 << 16
"""Bytes that a compressed text may become: so many times its own, and some more."""
PAIRS = 10
"""Bytes of a text in hexadecimal digits, at least: fewer are often digits of something else."""
_PAIR = "[2-7][0-9A-Fa-f]"
LIKELY_HEX = rf"{_PAIR}(?:[ :-]?{_PAIR}){{{PAIRS - 1}}}", rf"(?:0[xX]{_PAIR},? ?){{{PAIRS}}}"
"""Expressions, one of which matches in each run that is text."""
_LIKELY_HEX = re.compile(
    rf"[02-7](?:(?<=[2-7])[0-9A-Fa-f](?:[ :-]?{_PAIR}){{{PAIRS - 1}}}"
    rf"|(?<=0)[xX]{_PAIR}(?:,? ?0[xX]{_PAIR}){{{PAIRS - 1}}})"
)
"""The same; ``re`` is faster for a pattern that begins with a set of characters."""
_MIXED, _PLAIN, _LISTED = (
    (re.compile(rf"(?>(?:{forwards})*)"), re.compile(rf"(?>(?:{backwards})*)"))
    for forwards, backwards in (
        ("[ :-]?[0-9A-Fa-f]{2}", "[ :-]?[0-9A-Fa-f]{2}"),
        ("[0-9A-Fa-f]", "[0-9A-Fa-f]"),
        (",? ?0[xX][0-9A-Fa-f]{2}", " ?,?[0-9A-Fa-f]{2}[xX]0"),
    )
)
"""How a run goes on, and how it does so when it is read from its end."""
_BACK = 256
"""Characters that are read backwards at first."""
_HEX_PREFIX = re.compile(r"0[xX]\Z|\\++[xX]\Z")
_BETWEEN_HEX = re.compile(r"0[xX]|[ :,-]")
_LETTER = re.compile("[0-9A-Za-z]")


def base64_runs(text: str) -> Iterator[View]:
    """Decode runs of Base64, standard or URL-safe (RFC 4648 sections 4 and 5), that are text.

    The text is UTF-8, UTF-16, or compressed by gzip, zlib or Zstandard. Lines of a run are one text if they have
    the same length: the first one and the last one may be shorter.

    Raises:
        MaskingError: compressed text is too large.
    """
    for match in _base64(text):
        if _LIKELY_BASE64.search(text, *match.span(1)):
            yield from _views(match)


def hex_runs(text: str) -> Iterator[View]:
    """Decode runs of hexadecimal digits that are text: in pairs, or not, with ``0x`` or not."""
    at = tried = 0
    while likely := _LIKELY_HEX.search(text, at):
        at = end = likely.end()
        forms = (_LISTED,) if likely[0][1] in "xX" else (_MIXED, _PLAIN)
        for form in forms[likely.start() < tried :]:
            start, end = _run_around(likely.start(), text, *form)
            tried = max(tried, end)
            found = _text_in_hex(text, start, end)
            if found is not None:
                yield WholeView(found.text, start, end, found.inflated)
                break
        at = max(at, end)


def _run_around(at: int, text: str, forwards: re.Pattern[str], backwards: re.Pattern[str]) -> Span:
    """Return the run of which a part begins at an offset."""
    end, width = _matched(forwards, text, at), _BACK
    while True:
        first = max(0, at - width)
        back = _matched(backwards, text[first:at][::-1], 0)
        if not first or back < width - len("0xff, "):
            return at - back, end
        width *= 4


def _matched(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _text_in_hex(text: str, start: int, end: int) -> "_Text | None":
    """Return what a run spells if it stands apart from other letters and digits; None if it is not text."""
    digits = _BETWEEN_HEX.sub("", text[start:end])
    is_part = _LETTER.match(text, end) or (
        start and _LETTER.match(text, start - 1) and not _HEX_PREFIX.search(text, max(0, start - 8), start)
    )
    return None if is_part or len(digits) % 2 or len(digits) < 2 * PAIRS else _text_of(bytes.fromhex(digits))


def lines_that_are_one(text: str) -> Iterator[tuple[int, int]]:
    """Yield stretches of Base64 in lines that are one text. The end of the text may be missing."""
    for match in _base64(text):
        goes_on = _MAY_GO_ON.fullmatch(text, match.end())
        if not goes_on and not _SPLIT.search(match[1]):
            continue
        for start, end in (view.original(0, 1) for view in _views(match)):
            yield start, len(text) if goes_on and end == match.end() else end


def _base64(text: str) -> Iterator[re.Match[str]]:
    """Yield runs that may be Base64, as group 1."""
    return (match for match in _BASE64.finditer(text) if match[1])


def _views(match: re.Match[str]) -> Iterator[View]:
    run, start = match[1], match.start(1)
    lines = _lines(run)
    has_other = _LINE_GOES_ON.match(match.string, match.end()) is not None
    first = 0
    while first < len(lines):
        end = _end_of_group(lines, first)
        if has_other and first + 1 < end == len(lines) and _is_text(run, lines[first : end - 1]):
            end -= 1
        yield from _views_of_lines(run, lines[first:end], start)
        first = end


def _end_of_group(lines: list[Span], first: int) -> int:
    """Return the end of the lines that may be one text."""
    lengths = [end - start for start, end in lines[first : first + 2]]
    if len(lengths) == 1:
        return first + 1
    at, length = first + 1, max(lengths)
    while at < len(lines) and lines[at][1] - lines[at][0] == length:
        at += 1
    is_shorter = at < len(lines) and lines[at][1] - lines[at][0] < length
    return at + is_shorter


def _views_of_lines(run: str, lines: list[Span], start: int) -> Iterator[View]:
    """Decode lines as one text, perhaps without the first one or the last one; else each by itself."""
    first, end, text = _text_of_lines(run, lines)
    if text is not None:
        yield WholeView(text.text, start + lines[first][0], start + lines[end - 1][1], text.inflated)
    for line in lines if text is None else lines[:first] + lines[end:]:
        yield from _views_of_line(run[slice(*line)], start + line[0])


def _text_of_lines(run: str, lines: list[Span]) -> tuple[int, int, "_Text | None"]:
    """Return the first line, the end of the lines, and their text. One that is text to its end is preferred."""
    count = len(lines)
    best: tuple[int, int, _Text | None] = 0, 0, None
    for first, end in ((0, count), (0, count - 1), (1, count), (1, count - 1)):
        text = _decoded("".join([run[slice(*line)] for line in lines[first:end]])) if end > first + 1 else None
        if text is not None and text.complete:
            return first, end, text
        if text is not None and best[2] is None:
            best = first, end, text
    return best


def _is_text(run: str, lines: list[Span]) -> bool:
    """Return whether lines are text to their end. What is compressed has an end of its own."""
    text = _decoded("".join([run[slice(*line)] for line in lines]))
    return text is not None and text.complete and not text.inflated


def _lines(run: str) -> list[Span]:
    """Return where the lines of a run are."""
    ends = [each.span() for each in _SPLIT.finditer(run)]
    return list(zip([0, *(end for _, end in ends)], [*(start for start, _ in ends), len(run)], strict=True))


def _views_of_line(line: str, start: int) -> Iterator[View]:
    text = _decoded(line) if len(line) >= LEAST_TEXT else None
    if text is not None:
        yield WholeView(text.text, start, start + len(line), text.inflated)
    else:
        yield from _views_of_parts(line, start)


def _views_of_parts(line: str, start: int) -> Iterator[View]:
    """Decode the parts of a run by themselves: ``data_…`` and ``path/…`` look like one run."""
    for part in _PART.finditer(line):
        if part.span() == (0, len(line)):
            return
        text = _decoded(part[0])
        if text is not None:
            yield WholeView(text.text, start + part.start(), start + part.end(), text.inflated)


def _decoded(run: str) -> "_Text | None":
    """Return the text of a run; None if it is not text."""
    run = run.rstrip("=").translate(_STANDARD)
    run = run[: len(run) - (len(run) % 4 == 1)]
    try:
        return _text_of(base64.b64decode(run + "=" * (-len(run) % 4)))
    except binascii.Error:
        return None


class _Text(NamedTuple):
    """The text with which some bytes begin."""

    text: str
    inflated: int
    """See ``View``."""
    complete: bool
    """All of the bytes are text."""


def _text_of(data: bytes) -> _Text | None:
    """Return the text with which some bytes begin; None if they are not text."""
    is_compressed = data.startswith((_GZIP, _ZSTD)) or _ZLIB.match(data)
    inflated = _inflated(data) if is_compressed else b""
    data = inflated or data
    encoding = _utf_16(data)
    if encoding:
        decoded = data[: len(data) & ~1].decode(encoding, "surrogatepass").lstrip("\ufeff")
    else:
        decoded = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    end = _NO_TEXT.search(decoded)
    text = decoded[: end.start()] if end else decoded
    if len(text) < (LEAST_TEXT if end else LEAST_WHOLE):
        return None
    return _Text(text, len(inflated), complete=end is None)


def _utf_16(data: bytes) -> str:
    """Return the encoding of bytes of which every second one is zero, or that begin with a mark."""
    if data.startswith(b"\xff\xfe") or (data[1:8:2] == b"\0\0\0\0" and data[0]):
        return "utf-16-le"
    if data.startswith(b"\xfe\xff") or (data[0:7:2] == b"\0\0\0\0" and data[1]):
        return "utf-16-be"
    return ""


def _inflated(data: bytes) -> bytes:
    """Return what a compressed text is, as far as it goes; nothing if it is damaged."""
    most = RATIO * len(data) + RATIO_FREE
    try:
        if data.startswith(_ZSTD):
            inflated = zstd.ZstdDecompressor(options=_ZSTD_WINDOW).decompress(data, most + 1)
        else:
            inflated = zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(data, most + 1)
    except (zlib.error, zstd.ZstdError):
        return b""
    if len(inflated) > most:
        raise MaskingError("compressed text in Base64 is too-large")
    return inflated
