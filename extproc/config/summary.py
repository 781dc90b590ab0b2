"""What settings amount to, in a few lines for people; and what in them is allowed, and may still be dangerous."""

from collections.abc import Iterator
from dataclasses import dataclass

from extproc.codecs.located_yaml import KeyPath
from extproc.config.addresses import plain_and_far, stays_here
from extproc.config.schema import Settings
from extproc.settings.connection import ConnectionSettings
from extproc.settings.limits import LimitSettings


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is allowed, and may still surprise."""

    path: KeyPath
    """The key that says so, or would say otherwise."""
    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"

    @property
    def subject(self) -> str:
        """Whom it is about: ``connection crm``, ``policy``."""
        first, *rest = (str(part) for part in self.path)
        return f"connection {rest[0]}" if first == "connections" else first


def summary(settings: Settings) -> Iterator[str]:
    """One line per issuer and connection, then who decides and where entries go."""
    for name, provider in settings.identity.providers.items():
        yield f"identity {name}: {provider.issuer}"
    for name, connection in settings.connections.items():
        count = len(connection.function_names)
        way = f"{', '.join(connection.hosts)} → {connection.upstream.address}"
        yield f"connection {name}: {connection.protocol}, {way}, functions: {count}"
    yield f"policy: {settings.policy.engine}, {settings.policy.query}"
    yield f"evidence: {settings.evidence.clickhouse}"


def notes(settings: Settings) -> Iterator[Note]:
    """Everything that is allowed, and may still surprise."""
    yield from setting_notes(settings)
    for name, connection in settings.connections.items():
        file = connection.credential.file if connection.credential else None
        if file and not file.is_file():
            path = ("connections", name, "credential", "file")
            yield Note(path, f"{file} is not there; calls are denied until it is", "write the file")


def setting_notes(settings: Settings) -> Iterator[Note]:
    """The same, of the settings alone: no file is looked for."""
    if settings.policy.dry_run:
        yield Note(
            ("policy", "dry_run"),
            "dry-run: nothing that policy would deny or hold is stopped",
            "remove the key before going live",
        )
    for name, connection in settings.connections.items():
        yield from _connection_notes(("connections", name), connection)
        if connection.approvals.expires_in > settings.limits.hold:
            yield Note(
                ("connections", name, "approvals", "expires_in"),
                f"held calls end after limits.hold ({settings.limits.hold:g} s), before their approval expires",
                "make one of the two fit the other",
            )
    yield from _limit_notes(settings.limits, settings)
    yield from _address_notes(settings)


def _connection_notes(path: KeyPath, connection: ConnectionSettings) -> Iterator[Note]:
    masking, credential = connection.masking, connection.credential
    if masking.undecodable == "pass-unmasked":
        hint = "remove the key: such bodies are denied then"
        yield Note((*path, "masking", "undecodable"), "bodies that cannot be read pass unmasked", hint)
    if not masking.response and masking.declared.response is None:
        what = "responses are not masked unless policy says so"
        yield Note((*path, "masking", "response"), what, 'response: [{entity: "*"}], or remove the key')
    if connection.recording.durability == "relaxed":
        what = "relaxed durability: a crash can lose the record of calls that went on"
        yield Note((*path, "recording", "durability"), what, "durability: strict")
    if not connection.upstream.tls and credential and not stays_here(connection.upstream.address):
        what = f"the credential goes to {connection.upstream.address} without TLS"
        yield Note((*path, "upstream", "tls"), what, "tls: true")


def _limit_notes(limits: LimitSettings, settings: Settings) -> Iterator[Note]:
    """Limits of which one makes another useless."""
    if limits.decision_timeout >= limits.message_timeout:
        yield Note(
            ("limits", "message_timeout"),
            f"Envoy gives up after {limits.message_timeout:g} s, and a decision may take"
            f" {limits.decision_timeout:g} s: callers get 504 without a reason",
            "make limits.message_timeout longer than limits.decision_timeout",
        )
    if settings.policy.engine == "opa" and settings.policy.opa.timeout > limits.decision_timeout:
        what = f"OPA is not waited for longer than limits.decision_timeout ({limits.decision_timeout:g} s)"
        yield Note(("policy", "opa", "timeout"), what, "make one of the two fit the other")
    if limits.held_calls_per_caller >= limits.held_calls:
        what = "one caller's held calls can take all of a worker's places"
        yield Note(("limits", "held_calls_per_caller"), what, "make it smaller than limits.held_calls")


def _address_notes(settings: Settings) -> Iterator[Note]:
    """What travels, or is served, unencrypted beyond this machine."""
    for name, provider in settings.identity.providers.items():
        if provider.jwks_url and plain_and_far(provider.jwks_url):
            what = "the issuer's keys come without TLS: who is on the way can put in others"
            yield Note(("identity", "providers", name, "jwks_url"), what, "https://…")
    if plain_and_far(settings.evidence.clickhouse):
        yield Note(("evidence", "clickhouse"), "evidence and password travel without TLS", "https://…")
    control = settings.control.listen
    if control and not stays_here(control):
        what = f"the console at {control} has no TLS: approvers' tokens can be read on the way"
        yield Note(("control", "listen"), what, "listen on loopback, behind something that ends TLS")
    if settings.policy.engine == "opa" and not settings.policy.opa.tls:
        address = settings.policy.opa.address
        if not stays_here(address):
            yield Note(("policy", "opa", "tls"), f"OPA at {address} is asked without TLS", "tls: true")
