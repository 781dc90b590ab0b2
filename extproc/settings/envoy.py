"""The ``envoy`` section, and the TLS between Envoy and the workers."""

from pathlib import Path

from pydantic import Field

from extproc.settings.base import Address, Strict


class GuardTls(Strict):
    """Mutual TLS of the workers: whoever reaches one could otherwise name any caller, and get the credentials."""

    certificate: Path
    """The workers' certificates, PEM, leaf first. Read at start, as are the other files."""
    key: Path
    """The certificate's private key, PEM."""
    client_ca: Path
    """Certificate authorities, PEM. Whoever they certify may ask: use one that certifies Envoy alone."""


class EnvoyGuardTls(Strict):
    """How Envoy shows the workers who it is, and knows them. Paths are those that Envoy sees."""

    certificate: Path
    """Envoy's certificate, PEM, leaf first; the workers' ``client_ca`` certified it."""
    key: Path
    """The certificate's private key, PEM."""
    ca: Path
    """Certificate authorities of the workers, PEM."""
    san: str = Field(min_length=1, description="DNS name or IP address that the workers' certificates must have")


class EnvoySettings(Strict):
    """What the rendered Envoy configuration says of Envoy itself."""

    listen: Address = "127.0.0.1:10000"
    admin: Address | None = Field(None, description="default: a unix socket under state, mode 0600")
    concurrency: int = Field(1, ge=1, le=64)
    """Envoy's worker threads."""
    guard_endpoints: list[Address] = Field([], description="workers run elsewhere; empty: this machine's own")
    guard_tls: EnvoyGuardTls | None = None
    """Mutual TLS to workers on other addresses than unix sockets."""
    trusted_hops: int = Field(0, ge=0, le=10, description="proxies in front that append to X-Forwarded-For")
