"""The ``identity`` section: the issuers whose tokens are accepted."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from extproc.settings.base import Example, Name, PathSetting, Strict, WithoutPassword
from extproc.settings.mtls import MtlsSettings

METADATA_KEY = r"^[!-~]{1,256}$"


class Claims(Strict):
    """The names of token claims about the caller."""

    groups: str = "groups"
    """Claim with the caller's groups: a list of strings."""
    person: str | None = Field(
        None,
        min_length=1,
        description="claim that is the same in all accounts of one person, such as email: nobody then approves an"
        " own call by another account. All providers need it, or none. Calls of a token without it cannot be held",
    )


class Provider(Strict):
    """An issuer whose tokens are accepted. Envoy's jwt_authn verifies them."""

    issuer: Annotated[str, Example("issuer: https://login.example.com")] = Field(
        min_length=1, description="exact value of the `iss` claim"
    )
    audiences: Annotated[list[str], Example("audiences: [https://tools.example.com]")] = Field(
        min_length=1, description="accepted `aud` values; a token needs one of them"
    )
    jwks_file: PathSetting | None = Field(None, description="file with the issuer's JSON Web Key Set")
    jwks_url: WithoutPassword | None = Field(
        None, pattern=r"^https?://[^\s]+$", description="URL from which Envoy fetches the key set"
    )
    metadata_key: str = Field(
        "claims",
        pattern=METADATA_KEY,
        description="key under which Envoy's jwt_authn puts the verified payload (`payload_in_metadata`): Istio"
        " writes payload, Envoy Gateway the provider's name",
    )
    claims: Claims = Claims()
    """Names of the claims to read."""

    @model_validator(mode="after")
    def _one_source(self) -> "Provider":
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("give exactly one of jwks_file and jwks_url")
        return self


class IdentitySettings(Strict):
    """Who may call: the accepted issuers of tokens, and callers by client certificate."""

    providers: dict[Name, Provider] = Field({})
    """Accepted issuers, each under a name of your choice."""
    mtls: MtlsSettings | None = None
    """Callers without a token, by the client certificate that Envoy has verified; none: all need a token."""
    end_streams: bool = True
    """True: an event stream ends when its caller's token expires. False: until one of its two ends closes it."""

    @model_validator(mode="after")
    def _somebody_may_call(self) -> "IdentitySettings":
        if not self.providers and self.mtls is None:
            raise ValueError("give providers, mtls, or both")
        return self

    @model_validator(mode="after")
    def _issuers_are_no_trust_domains(self) -> "IdentitySettings":
        domains = self.mtls.trust_domains if self.mtls else []
        for name, provider in self.providers.items():
            if provider.issuer in domains:
                raise ValueError(f"the issuer of {name!r} is a trust domain too: two callers could have one name")
        return self

    @field_validator("providers")
    @classmethod
    def _all_join_accounts(cls, providers: dict[str, Provider]) -> dict[str, Provider]:
        without = [name for name, provider in providers.items() if not provider.claims.person]
        if without and len(without) < len(providers):
            raise ValueError(f"claims.person is set for some providers, and not for {', '.join(without)}: set all")
        return providers

    @field_validator("providers")
    @classmethod
    def _issuers_differ(cls, providers: dict[str, Provider]) -> dict[str, Provider]:
        owners: dict[str, str] = {}
        for name, provider in providers.items():
            other = owners.setdefault(provider.issuer, name)
            if other != name:
                raise ValueError(f"{other!r} and {name!r} have the same issuer: list all audiences in one")
        return providers
