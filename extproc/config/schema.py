"""The schema of the configuration file. Its JSON Schema is what ``extproc config schema`` prints.

Nothing here reads the environment or the clock.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import PydanticKnownError

from extproc.config.one_of import OneOf
from extproc.protocols.catalogue import PROTOCOLS
from extproc.settings.approvals import ApprovalsSettings
from extproc.settings.base import Address, Example, Name, PathSetting, Strict
from extproc.settings.connection import ConnectionSettings
from extproc.settings.control import ControlSettings
from extproc.settings.envoy import EnvoySettings, GuardTls
from extproc.settings.evidence import EvidenceSettings
from extproc.settings.hosts import host_problems
from extproc.settings.identity import IdentitySettings
from extproc.settings.limits import LimitSettings
from extproc.settings.masking import InstallationMasking
from extproc.settings.notifications import NotificationSettings
from extproc.settings.policy import PolicySettings

Connection = Annotated[ConnectionSettings, OneOf(tuple(each.settings for each in PROTOCOLS), key="protocol")]
"""The settings of a connection, in the class of its protocol."""


def _whole(number: object) -> object:
    """Refuse ``true`` and ``1.0``, which a ``Literal[1]`` would take for 1."""
    if isinstance(number, bool | float):
        raise PydanticKnownError("int_type")
    return number


class Settings(Strict):
    """The whole configuration file."""

    version: Annotated[Literal[1], BeforeValidator(_whole), Example("version: 1")]
    """Version of the file format."""
    state: PathSetting = Path(".extproc")
    """Folder for sockets, spools and the embedded stores. Relative paths start at this file's folder."""
    workers: int = Field(2, ge=1, le=64)
    """Number of worker processes of ``extproc up``. Each has its own endpoint."""
    guard_tls: GuardTls | None = None
    """Mutual TLS of workers on ports. Without it, ``extproc serve`` accepts no address but loopback."""
    health: Address = "127.0.0.1:10080"
    """Address for HTTP health and metrics of ``extproc up`` and ``extproc control``."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged."""
    envoy: EnvoySettings = EnvoySettings()
    """Settings of the rendered Envoy configuration that concern Envoy itself."""
    identity: Annotated[
        IdentitySettings,
        Example("identity: {providers: {corp: {issuer: …, audiences: […], jwks_file: jwks.json}}}"),
    ]
    """Who may call: the accepted issuers of tokens."""
    connections: Annotated[
        dict[Name, Connection],
        Example("connections: {crm: {protocol: http-json, hosts: […], upstream: {address: …}, functions: {…}}}"),
    ] = Field(min_length=1)
    """The registered connections, by name."""
    masking: InstallationMasking = InstallationMasking()
    """Masking for all connections."""
    policy: PolicySettings = PolicySettings()
    """The policy that decides."""
    approvals: ApprovalsSettings = ApprovalsSettings()
    """The store of held calls."""
    notifications: NotificationSettings = NotificationSettings()
    """Who is told of approvals."""
    evidence: EvidenceSettings = EvidenceSettings()
    """The storage of entries."""
    limits: LimitSettings = LimitSettings()
    """Limits of every read, buffer and wait."""
    control: ControlSettings = ControlSettings()
    """The API of the control process."""

    @field_validator("connections")
    @classmethod
    def _hosts_are_unambiguous(cls, connections: dict[str, ConnectionSettings]) -> dict[str, ConnectionSettings]:
        owners: dict[str, str] = {}
        for name, connection in connections.items():
            for host in connection.hosts:
                if host in owners:
                    raise ValueError(f"host {host!r} belongs to both {owners[host]!r} and {name!r}")
                owners[host] = name
        if problem := next(host_problems(owners), None):
            raise ValueError(problem)
        return connections
