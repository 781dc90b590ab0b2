"""Parses strict JSON (RFC 8259), and refuses documents that two readers could read differently."""

import json
import math
import re
from collections.abc import Iterable
from itertools import accumulate

import orjson

from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Json
from extproc.model.odd_bodies import Odd
from extproc.model.reasons import Uninspectable

MAX_INTEGER_DIGITS = 1_000
"""Maximum digits of an integer: the conversion of a longer one takes quadratic time."""
BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
"""The byte order marks of UTF-16 and UTF-32."""


def parse(body: bytes, *, max_depth: int) -> Json:
    """Parse a whole document that all readers understand alike.

    Args:
        body: the document, UTF-8; a byte order mark is skipped.
        max_depth: maximum nesting of arrays and objects.

    Returns:
        The value. Integers are exact at any size; other numbers are the nearest float.

    Raises:
        Unreadable: ``not-utf8`` (also lone surrogates, which UTF-8 cannot encode), ``not-json``,
            ``duplicate-keys`` (RFC 8259 section 4 leaves their meaning open; also keys equal up to a NUL),
            ``too-deep``, ``number-out-of-range`` (would become infinite or zero, or has over 1,000 digits).
    """
    return parse_text(read_utf8(body), max_depth=max_depth)


def read_utf8(body: bytes) -> str:
    """Decode a document's bytes, without a byte order mark before it: a reader may skip it (RFC 8259 section 8.1).

    Raises:
        Unreadable: ``not-utf8``.
    """
    try:
        return body.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError:
        wide = body.startswith(WIDE_BOMS) or body.count(0) > len(body) // 4
        raise Unreadable(Uninspectable.NOT_UTF8, Odd.UTF16 if wide else None) from None


def mark_of(body: bytes) -> bytes:
    """Return the byte order mark that ``read_utf8`` skips; empty if there is none."""
    return BOM if body.startswith(BOM) else b""


def parse_text(text: str, *, max_depth: int) -> Json:
    """Parse a decoded document; as ``parse``."""
    fast = _fast(text, max_depth)
    if fast is not None and _LONG_INTEGER not in text.encode().translate(_DIGITS_ALIKE):
        return fast[0]
    return parse_strictly(text, max_depth)


def check_text(text: str, *, max_depth: int) -> None:
    """Refuse the texts that ``parse_text`` refuses, without making the value.

    Raises:
        Unreadable: as ``parse``.
    """
    if _fast(text, max_depth) is None:
        parse_strictly(text, max_depth)


def parse_checked(text: str) -> Json:
    """Parse a text that ``check_text`` accepts, quickly: integers of over 18 digits may be floats."""
    try:
        value: Json = orjson.loads(text)
    except ValueError:  # nested deeper than the fast parser goes
        value = json.loads(text)
    return value


def _fast(text: str, max_depth: int) -> tuple[Json] | None:
    r"""Return a fast parser's value if the strict parser certainly accepts the text; None proves nothing.

    The fast parser has the same grammar, but keeps one of two equal keys, rounds tiny numbers to zero and long
    integers to floats, and has its own depth limit. A document that is written again has the same number of
    colons, unless a member was lost: no string gains or loses a colon if none is written as ``\u003a``.
    Indentation shows the depth. Keys with a NUL are left to the strict parser.
    """
    if (
        ("\\" in text and (any(each in text for each in _COLONS) or _NUL in text))
        or _ZEROS in text
        or any(_EXPONENT.match(text, at.start() - 2) for at in _TINY.finditer(text, 2))
    ):
        return None
    shallow = len(text) < SHORT and text.count("[") + text.count("{") <= max_depth
    try:
        value = orjson.loads(text)
        again = orjson.dumps(value, option=None if shallow else orjson.OPT_INDENT_2)
    except (ValueError, TypeError):  # cannot be read; nested too deep to be written
        return None
    if again.count(b":") != text.count(":") or not (shallow or b"\n" + b"  " * max_depth not in again):
        return None
    return (value,)


