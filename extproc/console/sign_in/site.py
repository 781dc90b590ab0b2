"""The addresses under which the console is reached, and what follows for hosts, cookies and redirects."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from extproc.config.addresses import is_local, is_loopback
from extproc.settings.control import ControlSettings

LONGEST_NEXT = 2_048
"""Characters of a path to go to after a sign-in."""
SESSION_COOKIE, ATTEMPT_COOKIE = "extproc-session", "extproc-sign-in"


@dataclass(frozen=True, slots=True)
class Origin:
    """One address of the console: scheme and authority (RFC 6454 section 4)."""

    scheme: str
    authority: str
    """As browsers send it in ``Host``: in lower case, without the scheme's own port."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def secure(self) -> bool:
        """True for https: cookies then have the flag ``Secure`` and the prefix ``__Host-``."""
        return self.scheme == "https"

    @property
    def local(self) -> bool:
        """True if browsers reach this address on their own machine alone."""
        return is_loopback(self.authority if ":" in self.authority.rpartition("]")[2] else f"{self.authority}:80")

    def cookie(self, name: str) -> str:
        """Return the cookie's whole name. The prefix keeps other hosts from setting it (RFC 6265bis 4.1.3.2)."""
        return f"__Host-{name}" if self.secure else name


@dataclass(frozen=True, slots=True)
class Site:
    """All addresses of the console, by the configuration."""

    origins: tuple[Origin, ...]
    links_at: str
    """Where one-time links begin, such as ``http://127.0.0.1:9901``; empty if links do not work here."""
    public: Origin | None
    """Where the provider sends browsers back to."""

    def origin_of(self, host: str) -> Origin | None:
        """Return the address that a request came to; None if it is none of the console's (DNS rebinding)."""
        return next((each for each in self.origins if each.authority == host.lower()), None)


def site_of(control: ControlSettings) -> Site:
    """Read the addresses from the settings."""
    public = _public(control.public_url) if control.public_url else None
    listen = control.listen or ""
    own = _own(listen) if listen and not listen.startswith("unix:") else ()
    # The public address first: both can have one authority.
    origins = tuple(dict.fromkeys((*((public,) if public else ()), *own)))
    links_at = f"http://{own[0].authority}" if own and is_local(listen) else ""
    return Site(origins, links_at, public)


def safe_next(given: str | None) -> str:
    r"""Return the path to go to after a sign-in: a path of the console, or ``/``.

    Browsers read ``//host``, ``/\host`` and paths with control characters as other sites' addresses (WHATWG URL).
    """
    if (
        not given
        or len(given) > LONGEST_NEXT
        or not given.startswith("/")
        or given.startswith("//")
        or "\\" in given
        or any(not "!" <= each <= "~" for each in given)
    ):
        return "/"
    return given


def _public(url: str) -> Origin:
    parts = urlsplit(url)
    port = "" if parts.port in {None, 443 if parts.scheme == "https" else 80} else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return Origin(parts.scheme, f"{host}{port}")


def _own(listen: str) -> tuple[Origin, ...]:
    """Return the addresses of a listener: on loopback, by all of its names."""
    host, _, port = listen.lower().rpartition(":")
    names = dict.fromkeys((host, "127.0.0.1", "localhost", "[::1]")) if is_loopback(listen) else (host,)
    end = "" if port == "80" else f":{port}"
    return tuple(Origin("http", f"{name}{end}") for name in names)
