"""IP_ADDRESS: version 4 or 6, as text (RFC 4291 section 2.2, RFC 5952). Loopback addresses are ignored."""

import ipaddress
import re
from collections.abc import Iterator

from extproc.detectors.context import ends_with, name_endings, own_name
from extproc.detectors.detector import Detector, Ranges, outermost

OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
V4 = re.compile(rf"(?<![0-9A-Za-z.])(?:{OCTET}\.){{3}}{OCTET}(?![0-9A-Za-z]|\.[0-9])")
V6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{3,39}(?:\.[0-9.]{5,11})?(?![0-9A-Za-z:]|\.[0-9])")
PRODUCT = re.compile(r"/[A-Za-z0-9_+-]{0,38}[A-Z](?:[\s(;,\"']|\Z)")
"""``Chrome/120.0.0.0`` (RFC 9110 section 10.1.5), read from its end. Java writes ``host/10.1.2.3``."""
RELEASED = re.compile(
    r"/(?:snoisrev|noisrev|rev|v|sesaeler|esaeler|sdliub|dliub|sgat|gat)(?![0-9A-Za-z])", re.IGNORECASE
)
"""``/releases/1.2.3.4``, read from its end."""
GOES_ON = re.compile(r":[0-9]|/")
"""May follow an address, but not the version of a product."""
PACKED = re.compile(
    r"[A-Za-z0-9_.+~-]{0,40}?\.(?:tar|tgz|zip|7z|jar|war|whl|egg|gem|deb|rpm|apk|exe|msi|dmg|pkg|iso|nupkg|so|dll)(?![A-Za-z])"
)
"""The rest of a file's name, behind ``name-1.2.3.4``."""
SUFFIX = re.compile(
    r"[-_](?:[0-9.]{1,8}[.~+-]?)?(?:alpha|beta|rc|pre(?:view|release)?|dev|snapshot|final|ga|release|hotfix|patch"
    r"|build|lts|generic|ubuntu|deb|bpo|amzn|(?:el|fc)[0-9])(?![A-Za-z])",
    re.IGNORECASE,
)
"""Follows a version: ``-rc.1``, ``-1.el9``."""
NEAR = 41
"""Characters before an address that may say that it is a version."""
GROUPS = 3
"""Least groups of a version 6 address: a shorter one, ``a::b``, is more often something else."""
OTHER_NAMES = name_endings(
    r"(?:versions?|ver|releases?|builds?|firmware|oid)"
    r"(?:_(?:number|no|string|name|tag|current|latest|installed|available|min|max))?"
)
"""Names of other values that look like ``1.2.3.4``."""


def find(text: str, keys: str) -> Ranges:
    """Yield addresses of other machines, and no versions."""
    yield from outermost(
        match.span() for match in _matches(text) if not ends_with(OTHER_NAMES, own_name(text, *match.span(), keys))
    )


def _matches(text: str) -> Iterator[re.Match[str]]:
    for match in V4.finditer(text):
        if not match[0].startswith(("0.", "127.", "255.")) and not _is_version(text, *match.span()):
            yield match
    yield from (match for match in V6.finditer(text) if _is_v6(match[0]))


def _is_version(text: str, start: int, end: int) -> bool:
    """Return whether the text joined to a match says that it is a version."""
    before = text[max(0, start - NEAR) : start][::-1]
    if RELEASED.match(before) or SUFFIX.match(text, end):
        return True
    if before[:1] in ("-", "_"):
        return before[1:2].isalnum() and PACKED.match(text, end) is not None
    return PRODUCT.match(before) is not None and not GOES_ON.match(text, end)


def _is_v6(text: str) -> bool:
    if sum(map(bool, text.split(":"))) < GROUPS or not any(map(str.isdigit, text)):
        return False
    try:
        return not ipaddress.IPv6Address(text).is_loopback
    except ValueError:
        return False


IP_ADDRESS = Detector(
    entity="IP_ADDRESS",
    prefilter=(
        rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
        rb":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]",
        rb"[0-9A-Fa-f]::",
        rb"::[0-9A-Fa-f]",
    ),
    shortest=5,
    find=find,
    canonical=str.lower,
    prefilter_shortest=3,
    uses_context=True,
    meaning="an address of version 4 or 6; not loopback, not a version's number",
    example="192.0.2.44",
    source="RFC 791, RFC 4291",
)
