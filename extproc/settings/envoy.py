"""The ``envoy`` section, and the TLS between Envoy and the workers."""

from typing import Literal, TypeAlias

from pydantic import Field

from extproc.settings.base import Address, PathSetting, Strict


class GuardTls(Strict):
    """Mutual TLS of the workers. Without it, anyone who reaches a worker could name any caller."""

    certificate: PathSetting
    """The workers' certificate chain, PEM, leaf first. Read at start, as are the other files."""
    key: PathSetting
    """The certificate's private key, PEM."""
    client_ca: PathSetting
    """Certificate authorities of clients, PEM. Whoever they certify can name any caller and get the backends'
    credentials, so use an authority that certifies only Envoy."""


class EnvoyGuardTls(Strict):
    """Mutual TLS from Envoy to the workers. Paths are those on Envoy's machine."""

    certificate: PathSetting
    """Envoy's certificate chain, PEM, leaf first. The workers' ``client_ca`` must have certified it."""
    key: PathSetting
    """The certificate's private key, PEM."""
    ca: PathSetting
    """Certificate authorities of the workers, PEM."""
    san: str = Field(min_length=1, description="DNS name or IP address that the workers' certificates must have")


GuardFilter: TypeAlias = Literal["ext_proc", "ext_authz"]


class EnvoySettings(Strict):
    """Settings of the rendered Envoy configuration that concern Envoy itself."""

    listen: Address = "127.0.0.1:10000"
    guard_filter: GuardFilter = "ext_proc"
    """The filter that calls the guard. ext_proc: guards requests and responses. ext_authz: only decides. Nothing
    can be masked then: the default masking does not apply, and calls that your own rules mask are refused."""
    admin: Address | None = Field(None, description="default: a unix socket under state, mode 0600")
    concurrency: int = Field(1, ge=1, le=64)
    """Envoy's worker threads."""
    guard_endpoints: list[Address] = Field(
        [], description="addresses of the workers; empty: those of this machine"
    )
    guard_tls: EnvoyGuardTls | None = None
    """Mutual TLS to workers whose addresses are not unix sockets."""
    trusted_hops: int = Field(
        0, ge=0, le=10, description="number of proxies in front of Envoy that append to X-Forwarded-For"
    )
