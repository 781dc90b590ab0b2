"""A connection's settings, apart from those of its protocol."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from extproc.model.errors import ConfigError
from extproc.settings.base import Address, Host, Seconds, Strict
from extproc.settings.masking import MaskingSettings

FRAMING_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "te"})
"""Header fields that say how to read the message."""


class CredentialSettings(Strict):
    """The backend's credential. It is never recorded, and taken out of whatever the backend answers.

    At least 8 bytes: a shorter one could not be told from other text in an answer, and is refused.
    """

    header: str = Field("authorization", pattern=r"^[a-z0-9-]+$")
    """Header field that carries it, in lower case."""
    prefix: str = Field("Bearer ", pattern=r"^[ -~]*$", description="put before the value")
    file: Path | None = Field(None, description="read again when it changes; trailing newline dropped")
    env: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="name of an environment variable"
    )

    @field_validator("header")
    @classmethod
    def _not_framing(cls, header: str) -> str:
        if header in FRAMING_HEADERS:
            raise ValueError(f"{header!r} cannot carry a credential")
        return header

    @model_validator(mode="after")
    def _one_source(self) -> "CredentialSettings":
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of file and env")
        return self


class Upstream(Strict):
    """Where the backend is."""

    address: Address
    tls: bool = False
    """Whether Envoy speaks TLS to the backend, and checks its certificate."""
    sni: str | None = Field(None, description="server name for TLS; default: the address's host")
    ca_file: Path | None = Field(None, description="certificates that the backend's must chain to")


class RecordingSettings(Strict):
    """What evidence keeps of this connection's calls, and how surely."""

    durability: Literal["strict", "relaxed"] = "strict"
    """strict: nothing is forwarded before the entry is on disk. relaxed: within evidence.relaxed_window."""
    arguments: bool = True
    """Whether masked arguments are kept."""
    response: bool = True
    """Whether masked responses are kept."""
    max_text: int = Field(16_384, ge=0, description="characters of masked text kept per direction")


class ConnectionApprovals(Strict):
    """Defaults for calls that policy holds."""

    groups: list[str] = Field([])
    """Approvers must be in one of these, unless policy names others. Empty: nobody can approve."""
    minimum: int = Field(1, ge=1, le=10)
    """How many distinct people must approve."""
    expires_in: Seconds = 900.0
    """Seconds until nobody can approve any more."""


class ConnectionSettings(Strict):
    """The keys that a connection has whatever its protocol. Each protocol adds its own in a subclass."""

    upstream_http2: ClassVar[bool] = False
    """True if the backend speaks HTTP/2 alone, so that Envoy must too."""

    hosts: list[Host] = Field(min_length=1)
    """Host header values that lead here; each belongs to one connection."""
    upstream: Upstream
    """Where the backend is."""
    credential: CredentialSettings | None = None
    """What the backend wants to see; none: requests go without."""
    masking: MaskingSettings = MaskingSettings()
    """What is always masked, whatever policy adds."""
    recording: RecordingSettings = RecordingSettings()
    """What evidence keeps, and how surely."""
    approvals: ConnectionApprovals = ConnectionApprovals()
    """Defaults for calls that policy holds."""
    session_header: str | None = Field(None, pattern=r"^[a-z0-9-]+$", description="names the session")
    protocol: str
    """The protocol's name. A subclass narrows it to one ``Literal``, by which its settings are recognized."""

    @property
    def function_names(self) -> tuple[str, ...]:
        """The registered functions. Calls of all others are refused."""
        raise NotImplementedError

    def complete(self) -> Self:
        """Add what the files that these settings name say, such as functions from an OpenAPI document.

        Raises:
            ConfigError: a file that cannot be used. Its ``key`` begins at the connection.
        """
        return self

    def problems(self) -> Iterator[ConfigError]:
        """Yield each error that the schema cannot find. Its ``key`` begins at the connection."""
        return iter(())