_COLONS = ("\\u003a", "\\u003A")
"""The spellings of a colon in escapes."""
_NUL = "\\u0000"
"""The only spelling of NUL in a document."""
SHORT = 4_096
"""Characters of a text up to which counting brackets costs less than indentation."""
_ZEROS = "0" * 200
"""With fewer zeros no number becomes zero, unless its exponent has three digits."""
_TINY = re.compile(r"-[0-9]{3}")
_EXPONENT = re.compile(r"[0-9.][eE]")
_LONG_INTEGER = b"0" * 19
"""Both parsers read shorter integers alike."""
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)


def parse_strictly(text: str, max_depth: int) -> Json:
    """As ``parse_text``, but always by the strict parser, which decides alone which texts are accepted."""
    _check_depth(text, max_depth)
    try:
        value: Json = _STRICT.decode(text)
        if "\\u" in text and _MAYBE_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Unreadable(Uninspectable.NOT_UTF8, Odd.LONE_SURROGATE) from None
    except RecursionError:
        raise Unreadable(Uninspectable.TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise Unreadable(Uninspectable.NOT_JSON, _oddity(text, error)) from None
    except ValueError:
        raise Unreadable(Uninspectable.NOT_JSON) from None
    return value


def _oddity(text: str, error: json.JSONDecodeError) -> Odd | None:
    """Return which common body a text is that is not JSON; None if it is just malformed."""
    if "\0" in text:
        return Odd.UTF16
    if text.startswith(CONSTANTS, error.pos) or text.startswith("-Infinity", error.pos):
        return Odd.NAN
    if error.msg == "Extra data" and "\n" in text[: error.pos] and text[error.pos] in "{[":
        return Odd.LINES
    return None


CONSTANTS = ("NaN", "Infinity", "nan", "inf", "-inf", "-nan")
"""Numbers that are no JSON, as programs write them."""


_MAYBE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
"""A string, or the rest of the text if it has no end: a pattern that can fail would be tried at each quote."""
_NOT_BRACKETS = re.compile(r"[^][{}]+")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


def _check_depth(text: str, max_depth: int) -> None:
    """Refuse deep nesting before the parser recurses. Text that is not JSON may pass: the parser refuses it."""
    if text.count("[") + text.count("{") <= max_depth:
        return
    outside = _STRINGS.sub("", text) if "\\" in text else "".join(text.split('"')[::2])
    brackets = _NOT_BRACKETS.sub("", outside)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth:
        raise Unreadable(Uninspectable.TOO_DEEP)


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise Unreadable(Uninspectable.NUMBER_OUT_OF_RANGE, Odd.LONG_INTEGER)
    return int(digits)


_NON_ZERO = re.compile(r"^-?[0.]*[1-9]")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value) or (value == 0 and _NON_ZERO.match(digits)):
        raise Unreadable(Uninspectable.NUMBER_OUT_OF_RANGE, Odd.NUMBER)
    return value


def _constant(_: str) -> Json:
    raise Unreadable(Uninspectable.NOT_JSON, Odd.NAN)


def _object(members: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(members)
    if len(made) != len(members):
        raise Unreadable(Uninspectable.DUPLICATE_KEYS, Odd.SAME_KEY)
    if "\0" in "".join(made) and _are_cut_alike(made):
        raise Unreadable(Uninspectable.DUPLICATE_KEYS, Odd.NUL_KEY)
    return made


def _are_cut_alike(keys: Iterable[str]) -> bool:
    """Return whether two keys are one for readers in C, which end a text at its first NUL.

    Keys that begin with a NUL are told apart from each other, though not from an empty key: PHP writes private
    members so.
    """
    cut = [cut_at_nul(key) for key in keys if not key.startswith("\0")]
    return len(set(cut)) < len(cut) or ("" in cut and any(key.startswith("\0") for key in keys))


def cut_at_nul(key: str) -> str:
    """Return a key as readers in C take it: up to its first NUL."""
    return key.partition("\0")[0]


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_constant, strict=True
)
