"""Addresses that tokens and people may be sent to: https, or http on this machine."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from extproc.config.addresses import is_remote_without_tls
from extproc.console.printable import printable
from extproc.model.errors import ConfigError, ControlError

LONGEST_URL = 2_048
PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Origin:
    """A server, by what tells it from every other one (RFC 6454 section 4)."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == PORTS[self.scheme] else f":{self.port}")


def console_origin(given: str) -> Origin:
    """Return the console that ``--server`` names.

    Raises:
        ConfigError: no address of a console. It could carry a password, so the error does not repeat it.
    """
    try:
        parts = _safe(given)
    except ValueError as error:
        raise ConfigError(
            f"--server is no address of a console: {error}", hint="write https://HOST[:PORT]"
        ) from None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigError("--server is no address of a console: it has a path", hint="write https://HOST[:PORT]")
    return _origin(parts)


def provider_url(given: object, what: str) -> str:
    """Return an address that an identity provider names, if tokens may be sent there.

    Args:
        given: of its documents.
        what: its name in the error.

    Raises:
        ControlError: it is none, or not safe.
    """
    try:
        _safe(given)
    except ValueError as error:
        raise ControlError(f"the identity provider's {what} cannot be used: {error}", ASK_OPERATOR) from None
    return str(given)


def origin_of(url: str) -> Origin:
    """Return the server of an address that was checked before."""
    return _origin(urlsplit(url))


def _origin(parts: SplitResult) -> Origin:
    return Origin(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme])


def _safe(given: object) -> SplitResult:
    """Split the address. Raises ``ValueError``, with the reason, if it must not be used."""
    if not isinstance(given, str) or not given or len(given) > LONGEST_URL:
        raise ValueError("it is no text of usual length")
    if not given.isascii() or printable(given) != given or any(each in given for each in ' "<>\\^`{|}'):
        raise ValueError("it has characters that addresses do not have")
    parts = urlsplit(given)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("it does not begin with https://HOST")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it names a user")
    if is_remote_without_tls(given):
        raise ValueError("it is not https; http is for loopback alone")
    if parts.port == 0:
        raise ValueError("it has no port 0")
    return parts


ASK_OPERATOR = "Ask those who run the console: docs/how-to/approve-calls.md has its configuration."
