"""The address of an OPA server, and how to connect to it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from extproc.model.errors import ConfigError
from extproc.policy.contract.response_interest import ResponseInterest

UNIX = "unix:"


@dataclass(frozen=True, slots=True)
class OpaServer:
    """The address of an OPA server, and how to ask it."""

    address: str
    """``host:port``, ``[ipv6]:port``, or ``unix:/path``."""
    timeout_s: float = 1.0
    """Seconds for one decision, connecting included."""
    tls: bool = False
    ca_file: Path | None = None
    """Certificates to which OPA's certificate must chain; None: the system's."""
    failures: int = 5
    """Questions in a row without an answer, after which OPA is not asked for ``pause_s`` seconds."""
    pause_s: float = 2.0
    response_interest: ResponseInterest = ResponseInterest.UNKNOWN
    """``UNKNOWN``: as OPA's ``data.extproc.directions`` declares."""

    @property
    def socket(self) -> str:
        """The path of OPA's unix socket; empty if OPA listens on TCP."""
        return self.address.removeprefix(UNIX) if self.address.startswith(UNIX) else ""

    @property
    def host(self) -> str:
        """The name or address of OPA's host, by which its certificate is checked too."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self.address.rpartition(":")[2])

    @property
    def authority(self) -> str:
        """The value of the ``host`` header."""
        return "opa" if self.socket else self.address

    def trust(self) -> ssl.SSLContext | None:
        """A context that checks OPA's certificate and its name; None without TLS.

        Raises:
            ConfigError: the certificate file cannot be used.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            message = f"policy.opa.ca_file: {self.ca_file}: no certificates could be read from it"
            raise ConfigError(message) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
