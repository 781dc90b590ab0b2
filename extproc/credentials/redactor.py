r"""The backend's credential, found again in what the backend sends back.

A backend that echoes request headers, or quotes one in an error, would show its caller what only the guard may
hold. Found are the secret as it is, and as serialisers write it: each character by itself, or escaped as in JSON
(``\/``, ``\u002f``, also nested), as percent-encoding, or as an HTML entity; in Base64, alone or inside a longer
text; and for Basic credentials the user and password that they stand for.

Not found: a secret that the backend changed in another way (encrypted, hashed, reversed, cut in two, in UTF-16);
one that has escapes of its own (``%25``), in a text that escapes the same character now in one way and now in
another.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

REDACTED_CREDENTIAL = b"[CREDENTIAL]"
MINIMUM = 8
"""Bytes of a credential. A shorter one would be met by chance in any text."""
SHORT = 512
"""Bytes up to which letters and digits, too, are looked for in escaped form: the pattern takes time to build."""
SCHEME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+ +")
"""An authentication scheme and what separates it from its parameters (RFC 9110 section 11.4)."""
BASIC = b"basic"
NINE = ord("9")
LINE_ENDS, BLANKS = b"\n\r", b" \t"
ESCAPES = (b"\\", b"%", b"&")
"""What escaped characters begin with."""
MOST_BACKSLASHES = 17
"""That stand for one, each time they are escaped twice as many and one."""
LEVELS = 4
"""How often a character may be percent-encoded."""
RUN_OR_CHARACTER = re.compile(rb"\\+|[^\\]")
SPELLS_PERCENT = re.compile(rb"%(?:25|5[cC])")
SPELLS_TAIL = re.compile(rb"u00(?:5[cC]|75|78)|x(?:5[cC]|75|78)")
SPELLS_ENTITY = re.compile(rb"&(?:amp;|#0*(?:38|92);|#[xX]0*(?:26|5[cC]);)")
ENTITIES = {b"&": b"amp", b"<": b"lt", b">": b"gt", b'"': b"quot", b"'": b"apos"}


class CredentialRedactor:
    """Takes one credential out of texts. Built once per value; shows none of it."""

    __slots__ = ("_literal", "_patterns", "ends")

    def __init__(self, value: bytes = b"", secret: bytes = b"") -> None:
        """Prepare to look for a credential.

        Args:
            value: the header field's whole value; empty: there is none, and nothing is looked for.
            secret: the part of it that is secret.
        """
        secrets = _secrets(value, secret)
        self._literal = _literals(secrets, value)
        self._patterns = tuple(
            re.compile(_escaped(each, reading)) for each in secrets for reading in _readings(each)
        )
        self.ends = (
            LINE_ENDS if any(each in form for each in BLANKS for form in self._literal) else LINE_ENDS + BLANKS
        )
        """What no form of it has within: a text may be searched in parts that end with one of these bytes."""

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._literal)

    def __call__(self, text: bytes) -> bytes:
        """The text without the credential. What it finds never reaches across one of ``ends``."""
        for needle in self._literal:
            if needle in text:
                text = text.replace(needle, REDACTED_CREDENTIAL)
        if any(each in text for each in ESCAPES):
            for pattern in self._patterns:
                text = pattern.sub(REDACTED_CREDENTIAL, text)
        return text


def _secrets(value: bytes, secret: bytes) -> tuple[bytes, ...]:
    """What must not be read: the secret, the same without a scheme, and what Basic credentials stand for."""
    found = [secret, SCHEME.sub(b"", secret, count=1)]
    scheme = SCHEME.match(value)
    if scheme and scheme[0].strip().lower() == BASIC:
        pair = _decoded(value[scheme.end() :])
        found += [pair, pair.partition(b":")[2]]
    lines = (each for each in found if len(each) >= MINIMUM and len(each.splitlines()) == 1)
    return tuple(sorted(set(lines), key=len, reverse=True))


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _literals(secrets: tuple[bytes, ...], value: bytes) -> tuple[bytes, ...]:
    """Texts that are looked for as they are, longest first: what contains another goes before it."""
    encoded = {form for each in (*secrets, value) if each for form in _base64(each)}
    spaced = {each.replace(b" ", b"+") for each in secrets}
    return tuple(sorted({*secrets, *spaced, *encoded}, key=len, reverse=True))


def _base64(secret: bytes) -> set[bytes]:
    """Base64 of any text with the secret in it: the digits that depend on the secret alone.

    One form for each way it can lie in groups of three bytes (RFC 4648 sections 4 and 5), slashes escaped or not.
    """
    if len(secret) < MINIMUM:
        return set()
    forms = set()
    for before in range(3):
        bits = 8 * len(secret)
        first = -(-8 * before // 6)
        digits = base64.b64encode(bytes(before) + secret)[first : (8 * before + bits) // 6]
        forms |= {digits, digits.translate(bytes.maketrans(b"+/", b"-_")), digits.replace(b"/", b"\\/")}
    return forms


class _Reading(NamedTuple):
    """How a text is read where it can be read in two ways, since the secret itself spells an escape (``%25``)."""

    level: int | None = None
    """How often percent and backslash were percent-encoded; None: any number."""
    tails: bool = True
    """``u005c`` behind a backslash is that backslash, and no part of the secret."""
    entities: bool = True
    """``&amp;`` and ``&#92;`` are one character."""


