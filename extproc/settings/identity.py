"""The ``identity`` section: whose tokens are accepted."""

from pathlib import Path

from pydantic import Field, field_validator, model_validator

from extproc.settings.base import Name, Strict, WithoutPassword


class Claims(Strict):
    """Which token claims say who calls."""

    groups: str = "groups"
    """Claim with the caller's groups: a list of strings."""


class Provider(Strict):
    """An issuer whose tokens are accepted. Envoy's jwt_authn verifies them."""

    issuer: str = Field(min_length=1, description="exact value of the iss claim")
    audiences: list[str] = Field(min_length=1, description="accepted aud values; a token needs one of them")
    jwks_file: Path | None = Field(None, description="JSON Web Key Set on disk")
    jwks_url: WithoutPassword | None = Field(
        None, pattern=r"^https?://[^\s]+$", description="where Envoy fetches the keys"
    )
    claims: Claims = Claims()
    """Names of the claims to read."""

    @model_validator(mode="after")
    def _one_source(self) -> "Provider":
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("give exactly one of jwks_file and jwks_url")
        return self


class IdentitySettings(Strict):
    """Who may start."""

    providers: dict[Name, Provider] = Field(min_length=1)
    """Accepted issuers, by a name of your choice."""

    @field_validator("providers")
    @classmethod
    def _issuers_differ(cls, providers: dict[str, Provider]) -> dict[str, Provider]:
        owners: dict[str, str] = {}
        for name, provider in providers.items():
            other = owners.setdefault(provider.issuer, name)
            if other != name:
                raise ValueError(f"{other!r} and {name!r} have the same issuer: list all audiences in one")
        return providers
