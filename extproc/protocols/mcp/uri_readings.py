"""A URI as readers may take it, who decode it, ignore letter case, or clean up its path.

A server maps a URI to a file or to another service, and such readers are lenient in ways of their own. Here are
their ways together: two URIs that one of them could take for the same have the same reading.

Not read: names of hosts in Punycode, addresses of hosts in other numbers, and the short names and streams of
Windows' files.

Source of what a URI may be read as: RFC 3986 sections 5.2.4 and 6.2; WHATWG URL section 4.4; Unicode TR15 for
compatibility forms, and TR46 for names of hosts.
"""

import re
import unicodedata
from urllib.parse import unquote

CONFUSING = re.compile(r"[\x00-\x1f\x7f\\]|(?:^|[/?#])\.[. ]*(?:;[^/?#]*)?(?=[/?#]|$)")
"""A control character, a backslash, or a dot segment, which may have parameters."""
NO_PATH = re.compile(r"[?#]")
"""The begin of a query or a fragment."""
ROUNDS = 3
"""How often percent-encoding is undone. A URI that is encoded more often is refused."""
_SCHEME = r"^([a-z][a-z0-9+.-]*:/"
_ALIKE = (
    (re.compile("\u3002"), "."),
    (re.compile(rf"{_SCHEME}+)[^/?#@]*@"), r"\1"),  # a user
    (re.compile(rf"{_SCHEME}+[^/?#:]*):[0-9]*(?=[/?#]|$)"), r"\1"),  # a port
    (re.compile(r"/{2,}"), "/"),
    (re.compile(r"[ .]+(?=[/?#]|$)"), ""),  # Windows drops them at the end of a name
    (re.compile(r"^file:(?:/localhost(?=/))?/?"), "file:/"),
    (re.compile(r"^(file:/[a-z])[:|](?=/|$)"), r"\1"),  # the end of a drive's name
)
"""What some readers leave out, or take for something else."""
INVISIBLE = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f]")
"""Characters that names of hosts may have for nothing, beside those of the category Cf."""


def decoded(uri: str) -> str | None:
    """Return a URI without percent-encoding and compatibility forms; None where a reader finds a dot segment.

    None also for a backslash, a control character, an encoding of other bytes than UTF-8, and too many encodings.
    """
    for _ in range(ROUNDS):
        try:
            plain = unicodedata.normalize("NFKC", unquote(uri, errors="strict"))
        except UnicodeDecodeError:
            return None
        if CONFUSING.search(plain):
            return None
        if plain == uri:
            return plain
        uri = plain
    return None


def as_read(plain: str) -> str:
    """Return how the most lenient reader takes a decoded URI."""
    text = plain.casefold()
    if not text.isascii():
        text = "".join(each for each in INVISIBLE.sub("", text) if unicodedata.category(each) != "Cf")
    for expression, instead in _ALIKE:
        text = expression.sub(instead, text)
    return text
