"""The ``control`` section."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, IPvAnyNetwork, model_validator

from extproc.settings.base import Address, Example, Name, PathSetting, Seconds, Strict, port_of

PUBLIC_URL = r"^https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5})?$"
"""An origin as browsers write it (RFC 6454 section 6.2): no path, and no ``/`` at the end."""
SIGN_IN_SCOPE = r"^[!#-\[\]-~]+$"
"""A scope token (RFC 6749 section 3.3)."""


def _with_real_port(url: str) -> str:
    port_of(url.partition("://")[2])
    return url


PublicUrl = Annotated[str, Field(pattern=PUBLIC_URL), AfterValidator(_with_real_port)]
Groups = list[Annotated[str, Field(min_length=1, max_length=256)]]


class SignInSettings(Strict):
    """Sign-in to the console's pages by OpenID Connect: the authorization code flow with PKCE."""

    provider: Annotated[Name, Example("provider: corp")]
    """Name of the provider in ``identity.providers``: its issuer, its keys and the names of its claims."""
    client_id: Annotated[str, Example("client_id: extproc-console")] = Field(
        min_length=1, max_length=256, description="client of the console at the provider; no audience of calls"
    )
    client_secret_file: PathSetting | None = Field(
        None, description="file with the client's secret; read at each use; neither file nor env: a public client"
    )
    client_secret_env: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="environment variable with the client's secret"
    )
    cli_client_id: Annotated[str, Example("cli_client_id: extproc-cli")] | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="public client of `extproc login` at the provider; null: no sign-in from afar",
    )
    scopes: list[Annotated[str, Field(pattern=SIGN_IN_SCOPE)]] = Field(
        [], description="scopes to ask for beside `openid`, such as profile, email or groups"
    )

    @model_validator(mode="after")
    def _one_secret(self) -> "SignInSettings":
        if self.client_secret_file is not None and self.client_secret_env is not None:
            raise ValueError("give at most one of client_secret_file and client_secret_env")
        return self


class RoleSettings(Strict):
    """Groups whose members have a role in the console. To decide, one must be in a group of the approval too."""

    approver: Groups = Field([])
    """Groups of people who may decide; empty: everybody, each on the approvals of the own groups."""
    auditor: Groups = Field([])
    """Groups of people who may see all approvals and the evidence."""
    author: Groups = Field([])
    """Groups of people who write policies."""
    admin: Groups = Field([])
    """Groups of people who run the installation; they see what auditors see."""


class SessionSettings(Strict):
    """The life of a session in the console, in seconds."""

    idle: Seconds = 1_800
    """A session ends after this time without a request."""
    longest: Seconds = 36_000
    """A session ends after this time in any case."""
    recheck: Seconds = 300
    """The provider is asked again after this time, or when its ID token ends if that is earlier."""

    @model_validator(mode="after")
    def _idle_within_longest(self) -> "SessionSettings":
        if self.idle > self.longest:
            raise ValueError("idle is longer than longest, and would never end a session")
        return self


class ControlSettings(Strict):
    """The API of the control process: a unix socket for the command line, and a port for the console."""

    socket: PathSetting = Path("control.sock")
    """Unix socket of the command line, under ``state`` unless absolute."""
    listen: Address | None = None
    """Address of the console; null: no console."""
    public_url: PublicUrl | None = Field(
        None, description="the console's address for browsers: https://host, or http:// on loopback; no path"
    )
    sign_in: SignInSettings | None = None
    """Sign-in with an identity provider; none: only one-time links open the console, on loopback."""
    roles: RoleSettings = RoleSettings()
    """Groups of the console's roles."""
    session: SessionSettings = SessionSettings()
    """The life of sessions in the console."""
    trusted_proxies: list[IPvAnyNetwork] = Field(
        [],
        description="networks of the proxies before listen: the address of a visitor is then the last one in"
        " X-Forwarded-For that is not theirs; empty: the field is not read",
    )
    approver_providers: list[str] = Field(
        [], description="identity providers whose tokens approvers may use; empty: all"
    )
    analyst_groups: list[str] = Field(
        [],
        description="groups that may read sessions and query through listen; empty: only the socket serves them",
    )
