r"""Removes the backend's credential from the backend's responses.

A backend that echoes request headers, or quotes one in an error, would show the caller a secret that only the
guard may have. The redactor finds:

- the secret itself, with any of its characters escaped as serialisers do: as in JSON (``\/``, ``\u002f``, also
  nested), as percent-encoding, or as an HTML entity;
- the secret in Base64, alone or inside a longer text;
- of Basic credentials, also the user and password.

It does not find a secret that the backend changed in another way (encrypted, hashed, reversed, split, in
UTF-16), nor a secret that contains escapes (``%25``) in a text that escapes the same character in different
ways.
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
"""Minimum bytes of a credential. A shorter one would occur by chance in any text."""
SHORT = 512
"""Bytes of a secret up to which escaped letters and digits are found, too: the pattern takes time to build."""
SCHEME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+ +")
"""An authentication scheme and what separates it from its parameters (RFC 9110 section 11.4)."""
BASIC = b"basic"
NINE = ord("9")
LINE_ENDS, BLANKS = b"\n\r", b" \t"
ESCAPES = (b"\\", b"%", b"&")
"""The first bytes of escaped characters."""
MOST_BACKSLASHES = 17
"""Maximum backslashes that stand for one: each escaping doubles their number and adds one."""
LEVELS = 4
"""Times that a character may be percent-encoded."""
RUN_OR_CHARACTER = re.compile(rb"\\+|[^\\]")
SPELLS_PERCENT = re.compile(rb"%(?:25|5[cC])")
SPELLS_TAIL = re.compile(rb"u00(?:5[cC]|75|78)|x(?:5[cC]|75|78)")
SPELLS_ENTITY = re.compile(rb"&(?:amp;|#0*(?:38|92);|#[xX]0*(?:26|5[cC]);)")
ENTITIES = {b"&": b"amp", b"<": b"lt", b">": b"gt", b'"': b"quot", b"'": b"apos"}


class CredentialRedactor:
    """Removes one credential from texts. Built once for each value; its repr does not show it."""

    __slots__ = ("_literal", "_patterns", "ends")

    def __init__(self, value: bytes = b"", secret: bytes = b"") -> None:
        """Build the patterns of a credential.

        Args:
            value: the header field's whole value; empty: there is no credential, and the redactor finds nothing.
            secret: the secret part of the value.
        """
        secrets = _secrets(value, secret)
        self._literal = _literals(secrets, value)
        self._patterns = tuple(
            re.compile(_escaped(each, reading)) for each in secrets for reading in _readings(each)
        )
        self.ends = (
            LINE_ENDS if any(each in form for each in BLANKS for form in self._literal) else LINE_ENDS + BLANKS
        )
        """Bytes that no form of the credential contains: texts may be searched in parts that end with one."""

    def __bool__(self) -> bool:
        """Return whether there is a credential."""
        return bool(self._literal)

    def __call__(self, text: bytes) -> bytes:
        """Return the text without the credential. A match never reaches across one of ``ends``."""
        for needle in self._literal:
            if needle in text:
                text = text.replace(needle, REDACTED_CREDENTIAL)
        if any(each in text for each in ESCAPES):
            for pattern in self._patterns:
                text = pattern.sub(REDACTED_CREDENTIAL, text)
        return text


def _secrets(value: bytes, secret: bytes) -> tuple[bytes, ...]:
    """Return the secrets to remove: the secret with and without a scheme, and Basic's user and password."""
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
    """Return the literal texts to remove, longest first, so that a text comes before those that it contains."""
    encoded = {form for each in (*secrets, value) if each for form in _base64(each)}
    spaced = {each.replace(b" ", b"+") for each in secrets}
    return tuple(sorted({*secrets, *spaced, *encoded}, key=len, reverse=True))


def _base64(secret: bytes) -> set[bytes]:
    """Return Base64 of the secret inside any text: the digits that depend on the secret alone.

    There is a form for each offset in groups of three bytes (RFC 4648 sections 4 and 5), with and without escaped
    slashes.
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
    """One reading of a text that has several, because the secret itself contains an escape (``%25``)."""

    level: int | None = None
    """Times that percent and backslash were percent-encoded; None: any number."""
    tails: bool = True
    """True if ``u005c`` after a backslash is that backslash, and not a part of the secret."""
    entities: bool = True
    """True if ``&amp;`` and ``&#92;`` are one character."""


