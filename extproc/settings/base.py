"""Types that the sections of the configuration share: names, addresses, and models that refuse unknown keys.

No section reads the environment or the clock.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from extproc.settings.hosts import HOST, UPSTREAM_HOST

NAME = r"^[a-z][a-z0-9_-]{0,62}$"
FUNCTION_NAME = r"^[A-Za-z_][A-Za-z0-9_./-]{0,127}$"

Name = Annotated[str, Field(pattern=NAME)]
Host = Annotated[
    str,
    Field(
        pattern=HOST,
        description="host, as in the Host header, in lower case and with its port; a wildcard only where it is"
        " written: *.example.com for all names below, crm.example.com:* for any port",
    ),
]
Seconds = Annotated[float, Field(gt=0)]
PathSetting = Annotated[Path, Field(strict=False)]
"""A path, written as text. Sections are strict, so a plain ``Path`` or enum would refuse text."""

MAX_PORT = 65_535
MAX_SOCKET_PATH = 99
"""Most bytes of a unix socket's path. With a final NUL, 108 fit on Linux and 104 on macOS; rounded down."""


def _reachable(address: str) -> str:
    """Refuse addresses that the pattern cannot refuse: a port out of range, a socket path too long to bind."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        if len(rest.encode()) > MAX_SOCKET_PATH:
            raise ValueError(f"a unix socket's path must not be longer than {MAX_SOCKET_PATH} bytes")
    elif int(address.rpartition(":")[2]) > MAX_PORT:
        raise ValueError(f"a port is at most {MAX_PORT}")
    return address


def port_of(authority: str) -> int | None:
    """Return the port of a host that matches its pattern; None if it has none.

    Raises:
        ValueError: it is out of range, which the pattern cannot refuse.
    """
    port = authority.rpartition("]")[2].partition(":")[2]
    if not port:
        return None
    if int(port) > MAX_PORT:
        raise ValueError(f"a port is at most {MAX_PORT}")
    return int(port)


def _port_in_range(host: str) -> str:
    port_of(host)
    return host


AUTHORITY = re.compile(r"([^:@/?#\s]+@)?([^:@/?#\s\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?([/?#].*)?", re.DOTALL)
"""The rest of a URL after ``://``: a user without a password, a host, a port (RFC 3986 section 3.2), a path."""


def _without_password(url: str) -> str:
    """Refuse a password in a URL: it would be shown wherever the URL is."""
    scheme, _, rest = url.partition("://")
    if scheme.startswith("http") and not AUTHORITY.fullmatch(rest):
        raise ValueError("is not a valid URL, or contains a password: write it to a password file instead")
    return url


UpstreamHost = Annotated[str, Field(pattern=UPSTREAM_HOST), AfterValidator(_port_in_range)]
WithoutPassword = Annotated[str, AfterValidator(_without_password)]
Address = Annotated[
    str,
    Field(
        pattern=r"^(unix:/.+|[^:/\s]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5})$",
        description="host:port, [ipv6]:port, or unix:/absolute/path",
    ),
    AfterValidator(_reachable),
]


@dataclass(frozen=True, slots=True)
class Example:
    """Annotates a required field with a line of YAML that an error shows if the key is missing."""

    text: str


class Strict(BaseModel):
    """Refuses unknown keys: with a misspelled key, a protection would silently be missing.

    Strict: ``"no"`` is not read as false, ``1`` not as true, and ``"5"`` not as a number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
