"""Which addresses are this machine's own."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(address: str) -> bool:
    """Whether only processes of this machine reach ``host:port``. A name other than ``localhost`` is none."""
    return _is_this_machine(address.rpartition(":")[0].strip("[]"))


def stays_here(address: str) -> bool:
    """Whether only processes of this machine see what goes to ``host:port`` or ``unix:/path``."""
    return address.startswith("unix:") or is_loopback(address)


def plain_and_far(url: str) -> bool:
    """Whether what is fetched from there travels unencrypted over a network."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
