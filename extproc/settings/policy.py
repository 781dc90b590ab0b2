"""The ``policy`` section."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from extproc.settings.base import Address, Seconds, Strict


class OpaSettings(Strict):
    """An OPA server, asked for each decision."""

    address: Address = "127.0.0.1:8181"
    timeout: Seconds = 1.0
    """Seconds to wait for an answer; none in time denies. At most 0.9 of limits.decision_timeout."""
    tls: bool = False
    """Whether OPA is asked over TLS; its certificate and name are checked. Not with a unix socket."""
    ca_file: Path | None = Field(None, description="certificates that OPA's must chain to; empty: the system's")
    failures: int = Field(
        5,
        ge=1,
        le=1_000,
        description="questions in a row without an answer that open the breaker, slow inputs aside",
    )
    responses: bool | None = None
    """Whether policy is asked about responses too; null: as its data.extproc.directions says, else yes."""
    pause: Seconds = 2.0
    """Seconds for which an open breaker denies at once; then one question is let through to try."""

    @model_validator(mode="after")
    def _tls_over_tcp(self) -> "OpaSettings":
        if self.tls and self.address.startswith("unix:"):
            raise ValueError("tls needs host:port: a unix socket has none")
        if self.ca_file and not self.tls:
            raise ValueError("ca_file without tls would check nothing: set tls")
        return self


class PolicySettings(Strict):
    """Who decides."""

    engine: Literal["embedded", "opa"] = "embedded"
    """embedded evaluates here, for trying out and small installations; opa asks a server."""
    paths: list[Path] = Field([], description="Rego files or folders; empty: the starter policies")
    data: list[Path] = Field([], description="JSON or YAML files, merged under data")
    query: str = Field("data.extproc.decision", pattern=r"^data(\.[A-Za-z_][A-Za-z0-9_]*)+$")
    """The document that decides."""
    reload: Seconds | None = Field(2.0, description="seconds between looks for changed files; null: never")
    dry_run: bool = False
    """Let go what policy would deny or hold, and record the rule that would have stopped it."""
    usage: bool = Field(False, description="count calls: input.usage, for rules about rates and budgets")
    opa: OpaSettings = OpaSettings()
    """Used with ``engine: opa``."""