def _readings(secret: bytes) -> Iterator[_Reading]:
    """Ways to read: a text that one serialiser wrote needs one of them. For nearly all secrets there is one."""
    levels = range(LEVELS + 1) if SPELLS_PERCENT.search(secret) else (None,)
    tails = (True, False) if SPELLS_TAIL.search(secret) else (True,)
    entities = (True, False) if SPELLS_ENTITY.search(secret) else (True,)
    return map(_Reading._make, product(levels, tails, entities))


def _escaped(secret: bytes, reading: _Reading) -> bytes:
    """A pattern of the secret in which any character may be escaped; of a long one, all but letters and digits.

    Wherever it stands in a text, at most one of its alternatives can go on: what does not match takes time in
    proportion to the secret, and is not tried in other ways. So backslashes are counted together with those that
    escape the next character: no text tells where the ones end and the others begin.
    """
    short = len(secret) <= SHORT
    ways = [
        _run(len(found[0]), reading, last=found.end() == len(secret))
        if found[0][:1] == b"\\"
        else _character(ord(found[0]), reading, behind_run=secret[found.start() - 1 : found.start()] == b"\\")
        if short or not chr(ord(found[0])).isalnum()
        else found[0]
        for found in RUN_OR_CHARACTER.finditer(secret)
    ]
    return b"(?:" + ways[0] + b")" + b"".join(b"(?>" + way + b")" for way in ways[1:])  # begins: see _character


def _run(length: int, reading: _Reading, *, last: bool) -> bytes:
    """Backslashes, escaped or not, and those that escape what follows them."""
    most = MOST_BACKSLASHES * (length + 1) - 1 if not last else MOST_BACKSLASHES * length
    backslash = ord("\\")
    one = [rb"\\" + (b"(?:" + _tails(backslash) + b")?" if reading.tails else b"")]
    one += _encoded(backslash, reading)
    alone = rb"\\{%d,%d}+(?![\\%%&]" % (length, most) + (b"|" + _tails(backslash) if reading.tails else b"") + b")"
    mixed = rb"(?=\\{0,%d}+[ux%%&])(?:" % most + b"|".join(one) + b"){%d,%d}" % (length, most)
    return b"(?>" + alone + b"|" + mixed + b")"


@lru_cache(maxsize=256)
def _character(code: int, reading: _Reading, *, behind_run: bool) -> bytes:
    """One character, plain or escaped. Each way begins with a literal byte, which the engine skips ahead to."""
    plain = re.escape(bytes((code,)))
    tails = _tails(code) + b"|" if reading.tails or chr(code) not in "ux" else b""
    if behind_run:
        ways = [rb"(?<=\\)(?:" + tails[:-1] + b")"] if tails else []
    else:
        ways = [rb"\\\\{0,%d}+(?>" % (MOST_BACKSLASHES - 2) + tails + plain + b")"]
    ways += _encoded(code, reading)
    if (name := ENTITIES.get(bytes((code,)))) and (reading.entities or code != ord("&")):
        ways.append(b"&" + name + b";")
    if code == ord(" "):
        ways.append(rb"\+")
    return b"|".join([*ways, plain])


def _tails(code: int) -> bytes:
    """What stands for a character behind a backslash."""
    return b"u00" + _hexadecimal(code) + b"|x" + _hexadecimal(code)


def _encoded(code: int, reading: _Reading) -> list[bytes]:
    """A character as percent-encoding and as a numeric entity."""
    low = _hexadecimal(code)
    ways = [b"%%(?:25){0,%d}" % (LEVELS - 1) + low]
    if code == ord("%"):
        ways = [b"%%(?:25){1,%d}" % LEVELS]
    if reading.level is not None and code in b"%\\":
        ways = [b"%" + b"25" * (reading.level - 1) + low] if reading.level else []
    if reading.entities or code not in b"&\\":
        ways.append(b"&#(?:0{0,4}%d|[xX]0{0,4}%s);" % (code, low))
    return ways


def _hexadecimal(code: int) -> bytes:
    """Its two digits, in either case."""
    return b"".join(b"[%c%c]" % (d, d ^ 32) if d > NINE else b"%c" % d for d in b"%02x" % code)


NO_CREDENTIAL = CredentialRedactor()
"""For a call that was given no credential."""
