r"""Characters that are spelled by other characters, and markup inside of words.

One view replaces all of these at once, since text of one kind stands beside text of another:

* percent-encoding, also ``%u0040``;
* HTML's character references;
* escapes of programming languages: ``\u0040``, ``\u{40}``, ``\x40``, ``\100``, ``\@``;
* tags of HTML inside of a word (``4111<b>1111</b>``), line breaks (``<br>``), comments;
* colours of terminals, and their other commands (``ESC [ 31 m``, ``ESC [ K``).

Quoted-printable has a view of its own: ``ssn=219…`` is not a spelling of anything.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from extproc.detectors.ends import parts_around
from extproc.detectors.views import ReplacedView, View

REMEMBERED = 4_096
"""Spellings that are not decoded again. Text of a few characters uses a few spellings."""
_HEX = "[0-9A-Fa-f]"
_PERCENT = rf"%(?:[0-7]{_HEX}|[C-Fc-f]{_HEX}(?:%[89ABab]{_HEX}){{1,3}}|u{_HEX}{{4}})"
_REFERENCE = (
    r"&(?:#0{0,32}+[0-9]{1,7}(?![0-9]);?|#[xX]0{0,32}+[0-9A-Fa-f]{1,6}(?![0-9A-Fa-f]);?"
    r"|[A-Za-z][A-Za-z0-9]{1,30};)"
)
"""Browsers need no semicolon behind a number, and accept any zeros before it. More than 32 zeros are not decoded:
streamed text could be cut inside."""
_ESCAPE = (
    r"\\(?<!\\.)\\*+(?:[/@._+()-]|x[0-9A-Fa-f]{2}|[0-3][0-7]{2}"
    r"|u(?:[Dd][89ABab][0-9A-Fa-f]{2}\\++u[Dd][C-Fc-f][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}|\{0{0,6}[0-9A-Fa-f]{1,6}\}))"
)
"""Matches an escape however often it was escaped again. The look-behind comes after the first backslash since
``re`` takes several times as long for a pattern that begins with a look-behind."""
INLINE = (
    "b|i|u|s|q|em|tt|abbr|bdi|bdo|big|cite|code|del|dfn|font|ins|kbd|mark|nobr|samp|small|span|strike|strong|sub|sup"
    "|var|wbr"
)
"""Elements that do not part a word (WHATWG HTML section 4.5, and older ones)."""
TAG_LONGEST = 200
"""Characters between the name of a tag and its end."""
_IN_TAG = rf"[^<>]{{0,{TAG_LONGEST}}}"
_TAG = rf"<(?:/?(?:{INLINE})(?:[ \t/]{_IN_TAG})?>|!--{_IN_TAG}-->|[bB][rR] ?/?>[ \t]?(?:\r?\n)?)"
_COLOUR = r"\x1b\[[0-9;:?]{0,16}[A-Za-z]"
"""A control sequence (ECMA-48 section 5.4)."""
SPELLED = re.compile(f"{_PERCENT}|{_REFERENCE}|{_ESCAPE}|{_TAG}|{_COLOUR}")
_BEGUN = re.compile(r"(?:%|&|\\|\x1b)[0-9A-Za-z#;:?\[{\\]{0,18}\Z")
"""A text ends like this within a spelling."""
SPELLING_LONGEST = 24
"""Most characters of a spelling at the beginning of a match, but of one with many zeros or backslashes."""
_QUOTED_MARK = "(?:2[0-9A-F]|3[A-F]|40|5[B-F]|60|7[B-E])"
"""What quoted-printable spells of ASCII is no letter and no digit: an encoder leaves them as they are."""
_SOFT_BREAK = r"=[ \t]{0,3}(?:\r?\n|\\++(?:r\\++)?n)"
_NEW_LINE = (
    r"(?:[\"']?[\w.-]{1,64}[\"']?[ \t]?(?::|=(?![0-9A-F]{2}|[\r\n]))|[A-Z][A-Z0-9_]{2,63}="
    r"|(?:export|set|ENV|ARG|-)[ \t]|---|[^\w+/.-])"
)
_PADDED = "|".join(
    (r"(?<=[A-Za-z0-9+/_-]{11}=)", *(rf"(?<=[ :=\"'][A-Za-z0-9+/]{{{count}}}=)" for count in (3, 7)))
)
_PADDING = rf"(?:{_PADDED}){_SOFT_BREAK[1:]}{_NEW_LINE}"
_SOFT = (
    rf"=(?:(?<=[0-9]=){_SOFT_BREAK[1:]}(?=[0-9])"
    rf"|(?<=[^\r\n]{{39}}[^\r\n=]=)(?!{_PADDING}){_SOFT_BREAK[1:]}(?=[^\r\n]))"
)
"""Encoders break long lines only. A line that ends in ``=`` may also be a setting without a value, or the padding
of Base64 (RFC 4648 section 3.2): then the next line is one of its own, and begins as such."""
QUOTED = re.compile(
    rf"=(?:(?<=[0-9A-Za-z)]=){_QUOTED_MARK}(?=[0-9A-Za-z(=+])"
    rf"|(?:[2-7]{_HEX}|[C-Fc-f]{_HEX}(?:=[89ABab]{_HEX}){{1,3}}|0[9AaDd])"
    rf"(?:=(?:[2-7]{_HEX}|[C-Fc-f]{_HEX}(?:=[89ABab]{_HEX}){{1,3}}|0[9AaDd])){{2,}})|{_SOFT}"
)
"""Quoted-printable (RFC 2045 section 6.7): a mark between letters, at least three characters in a row, or a line
end that is not one."""
SOFT_BREAK = re.compile(r"=[ \t]{0,3}\r?\n\Z")
"""The end of a line that goes on in the next one."""


AROUND_QUOTED = 600
"""Characters on each side of quoted-printable that are looked at with it, besides the rest of the lines."""


def spelled(text: str) -> Iterator[View]:
    """Decode all spellings but those of quoted-printable."""
    yield ReplacedView(text, SPELLED, decode_spelling)


def spelling_at(text: str, at: int) -> tuple[int, int] | None:
    """Return the range of the spelling around an offset; None if no spelling reaches across it."""
    begun = _BEGUN.search(text, max(0, at - SPELLING_LONGEST), at)
    for found in SPELLED.finditer(text, begun.start(), at + SPELLING_LONGEST) if begun else ():
        if found.start() >= at:
            return None
        if found.end() > at:
            return found.span()
    return None


def quoted_printable(text: str) -> Iterator[View]:
    """Decode quoted-printable of UTF-8. In long text, only lines around it: numbers behind ``=`` look like it."""
    places = [match.start() for match in QUOTED.finditer(text)] if len(text) > AROUND_QUOTED else [0]
    for first, last in parts_around(places, AROUND_QUOTED, AROUND_QUOTED, len(text)):
        start = text.rfind("\n", max(0, first - AROUND_QUOTED), first) + 1 or first
        end = text.find("\n", last, last + AROUND_QUOTED) + 1 or last
        yield ReplacedView(text[start:end], QUOTED, decode_quoted, start)


@lru_cache(REMEMBERED)
def decode_spelling(found: str) -> str:
    """Return what one match of ``SPELLED`` spells."""
    match found[0]:
        case "%":
            if found.startswith("%u"):
                return chr(int(found[-4:], 16))
            return unquote_to_bytes(found).decode("utf-8", "replace")
        case "&":
            return html.unescape(found)
        case "\\":
            return _unescaped(found)
        case "<":
            return "\n" if found[1:3].lower() == "br" else ""
        case _:
            return ""


def _unescaped(found: str) -> str:
    if found[-1] in "/@._+()-":
        return found[-1]
    code = found.lstrip("\\")
    if code[0] == "x":
        return chr(int(code[1:], 16))
    if code[0] != "u":
        return chr(int(code, 8))
    if code[1] == "{":
        return chr(min(int(code[2:-1], 16), 0x10FFFF))
    units = "".join([each[:4] for each in code.split("u")[1:]])
    return bytes.fromhex(units).decode("utf-16-be", "surrogatepass")


@lru_cache(REMEMBERED)
def decode_quoted(found: str) -> str:
    """Return what one match of ``QUOTED`` spells."""
    if found[1] in " \t\r\n\\":
        return ""
    return bytes.fromhex(found.replace("=", "")).decode("utf-8", "replace")
