"""IP_ADDRESS: version 4 or 6, as text (RFC 4291 section 2.2, RFC 5952). Loopback says nothing."""

import ipaddress
import re
from collections.abc import Iterator

from extproc.detectors.context import ending, is_called, name_of
from extproc.detectors.detector import Detector, Ranges, outermost

OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
V4 = re.compile(rf"(?<![0-9A-Za-z./_-])(?:{OCTET}\.){{3}}{OCTET}(?![0-9A-Za-z_-]|\.[0-9])")
V6 = re.compile(r"(?<![0-9A-Za-z:._-])[0-9A-Fa-f:]{3,39}(?:\.[0-9.]{5,11})?(?![0-9A-Za-z:_-]|\.[0-9])")
GROUPS = 3
"""A shorter one, ``a::b``, is more often something else."""
OTHERWISE = ending(
    r"(?:versions?|ver|releases?|builds?|firmware|oid)"
    r"(?:_(?:number|no|string|name|tag|current|latest|installed|available|min|max))?"
)
"""Names of values that look alike: ``1.2.3.4``."""


def find(text: str, context: str) -> Ranges:
    """Yield addresses of other machines."""
    yield from outermost(
        match.span() for match in _matches(text) if not is_called(OTHERWISE, name_of(text, *match.span(), context))
    )


def _matches(text: str) -> Iterator[re.Match[str]]:
    yield from (match for match in V4.finditer(text) if not match[0].startswith(("0.", "127.", "255.")))
    yield from (match for match in V6.finditer(text) if _is_v6(match[0]))


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
    heeds_context=True,
)
