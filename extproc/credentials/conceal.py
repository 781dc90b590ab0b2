r"""The backend's credential, found again in what the backend sends back.

A backend that echoes request headers, or quotes one in an error, would show its caller what only the guard may
hold. Found are the secret as it is, and as serialisers write it: each character by itself, or escaped as in JSON
(``\/``, ``\u002f``, also nested), as percent-encoding, or as an HTML entity; in Base64, alone or inside a longer
text; and for Basic credentials the user and password that they stand for.

Not found: a secret that the backend changed in another way (encrypted, hashed, reversed, cut in two, in UTF-16).
"""

import base64
import binascii
import re
from functools import lru_cache

CONCEALED = b"[CREDENTIAL]"
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
ENTITIES = {b"&": b"amp", b"<": b"lt", b">": b"gt", b'"': b"quot", b"'": b"apos"}


class Concealer:
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
        self._patterns = tuple(re.compile(_escaped(each)) for each in secrets)
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
                text = text.replace(needle, CONCEALED)
        if any(each in text for each in ESCAPES):
            for pattern in self._patterns:
                text = pattern.sub(CONCEALED, text)
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


def _escaped(secret: bytes) -> bytes:
    """A pattern of the secret in which any character may be escaped; of a long one, all but letters and digits."""
    short = len(secret) <= SHORT
    return b"".join(
        _character(code) if short or not chr(code).isalnum() else secret[at : at + 1]
        for at, code in enumerate(secret)
    )


@lru_cache(maxsize=128)
def _character(code: int) -> bytes:
    """One character, plain or escaped. Each way begins with a literal byte, which the engine skips ahead to."""
    plain = re.escape(bytes((code,)))
    low = b"".join(b"[%c%c]" % (d, d ^ 32) if d > NINE else b"%c" % d for d in b"%02x" % code)  # either case
    ways = [
        plain,
        rb"\\\\{0,15}(?:" + plain + b"|u00" + low + b"|x" + low + b")",
        b"%(?:25){0,3}" + low,
        b"&#(?:0{0,4}%d|[xX]0{0,4}%s);" % (code, low),
    ]
    if name := ENTITIES.get(bytes((code,))):
        ways.append(b"&" + name + b";")
    if code == ord(" "):
        ways.append(rb"\+")
    return b"(?:" + b"|".join(ways) + b")"


NOTHING = Concealer()
"""For a call that was given no credential."""
