"""Calls from browsers: the origins from which pages may call, and what else browsers ask (CORS)."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from extproc.settings.base import Example, Strict, port_of

ORIGIN = r"^[a-z][a-z0-9+.-]*://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5})?$"
"""An origin as browsers write it (RFC 6454 section 6.2). Not ``null``: that is any sandboxed page. No ``*``."""
DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_MAX_AGE_S = 86_400
ALLOW_ORIGIN, EXPOSE_HEADERS = "access-control-allow-origin", "access-control-expose-headers"
"""Response header fields that let a page read an answer, and header fields of it (Fetch, CORS protocol)."""


def _as_browsers_write_it(origin: str) -> str:
    """Refuse a port that no browser sends: such an origin would match nothing."""
    scheme, _, authority = origin.partition("://")
    port = port_of(authority)
    if port is not None and port == DEFAULT_PORTS.get(scheme):
        raise ValueError(f"browsers leave the port {port} of {scheme} out")
    return origin


Origin = Annotated[str, Field(pattern=ORIGIN), AfterValidator(_as_browsers_write_it)]


class CorsSettings(Strict):
    """Web applications that may call this connection from their users' browsers."""

    origins: Annotated[list[Origin], Example("origins: [https://app.example.com]")] = Field(min_length=1)
    """Origins of the applications, as browsers send them in ``Origin``. Requests from all others are refused."""
    max_age: int = Field(
        600,
        ge=0,
        le=LONGEST_MAX_AGE_S,
        description="seconds for which browsers remember the answer to a preflight",
    )


@dataclass(frozen=True, slots=True)
class BrowserRules:
    """The rules for calls from browsers to one connection."""

    origins: tuple[str, ...]
    """Requests from pages of these origins pass; those of all others are refused."""
    methods: tuple[str, ...] = ()
    """Methods that such a page may use."""
    sent: tuple[str, ...] = ()
    """Header fields that it may send, in lower case."""
    read: tuple[str, ...] = ()
    """Header fields of a response that it may read, in lower case."""
    max_age_s: int = 0
    """Seconds for which browsers remember these rules."""
