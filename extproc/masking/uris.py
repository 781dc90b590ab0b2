"""Masked URIs that stay URIs (RFC 3986), also for readers that check them as browsers do (WHATWG URL)."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from extproc.masking.edits import Edit

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:")
"""A scheme with its colon."""
_AUTHORITY = re.compile(r"//[^/?#]*")
_NOT_IN_HOST = re.compile(r"[^A-Za-z0-9]+")
_BEGINS = ("/", "?", "#")


def masked_uri(uri: str, edits: Iterable[Edit]) -> str:
    """Return a URI with edits made behind its scheme.

    A label in a host becomes a name that may be one: ``[IP_ADDRESS]`` is ``ip-address.masked``. Elsewhere it is
    percent-encoded.

    Args:
        uri: begins with a scheme.
        edits: sorted, without overlaps. What they would do to the scheme is left out.
    """
    scheme = SCHEME.match(uri)
    at = scheme.end() if scheme else 0
    authority = _AUTHORITY.match(uri, at)
    host_end = authority.end() if authority else at
    at = at + 2 if authority else at
    pieces = [uri[:at]]
    for edit in edits:
        start, end = max(edit.start, at), max(edit.end, at)
        if start < host_end:
            brackets = uri[start - 1] == "[" and uri[end : end + 1] == "]"  # an address of IPv6
            start, end = (start - 1, end + 1) if brackets else (start, end)
            between = "/" if end > host_end and not uri.startswith(_BEGINS, end) else ""
            pieces += (uri[at:start], _host(edit.text), between)
        elif end > start or edit.start >= start:
            start += uri.startswith("/", start) and start == host_end and end > start
            pieces += (uri[at:start], quote(edit.text, safe="*"))
        at = end
    return "".join([*pieces, uri[at:]])


def _host(text: str) -> str:
    """Return a mask as a name of a host."""
    return (_NOT_IN_HOST.sub("-", text).strip("-").lower() or "removed") + ".masked"
