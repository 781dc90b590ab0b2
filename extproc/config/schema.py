"""The configuration file's shape. Its JSON Schema is what ``extproc config schema`` prints.

Nothing here reads the environment or the clock.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from extproc.config.one_of import OneOf
from extproc.protocols.catalogue import PROTOCOLS
from extproc.settings.approvals import ApprovalsSettings
from extproc.settings.base import Address, Name, Strict
from extproc.settings.connection import ConnectionSettings
from extproc.settings.control import ControlSettings
from extproc.settings.envoy import EnvoySettings, GuardTls
from extproc.settings.evidence import EvidenceSettings
from extproc.settings.identity import IdentitySettings
from extproc.settings.limits import LimitSettings
from extproc.settings.masking import InstallationMasking
from extproc.settings.policy import PolicySettings

Connection = Annotated[ConnectionSettings, OneOf(tuple(each.settings for each in PROTOCOLS), key="protocol")]
"""The settings of a connection, in the class of its protocol."""


class Settings(Strict):
    """The whole file."""

    version: Literal[1]
    """Version of this file's shape."""
    state: Path = Path(".extproc")
    """Folder for sockets, spools and the embedded stores. Relative paths start at this file's folder."""
    workers: int = Field(2, ge=1, le=64)
    """Worker processes of ``extproc up``, each with its own endpoint."""
    guard_tls: GuardTls | None = None
    """Mutual TLS of workers that listen on a port; without it, ``extproc serve`` takes loopback addresses only."""
    health: Address = "127.0.0.1:10080"
    """HTTP health and metrics of ``extproc up`` and ``extproc control``."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    envoy: EnvoySettings = EnvoySettings()
    """What the rendered Envoy configuration says of Envoy itself."""
    identity: IdentitySettings
    """Who may start."""
    connections: dict[Name, Connection] = Field(min_length=1)
    """The registered function endpoints, by name."""
    masking: InstallationMasking = InstallationMasking()
    """Masking for all connections."""
    policy: PolicySettings = PolicySettings()
    """Who decides."""
    approvals: ApprovalsSettings = ApprovalsSettings()
    """Where held calls wait."""
    evidence: EvidenceSettings = EvidenceSettings()
    """Where entries go."""
    limits: LimitSettings = LimitSettings()
    """Every read, buffer and wait has one."""
    control: ControlSettings = ControlSettings()
    """The control process's interfaces."""

    @model_validator(mode="after")
    def _approver_providers_exist(self) -> "Settings":
        unknown = [name for name in self.control.approver_providers if name not in self.identity.providers]
        if unknown:
            raise ValueError(f"control.approver_providers names no provider of identity: {', '.join(unknown)}")
        return self

    @field_validator("connections")
    @classmethod
    def _hosts_are_unambiguous(cls, connections: dict[str, ConnectionSettings]) -> dict[str, ConnectionSettings]:
        owners: dict[str, str] = {}
        for name, connection in connections.items():
            for host in connection.hosts:
                if host in owners:
                    raise ValueError(f"host {host!r} belongs to both {owners[host]!r} and {name!r}")
                owners[host] = name
        return connections
