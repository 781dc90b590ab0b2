"""The configuration file's shape. Its JSON Schema is what ``extproc config schema`` prints.

Every limit has a name, a unit and a default here; nothing below reads the environment or the clock.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from extproc.model.masking import MaskOperator

NAME = r"^[a-z][a-z0-9_-]{0,62}$"
FUNCTION_NAME = r"^[A-Za-z_][A-Za-z0-9_./-]{0,127}$"
GRPC_METHOD = r"^([A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*/[A-Za-z_][A-Za-z0-9_]*$"
HOST = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$"

Name = Annotated[str, Field(pattern=NAME)]
Host = Annotated[str, Field(pattern=HOST, description="exact host, as in the Host header; no wildcards")]
Seconds = Annotated[float, Field(gt=0)]
MAX_PORT = 65_535
MAX_SOCKET_PATH = 99
"""Bytes of a unix socket's path: with its NUL, 108 fit on Linux and 104 on macOS; rounded down."""


def _reachable(address: str) -> str:
    """Refuse what the pattern cannot: a port out of range, a socket path that no system can bind."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        if len(rest.encode()) > MAX_SOCKET_PATH:
            raise ValueError(f"a unix socket's path must not be longer than {MAX_SOCKET_PATH} bytes")
    elif int(address.rpartition(":")[2]) > MAX_PORT:
        raise ValueError(f"a port is at most {MAX_PORT}")
    return address


AUTHORITY = re.compile(r"([^:@/?#\s]+@)?([^:@/?#\s\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?([/?#].*)?", re.DOTALL)
"""Of a URL, and what follows it: a user without a password, a host, a port (RFC 3986 section 3.2)."""


def _without_password(url: str) -> str:
    """Refuse what would be shown wherever the address is."""
    scheme, _, rest = url.partition("://")
    if scheme.startswith("http") and not AUTHORITY.fullmatch(rest):
        raise ValueError("is no address, or holds a password, which does not belong into one")
    return url


WithoutPassword = Annotated[str, AfterValidator(_without_password)]
Address = Annotated[
    str,
    Field(
        pattern=r"^(unix:/.+|[^:/\s]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5})$",
        description="host:port, [ipv6]:port, or unix:/absolute/path",
    ),
    AfterValidator(_reachable),
]


class Strict(BaseModel):
    """Unknown keys are errors: a misspelled guard is no guard."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


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


class MaskRuleSettings(Strict):
    """Mask one field, or one kind of entity."""

    path: str | None = Field(None, pattern=r"^\$", description="RFC 9535 subset: $.a.b, $.a[*].b, $..b")
    entity: str | None = Field(None, pattern=r"^(\*|[A-Z][A-Z0-9_]*)$", description="US_SSN, CREDIT_CARD, * …")
    how: MaskOperator = MaskOperator.REDACT
    """partial: last four stay; pseudonym: same value, same token; redact: a label; remove: nothing."""

    @model_validator(mode="after")
    def _one_target(self) -> "MaskRuleSettings":
        if (self.path is None) == (self.entity is None):
            raise ValueError("give exactly one of path and entity")
        return self


MaskPath = Annotated[str, Field(pattern=r"^\$", description="RFC 9535 subset: $.a.b, $.a[*].b, $..b")]


class DeclaredSettings(Strict):
    """Allow-list mode: the fields that may pass, each with all below it. Every other field is redacted."""

    request: list[MaskPath] | None = None
    """Of the function's arguments; none: all may pass that no rule masks."""
    response: list[MaskPath] | None = None
    """Of the function's result; none: all may pass that no rule masks."""


class MaskingSettings(Strict):
    """What a connection always masks, whatever policy adds."""

    request: list[MaskRuleSettings] = []
    """Rules for what goes to the backend; paths begin at the function's arguments."""
    response: list[MaskRuleSettings] = [MaskRuleSettings(path=None, entity="*", how=MaskOperator.REDACT)]
    """Rules for what comes back; paths begin at the function's result."""
    declared: DeclaredSettings = DeclaredSettings()
    """Allow-list mode: what may pass at all."""
    undecodable: Literal["deny", "pass-unmasked"] = "deny"
    """What becomes of a whole body that cannot be read and so not be masked. pass-unmasked: it goes on as it came,
    and the record says so."""


SURE = 0.5
"""The score from which on a match counts."""
CONTEXT_ADDS = 0.35
"""What a word of the context adds to it: Presidio's ``context_similarity_factor``."""


