"""The paths in settings: a walk over them, and the role of each file that they name."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from extproc.settings.approvals import ApprovalsSettings
from extproc.settings.connection import CredentialSettings
from extproc.settings.control import ControlSettings, SignInSettings
from extproc.settings.envoy import EnvoyGuardTls, GuardTls
from extproc.settings.evidence import EvidenceSettings
from extproc.settings.masking import InstallationMasking
from extproc.settings.notifications import AppriseSettings, SlackSettings, WebhookSettings
from extproc.settings.policy import PolicySettings

Change = Callable[[type[BaseModel], str, Path], Path]
"""Returns the path to use in place of this one, from the section's class and the field's name."""
SettingsT = TypeVar("SettingsT", bound=BaseModel)


class Role(Enum):
    """The ways in which a configuration depends on a file."""

    CONTENT = "content"
    """Its content is a part of the configuration: OpenAPI documents, descriptor sets, key sets, authorities."""
    SECRET = "secret"  # noqa: S105 - a role, not a secret
    """A key. Its content is a part of the configuration, but it is copied nowhere."""
    FOLLOWED = "followed"
    """It is read again while processes run, or whenever a process starts: credentials, passwords, policy,
    certificates of this machine."""
    PLACE = "place"
    """A folder, a store or a socket of the installation, or a file of another machine."""


ROLES: dict[type[BaseModel], dict[str, Role]] = {
    ApprovalsSettings: {"store": Role.PLACE},
    AppriseSettings: {"file": Role.FOLLOWED},
    ControlSettings: {"socket": Role.PLACE},
    CredentialSettings: {"file": Role.FOLLOWED},
    EnvoyGuardTls: {"certificate": Role.PLACE, "key": Role.PLACE, "ca": Role.PLACE},
    EvidenceSettings: {"spool": Role.PLACE, "clickhouse_password_file": Role.FOLLOWED},
    GuardTls: {"certificate": Role.FOLLOWED, "key": Role.FOLLOWED, "client_ca": Role.FOLLOWED},
    InstallationMasking: {"pseudonym_key_file": Role.SECRET, "old_pseudonym_keys": Role.SECRET},
    PolicySettings: {"paths": Role.FOLLOWED, "data": Role.FOLLOWED},
    SlackSettings: {"token_file": Role.FOLLOWED, "signing_secret_file": Role.FOLLOWED},
    SignInSettings: {"client_secret_file": Role.FOLLOWED},
    WebhookSettings: {"secret_file": Role.FOLLOWED},
}
"""Roles by section and field. A file that is not listed is content: a new setting is in the digest by default."""


def role_of(owner: type[BaseModel], field: str) -> Role:
    """Return the role of the files that a field names."""
    return ROLES.get(owner, {}).get(field, Role.PLACE if field == "state" else Role.CONTENT)


def replace_paths(settings: SettingsT, change: Change) -> SettingsT:
    """Return a copy of the settings in which each path is replaced."""
    owner = type(settings)
    return settings.model_copy(
        update={name: _replaced(getattr(settings, name), owner, name, change) for name in owner.model_fields}
    )


def _replaced(value: Any, owner: type[BaseModel], field: str, change: Change) -> Any:
    if isinstance(value, Path):
        return change(owner, field, value)
    if isinstance(value, list):
        return [_replaced(item, owner, field, change) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, owner, field, change) for key, item in value.items()}
    return replace_paths(value, change) if isinstance(value, BaseModel) else value
