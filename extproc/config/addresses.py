"""Tell local addresses from those of other machines."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(address: str) -> bool:
    """True if only processes of this machine reach ``host:port``. Of names, only ``localhost`` counts."""
    return _is_this_machine(address.rpartition(":")[0].strip("[]"))


def is_local(address: str) -> bool:
    """True if data sent to ``host:port`` or ``unix:/path`` stays on this machine."""
    return address.startswith("unix:") or is_loopback(address)


def is_remote_without_tls(url: str) -> bool:
    """True if a request to the URL travels over a network without encryption."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