class CustomDetector(Strict):
    """An entity of your own."""

    pattern: str = Field(min_length=1, description="RE2 syntax without anchors, ., negated classes and quotes")
    context: list[str] = []
    """Words of which one must be in the keys above a value or shortly before it; empty: none is needed."""
    whole: bool = True
    """Whether letters and digits right beside a match make it none."""
    ignore_case: bool = False
    """Whether letter case means nothing."""
    score: float | None = Field(None, ge=0, le=1, description="how sure a match without such a word is")
    """As in Presidio: found is what has 0.5 or more, and a word of the context adds 0.35. Null: sure, but where
    there are words only beside one of them."""

    @model_validator(mode="after")
    def _can_be_found(self) -> "CustomDetector":
        least = round(SURE - CONTEXT_ADDS, 2) if self.context else SURE
        if self.score is not None and self.score < least:
            raise ValueError(f"nothing would ever be found: a score of at least {least:.2f} is needed here")
        return self

    @property
    def needs_context(self) -> bool:
        """Whether a match counts only beside a word of its context."""
        return bool(self.context) and (self.score is None or self.score < SURE)


class PresidioSettings(Strict):
    """Presidio's own recognisers beside the built-in detectors. Needs the extra ``presidio``."""

    entities: list[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")]] = Field(min_length=1)
    """What to look for, by Presidio's names."""
    score: float = Field(0.5, ge=0, le=1, description="what a result must have at least")
    language: str = Field("en", pattern=r"^[a-z]{2,3}$", description="of texts")
    model: str = Field("", description="a spaCy model that is installed; empty: patterns and check digits alone")
    longest: int = Field(100_000, ge=1, description="characters of one text; a longer one is refused")


class InstallationMasking(Strict):
    """Masking for all connections."""

    presidio: PresidioSettings | None = None
    """Presidio's recognisers; null: they are not loaded."""

    detectors: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")], CustomDetector] = {}
    """Entities of your own, by their name; rules name them as they name the built-in ones."""
    pseudonym_key_id: str = Field("k1", pattern=r"^[a-z]{1,8}[0-9]{0,3}$", description="names the key in use")
    pseudonym_key_file: Path | None = Field(
        None, description="the key, 32 bytes or more; default: pseudonym.key under state, made at first use"
    )
    old_pseudonym_keys: dict[Annotated[str, Field(pattern=r"^[a-z]{1,8}[0-9]{0,3}$")], Path] = {}
    """Keys that were in use, by their id: their tokens are known as tokens, and no new ones are made."""

    @model_validator(mode="after")
    def _ids_differ(self) -> "InstallationMasking":
        if self.pseudonym_key_id in self.old_pseudonym_keys:
            raise ValueError(f"{self.pseudonym_key_id!r} cannot be both the key in use and an old one")
        return self


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


class FunctionSettings(Strict):
    """One HTTP operation, by method and path template."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    """HTTP method. HEAD is its own function: GET does not include it."""
    path: str = Field(
        pattern=r"^/",
        description="template: /customers/{id}; one segment per variable; literal ones count as spelled",
    )


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

    groups: list[str] = []
    """Approvers must be in one of these, unless policy names others. Empty: nobody can approve."""
    minimum: int = Field(1, ge=1, le=10)
    """How many distinct people must approve."""
    expires_in: Seconds = 900.0
    """Seconds until nobody can approve any more."""


class ConnectionBase(Strict):
    """What every protocol's connection has."""

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


class HttpJsonConnection(ConnectionBase):
    """A REST-like backend that speaks JSON."""

    protocol: Literal["http-json"]
    """JSON over HTTP."""
    functions: dict[Annotated[str, Field(pattern=FUNCTION_NAME)], FunctionSettings] = {}
    """Operations by function name; all else is unknown and denied."""
    openapi: Path | None = Field(None, description="OpenAPI 3 file; each operationId becomes a function")

    @model_validator(mode="after")
    def _some_function(self) -> "HttpJsonConnection":
        if not self.functions and self.openapi is None:
            raise ValueError("give functions, openapi, or both")
        return self


class McpConnection(ConnectionBase):
    """An MCP server over streamable HTTP."""

    protocol: Literal["mcp"]
    """MCP over streamable HTTP."""
    path: str = Field("/mcp", pattern=r"^/[^?#]*$")
    """The server's endpoint; requests to any other path are unknown and denied."""
    tools: list[Annotated[str, Field(pattern=FUNCTION_NAME)]] = Field(min_length=1)
    """Tools that may be called; all others are unknown and denied."""


class GrpcConnection(ConnectionBase):
    """A gRPC backend, over HTTP/2 without TLS or with it."""

    protocol: Literal["grpc"]
    """gRPC."""
    descriptors: Path
    """A FileDescriptorSet: ``protoc --include_imports --descriptor_set_out``, or ``buf build``. Read at start."""
    methods: list[Annotated[str, Field(pattern=GRPC_METHOD)]] = Field(min_length=1)
    """Methods that may be called, ``shop.v1.Inventory/GetItem``; all others are unknown and denied."""


ConnectionSettings = Annotated[
    HttpJsonConnection | McpConnection | GrpcConnection, Field(discriminator="protocol")
]


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


class ApprovalsSettings(Strict):
    """Where held calls wait."""

    store: Path = Path("approvals.db")
    """SQLite file, under ``state`` unless absolute; shared by all workers of one machine."""
    poll: Seconds = 0.1
    """Seconds between looks at the store, one look per worker."""


class EvidenceSettings(Strict):
    """Where entries go."""

    spool: Path = Path("spool")
    """Folder of the workers' spools, under ``state`` unless absolute. Put it on a durable disk."""
    clickhouse: WithoutPassword = Field(
        "chdb://", pattern=r"^(chdb://|https?://)", description="chdb:// is embedded"
    )
    clickhouse_password_file: Path | None = None
    """File with the password of a ClickHouse server."""
    database: str = Field("extproc", pattern=r"^[a-z_][a-z0-9_]*$")
    """Database of the tables."""
    ship_every: Seconds = 2.0
    """Seconds between shipments from the spool."""
    ship_batch: int = Field(5_000, ge=1, le=100_000)
    """Entries in one shipment at most."""
    relaxed_window: int = Field(1_000, ge=1, description="entries a relaxed connection may have in flight")
    max_spool: int = Field(1 << 30, ge=1 << 20, description="bytes of unshipped entries before calls are denied")


class LimitSettings(Strict):
    """Every read, buffer and wait has one."""

    request_body: int = Field(1 << 20, ge=1_024, le=64 << 20, description="bytes")
    response_body: int = Field(
        4 << 20,
        ge=1_024,
        le=64 << 20,
        description="bytes, when not streamed; of streamed text: bytes that are held back",
    )
    decoded_ratio: int = Field(20, ge=1, description="a decoded body may be this many times the encoded one")
    json_depth: int = Field(64, ge=4, le=512)
    """How deep JSON may be nested."""
    event: int = Field(1 << 20, ge=1_024, description="bytes of one server-sent event")
    message_timeout: Seconds = 5.0
    """Seconds Envoy waits for each of the guard's answers, holds apart."""
    hold: float = Field(900.0, gt=0, le=3_600, description="longest hold, seconds")
    decision_timeout: Seconds = 1.0
    """Seconds that policy may take to decide."""
    held_calls: int = Field(2_000, ge=1, description="per worker; more are denied")
    held_calls_per_caller: int = Field(100, ge=1, description="per worker, of one issuer and subject")
    drain: Seconds = 30.0
    """Seconds a stopping worker waits for its held and running calls."""


class ControlSettings(Strict):
    """The control process's API: a unix socket for the command line, and a port for the console."""

    socket: Path = Path("control.sock")
    """Unix socket of the command line, under ``state`` unless absolute."""
    listen: Address | None = None
    """Where the console is served; none: no console."""
    approver_providers: list[str] = Field([], description="identity providers approvers sign in with; empty: all")
    analyst_groups: list[str] = Field(
        [],
        description="who may read sessions and query through listen; empty: nobody, the socket alone serves them",
    )


class GuardTls(Strict):
    """Mutual TLS of the workers: whoever reaches one could otherwise name any caller, and get the credentials."""

    certificate: Path
    """The workers' certificates, PEM, leaf first. Read at start, as are the other files."""
    key: Path
    """The certificate's private key, PEM."""
    client_ca: Path
    """Certificate authorities, PEM. Whoever they certify may ask: use one that certifies Envoy alone."""


class EnvoyGuardTls(Strict):
    """How Envoy shows the workers who it is, and knows them. Paths are those that Envoy sees."""

    certificate: Path
    """Envoy's certificate, PEM, leaf first; the workers' ``client_ca`` certified it."""
    key: Path
    """The certificate's private key, PEM."""
    ca: Path
    """Certificate authorities of the workers, PEM."""
    san: str = Field(min_length=1, description="DNS name or IP address that the workers' certificates must have")


class EnvoySettings(Strict):
    """What the rendered Envoy configuration says of Envoy itself."""

    listen: Address = "127.0.0.1:10000"
    admin: Address | None = Field(None, description="default: a unix socket under state, mode 0600")
    concurrency: int = Field(1, ge=1, le=64)
    """Envoy's worker threads."""
    guard_endpoints: list[Address] = Field([], description="workers run elsewhere; empty: this machine's own")
    guard_tls: EnvoyGuardTls | None = None
    """Mutual TLS to workers on other addresses than unix sockets."""
    trusted_hops: int = Field(0, ge=0, le=10, description="proxies in front that append to X-Forwarded-For")


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
    connections: dict[Name, ConnectionSettings] = Field(min_length=1)
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
