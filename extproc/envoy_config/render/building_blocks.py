"""Names, durations and addresses that all parts of an Envoy configuration use."""

import ipaddress
from datetime import timedelta

from betterproto2 import Message
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any, Struct
from envoy_data_plane.xds.core import v3 as xds_core

from extproc.model.errors import ConfigError
from extproc.settings.connection import ConnectionSettings
from extproc.settings.hosts import host_pattern

GUARD_CLUSTER = "extproc-guard"
"""The cluster of the guard's workers."""
GUARD_METADATA = "guard"
"""The namespace of dynamic metadata that only the guard writes."""
CUT_OFF = "cut_off"
"""The key in it of the answer to a call that Envoy has to end by itself."""
JWT_METADATA = "envoy.filters.http.jwt_authn"
AUTHZ_METADATA = "envoy.filters.http.ext_authz"
UNIX = "unix:"


def extension(name: str, message: Message) -> core.TypedExtensionConfig:
    """Return an extension's configuration under its name."""
    return core.TypedExtensionConfig(name=name, typed_config=Any.pack(message))


def xds_extension(name: str, message: Message) -> xds_core.TypedExtensionConfig:
    """Return the same as ``extension``, in the package that matchers use."""
    return xds_core.TypedExtensionConfig(name=name, typed_config=Any.pack(message))


def struct(document: dict[str, object]) -> Struct:
    """Return a JSON object as ``google.protobuf.Struct``."""
    made: Struct = Struct.from_dict(document)
    return made


def to_hosts_of(connection: ConnectionSettings) -> route.HeaderMatcher:
    """Match the requests to a connection's hosts."""
    pattern = "(?i)" + "|".join(map(host_pattern, connection.hosts))
    hosts = matcher.StringMatcher(safe_regex=matcher.RegexMatcher(regex=pattern))
    return route.HeaderMatcher(name=":authority", string_match=hosts)


def seconds(value: float) -> timedelta:
    """Return a duration, rounded to milliseconds."""
    return timedelta(milliseconds=round(value * 1000))


def split_address(address: str) -> tuple[str, int]:
    """Return host (without brackets) and port of ``host:port``."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def is_ip(host: str) -> bool:
    """True if the host is an IP address, so that it needs no DNS."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def needs_dns(address: str) -> bool:
    """True if the address has a host name that needs DNS."""
    return not address.startswith(UNIX) and not is_ip(split_address(address)[0])


def envoy_address(address: str, *, mode: int = 0) -> core.Address:
    """Return ``host:port`` or ``unix:/path`` as Envoy's address.

    Args:
        address: as in the configuration file.
        mode: permission bits of a unix socket on which Envoy listens; 0: as the umask sets them.
    """
    if address.startswith(UNIX):
        return core.Address(pipe=core.Pipe(path=address.removeprefix(UNIX), mode=mode))
    host, port = split_address(address)
    return core.Address(socket_address=core.SocketAddress(address=host, port_value=port))


def any_needs_dns(addresses: list[str]) -> bool:
    """True if some of these addresses need DNS.

    Raises:
        ConfigError: names and unix sockets are mixed, which no Envoy cluster supports.
    """
    named = any(needs_dns(address) for address in addresses)
    if named and any(address.startswith(UNIX) for address in addresses):
        raise ConfigError(
            "guard endpoints mix unix sockets and host names",
            hint="use unix sockets and IP addresses, or names",
        )
    return named
