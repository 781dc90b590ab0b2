"""Hosts of connections: exact ones, and those with a wildcard. Guard and Envoy must find the same connection.

Envoy looks up a virtual host by the Host header in lower case, with its port: first an exact domain, then the
longest ``*.suffix``, then the longest ``prefix*`` (config.route.v3.VirtualHost, ``domains``). Here a wildcard is
either the whole left part of a name, at a dot, or the port. The rendered configuration has them as its domains.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TypeVar

NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
HOST = rf"^((\*\.)?{NAME}(:[0-9]{{1,5}})?|{NAME}:\*)$"
"""A host in the settings."""
UPSTREAM_HOST = rf"^({NAME}|\[[0-9a-f:.]+\])(:[0-9]{{1,5}})?$"
"""A host that Envoy sends to a backend. It has no byte that could end the header field."""
AUTHORITY = re.compile(rf"{NAME}(:[0-9]{{1,5}})?", re.ASCII | re.IGNORECASE)
"""A Host header that can name a connection. Two of them, which Envoy joins by a comma, name none."""
ANY_LABELS = "*."
ANY_PORT = ":*"

Owner = TypeVar("Owner")


def find_host(owners: Mapping[str, Owner], authority: str) -> Owner | None:
    """Return the owner of a Host header's value: of the exact host, else of the longest wildcard that matches it.

    Args:
        owners: by host, as the settings have them.
        authority: the value as Envoy sends it, in any case.
    """
    if not AUTHORITY.fullmatch(authority):
        return None
    return next((owners[each] for each in _hosts_that_match(authority.lower()) if each in owners), None)


def _hosts_that_match(authority: str) -> Iterator[str]:
    """Yield each host of the settings that would match, in Envoy's order."""
    yield authority
    name, _, port = authority.partition(":")
    _, dot, parent = authority.partition(".")
    while dot:
        yield ANY_LABELS + parent
        _, dot, parent = parent.partition(".")
    if port:
        yield name + ANY_PORT


def host_pattern(host: str) -> str:
    """Return a regular expression (RE2) for the Host header's values, in lower case, that match this host."""
    if host.startswith(ANY_LABELS):
        return r"[a-z0-9.-]+\." + re.escape(host.removeprefix(ANY_LABELS))
    if host.endswith(ANY_PORT):
        return re.escape(host.removesuffix(ANY_PORT)) + ":[0-9]{1,5}"
    return re.escape(host)


def host_problems(owners: Mapping[str, str]) -> Iterator[str]:
    """Yield the pairs of hosts of which one request matches both, and neither is more specific.

    Args:
        owners: connection names by host.
    """
    for (one, first), (other, second) in combinations(owners.items(), 2):
        any_port, any_labels = sorted((one, other), key=lambda host: host.startswith(ANY_LABELS))
        if first != second and any_port.endswith(ANY_PORT) and _same_port_and_suffix(any_port, any_labels):
            yield f"hosts {one!r} of {first!r} and {other!r} of {second!r} match the same requests"


def _same_port_and_suffix(any_port: str, any_labels: str) -> bool:
    """True if a host with any port and one with any labels have a request in common."""
    suffix, _, port = any_labels.removeprefix("*").partition(":")
    return any_labels.startswith(ANY_LABELS) and bool(port) and any_port.removesuffix(ANY_PORT).endswith(suffix)
