"""The address of who sends a request: the peer's, or what a trusted proxy says of it."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

UNKNOWN = "unknown"
"""Stands for an address that cannot be read."""
HOPS_MOST = 20
"""Addresses of ``X-Forwarded-For`` that are looked at."""

Network = IPv4Network | IPv6Network


class ForwardedAddresses:
    """ASGI middleware. Puts the address of who sends a request in the place of a trusted proxy's."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app, self._trusted = app, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope.get("client"):
            forwarded = Headers(scope=scope).getlist("x-forwarded-for")
            address = peer_address(scope["client"][0], forwarded, self._trusted)
            scope = {**scope, "client": (address, 0)}
        await self._app(scope, receive, send)


def peer_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the nearest address that is no trusted proxy's, in one form.

    Whoever sends a request writes ``X-Forwarded-For`` as he likes, and each proxy adds the address of its own peer
    at the end. So the field counts only as far as trusted proxies have written it: from its end to the first
    address that is not trusted.

    Args:
        peer: the address of the connection.
        forwarded: the values of all ``X-Forwarded-For`` fields, in order.
        trusted: the networks of proxies: ``control.trusted_proxies``.
    """
    named = [each.strip() for each in ",".join(forwarded).split(",")][-HOPS_MOST:] if forwarded else []
    for text in (peer, *reversed(named)):
        address = _read(text)
        if address is None:
            return UNKNOWN
        if not any(address in network for network in trusted):
            return str(address)
    return str(_read(named[0]) if named else _read(peer))


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address; one of IPv4 that is written as of IPv6 (RFC 4291 section 2.5.5.2) as what it is."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
