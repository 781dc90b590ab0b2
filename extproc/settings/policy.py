"""The ``policy`` section."""

from typing import Literal

from pydantic import Field, model_validator

from extproc.settings.base import Address, Name, PathSetting, Seconds, Strict

SKIPS_PARSING = "skip-request-body-parse"
SecretHeader = Literal[
    "authorization", "proxy-authorization", "cookie", "set-cookie", "set-cookie2", "mcp-session-id"
]
"""A header field that is hidden from policy unless it is shown."""


class OpaSettings(Strict):
    """An OPA server that is queried for each decision."""

    address: Address = "127.0.0.1:8181"
    timeout: Seconds = 1.0
    """Seconds to wait for a decision; then the call is denied. At most 0.9 of limits.decision_timeout."""
    tls: bool = False
    """True: OPA is queried over TLS, and its certificate and name are verified. Not with a unix socket."""
    ca_file: PathSetting | None = Field(
        None, description="certificate authorities of OPA, PEM; default: the system's"
    )
    failures: int = Field(
        5,
        ge=1,
        le=1_000,
        description="unanswered queries in a row that open the circuit breaker, not counting slow inputs",
    )
    responses: bool | None = None
    """True: policy decides about responses too. Null: as data.extproc.directions says; without it, true unless no
    policy that OPA lists reads input.direction or input.response."""
    pause: Seconds = 2.0
    """Seconds for which an open circuit breaker denies at once. Then one query is sent as a trial."""

    @model_validator(mode="after")
    def _tls_over_tcp(self) -> "OpaSettings":
        if self.tls and self.address.startswith("unix:"):
            raise ValueError("tls needs host:port: a unix socket has none")
        if self.ca_file and not self.tls:
            raise ValueError("ca_file without tls would check nothing: set tls")
        return self


class PolicySettings(Strict):
    """The policy that decides."""

    engine: Literal["embedded", "opa"] = "embedded"
    """embedded: evaluate in the worker, for trials and small installations. opa: query an OPA server."""
    paths: list[PathSetting] = Field([], description="Rego files, folders or bundles; empty: the starter policies")
    data: list[PathSetting] = Field([], description="JSON or YAML files, merged under data")
    query: str = Field("data.extproc.decision", pattern=r"^data(\.[A-Za-z_][A-Za-z0-9_]*)+$")
    """The document that holds the decision."""
    reload: Seconds | None = Field(2.0, description="seconds between checks for changed files; null: never")
    other_connections: list[Name] = Field([])
    """Connections of other installations that share this policy: policy may name them and their functions. A name
    on a connection that is neither registered nor listed here is refused."""
    dry_run: bool = False
    """Forward calls that policy would deny or hold, and record the rule that would have stopped them."""
    uninspectable: Literal["auto", "refuse", "ask"] = "auto"
    """Whether policy is asked about requests and responses that cannot be read. auto: if it certainly reads
    input.body.uninspectable (for a response: input.response.uninspectable); an OPA server, if the query is in
    data.extproc. refuse: never. ask: always, even if a deny rule about the body cannot match."""
    show_headers: list[SecretHeader] = Field([], description="header fields with secrets that policy sees")
    """By default policy sees none of them, because engines may log their input."""
    usage: bool = Field(False, description="count calls for input.usage: rules about rates and budgets need it")
    opa: OpaSettings = OpaSettings()
    """Used with ``engine: opa``."""

    @model_validator(mode="before")
    @classmethod
    def _no_option_of_the_plugin(cls, given: object) -> object:
        if isinstance(given, dict) and any(str(key).replace("_", "-") == SKIPS_PARSING for key in given):
            raise ValueError(
                f"{SKIPS_PARSING} is an option of opa-envoy-plugin; here, a policy that does not read"
                " input.parsed_body is not given it, and is asked about bodies that cannot be read with"
                " uninspectable: ask"
            )
        return given