def _readings(secret: bytes) -> Iterator[_Reading]:
    """Yield the readings; a text of one serialiser needs one of them. Nearly all secrets have only one."""
    levels = range(LEVELS + 1) if SPELLS_PERCENT.search(secret) else (None,)
    tails = (True, False) if SPELLS_TAIL.search(secret) else (True,)
    entities = (True, False) if SPELLS_ENTITY.search(secret) else (True,)
    return map(_Reading._make, product(levels, tails, entities))


def _escaped(secret: bytes, reading: _Reading) -> bytes:
    """Return a pattern of the secret with escaped characters; a long secret's letters and digits are plain.

    At each point of a text at most one alternative can match, so a mismatch takes time in proportion to the
    secret and is not tried in other ways. Therefore a run of backslashes is counted together with the ones that
    escape the next character: a text does not show where one ends and the other begins.
    """
    short = len(secret) <= SHORT
    forms = [
        _run(len(found[0]), reading, last=found.end() == len(secret))
        if found[0][:1] == b"\\"
        else _character(ord(found[0]), reading, behind_run=secret[found.start() - 1 : found.start()] == b"\\")
        if short or not chr(ord(found[0])).isalnum()
        else found[0]
        for found in RUN_OR_CHARACTER.finditer(secret)
    ]
    first, *others = forms  # not atomic: it begins with a literal byte, see _character
    return b"(?:" + first + b")" + b"".join(b"(?>" + form + b")" for form in others)


def _run(length: int, reading: _Reading, *, last: bool) -> bytes:
    """Return the pattern of a run of backslashes and of those that escape the next character."""
    most = MOST_BACKSLASHES * (length + 1) - 1 if not last else MOST_BACKSLASHES * length
    backslash = ord("\\")
    one = [rb"\\" + (b"(?:" + _tails(backslash) + b")?" if reading.tails else b"")]
    one += _encoded(backslash, reading)
    alone = rb"\\{%d,%d}+(?![\\%%&]" % (length, most) + (b"|" + _tails(backslash) if reading.tails else b"") + b")"
    mixed = rb"(?=\\{0,%d}+[ux%%&])(?:" % most + b"|".join(one) + b"){%d,%d}" % (length, most)
    return b"(?>" + alone + b"|" + mixed + b")"


@lru_cache(maxsize=256)
def _character(code: int, reading: _Reading, *, behind_run: bool) -> bytes:
    """Return the pattern of one character, plain or escaped. Forms begin with a literal byte, for speed."""
    plain = re.escape(bytes((code,)))
    tails = _tails(code) + b"|" if reading.tails or chr(code) not in "ux" else b""
    if behind_run:
        forms = [rb"(?<=\\)(?:" + tails[:-1] + b")"] if tails else []
    else:
        forms = [rb"\\\\{0,%d}+(?>" % (MOST_BACKSLASHES - 2) + tails + plain + b")"]
    forms += _encoded(code, reading)
    if (name := ENTITIES.get(bytes((code,)))) and (reading.entities or code != ord("&")):
        forms.append(b"&" + name + b";")
    if code == ord(" "):
        forms.append(rb"\+")
    return b"|".join([*forms, plain])


def _tails(code: int) -> bytes:
    """Return the pattern of the escape after a backslash."""
    return b"u00" + _hexadecimal(code) + b"|x" + _hexadecimal(code)


def _encoded(code: int, reading: _Reading) -> list[bytes]:
    """Return the patterns of percent-encoding and numeric entities of a character."""
    low = _hexadecimal(code)
    forms = [b"%%(?:25){0,%d}" % (LEVELS - 1) + low]
    if code == ord("%"):
        forms = [b"%%(?:25){1,%d}" % LEVELS]
    if reading.level is not None and code in b"%\\":
        forms = [b"%" + b"25" * (reading.level - 1) + low] if reading.level else []
    if reading.entities or code not in b"&\\":
        forms.append(b"&#(?:0{0,4}%d|[xX]0{0,4}%s);" % (code, low))
    return forms


def _hexadecimal(code: int) -> bytes:
    """Return the pattern of a byte's two hexadecimal digits, in either case."""
    return b"".join(b"[%c%c]" % (d, d ^ 32) if d > NINE else b"%c" % d for d in b"%02x" % code)


NO_CREDENTIAL = CredentialRedactor()
"""For a call that was given no credential."""
