"""Summarize settings in a few lines, and note settings that are allowed but may be dangerous."""

import os
from collections.abc import Iterator

from extproc.codecs.located_yaml import KeyPath
from extproc.config.addresses import is_local, is_remote_without_tls
from extproc.config.notification_names import notification_notes, secret_notes, shown_target
from extproc.config.schema import Settings
from extproc.config.setting_note import Note
from extproc.settings.connection import ConnectionSettings
from extproc.settings.envoy import GuardFilter
from extproc.settings.limits import LimitSettings
from extproc.settings.masking import ExemptionSettings, MaskingSettings


def summary(settings: Settings) -> Iterator[str]:
    """Yield a line for each issuer and connection, then one for the policy and one for the evidence."""
    for name, provider in settings.identity.providers.items():
        yield f"identity {name}: {provider.issuer}"
    if settings.identity.mtls:
        yield f"identity by client certificate: {', '.join(settings.identity.mtls.trust_domains)}"
    for name, connection in settings.connections.items():
        count = len(connection.function_names)
        way = f"{', '.join(connection.hosts)} → {connection.upstream.address}"
        anonymous = len(connection.anonymous_functions)
        of_these = f", {anonymous} of them without identity" if anonymous else ""
        more = f", and those of {', '.join(connection.function_patterns)}" if connection.function_patterns else ""
        yield f"connection {name}: {connection.protocol}, {way}, functions: {count}{of_these}{more}"
    for name, target in settings.notifications.targets.items():
        yield shown_target(name, target)
    yield f"policy: {settings.policy.engine}, {settings.policy.query}"
    yield f"evidence: {settings.evidence.clickhouse}"


def notes(settings: Settings) -> Iterator[Note]:
    """Yield all notes."""
    yield from setting_notes(settings)
    yield from secret_notes(settings)
    for name, connection in settings.connections.items():
        file = connection.credential.file if connection.credential else None
        if file and not file.is_file():
            path = ("connections", name, "credential", "file")
            yield Note(path, f"{file} does not exist; calls are denied until it does", "write the file")
        variable = connection.credential.env if connection.credential else None
        if variable and not os.environ.get(variable):
            path = ("connections", name, "credential", "env")
            what = "the variable is not set here; a worker without it denies the calls"
            yield Note(path, what, "set it where the workers start, or use credential.file")


def setting_notes(settings: Settings) -> Iterator[Note]:
    """Yield the notes about the settings alone, without looking for files."""
    if settings.policy.dry_run:
        yield Note(
            ("policy", "dry_run"),
            "dry-run: calls that policy would deny or hold are forwarded",
            "remove the key before going live",
        )
    if settings.policy.uninspectable == "ask":
        yield Note(
            ("policy", "uninspectable"),
            "policy is asked about what cannot be read, where rules about a body do not match",
            "remove the key, or deny first what input.body.uninspectable names",
        )
    yield from _unused_files(settings)
    for name, connection in settings.connections.items():
        yield from _connection_notes(("connections", name), connection)
        if connection.approvals.mode == "wait" and connection.approvals.expires_in > settings.limits.hold:
            yield Note(
                ("connections", name, "approvals", "expires_in"),
                f"held calls end after limits.hold ({settings.limits.hold:g} s), before their approval expires",
                "make one of the two fit the other",
            )
    if settings.envoy.guard_filter == "ext_authz":
        yield from decide_only_notes(settings)
    yield from _identity_notes(settings)
    yield from _limit_notes(settings.limits, settings)
    yield from _address_notes(settings)
    yield from notification_notes(settings)


def _unused_files(settings: Settings) -> Iterator[Note]:
    """Yield a note for each list of files that is left over where OPA decides."""
    if settings.policy.engine != "opa":
        return
    for key in ("paths", "data"):
        if getattr(settings.policy, key):
            what = f"policy.{key} is not used: OPA at {settings.policy.opa.address} decides"
            yield Note(("policy", key), what, "remove the key, and load the files into OPA; or engine: embedded")


def decide_only_notes(settings: Settings) -> Iterator[Note]:
    """Yield a note for each connection of which ext_authz would refuse every call, since it cannot mask."""
    for name, connection in settings.connections.items():
        for direction in ("request", "response"):
            rules = getattr(connection.masking, direction) or getattr(connection.masking.declared, direction)
            if rules:
                yield Note(
                    ("connections", name, "masking", direction),
                    f"every call will be refused: masking.{direction} has rules, and ext_authz cannot mask",
                    f"{direction}: [], or use ext_proc (envoy.guard_filter)",
                    refuses_all=True,
                )


def response_policy_notes(settings: Settings, *, decides_responses: bool) -> Iterator[Note]:
    """Yield a note where ext_authz would refuse every call, since policy decides responses.

    Args:
        settings: the settings.
        decides_responses: True if ``data.extproc.directions`` of the policy names ``response``.
    """
    if settings.envoy.guard_filter == "ext_authz" and decides_responses:
        yield Note(
            ("policy",),
            "every call will be refused: the policy decides responses, and ext_authz sees none",
            "take response out of data.extproc.directions, or use ext_proc (envoy.guard_filter)",
            refuses_all=True,
        )


def refusals_of(settings: Settings, guard_filter: GuardFilter) -> Iterator[str]:
    """Yield lines about calls that will all be refused where Envoy calls the guard by this filter."""
    if guard_filter == "ext_proc":
        return
    if settings.envoy.guard_filter != guard_filter:
        for name, connection in settings.connections.items():
            if connection.masking.response is None:
                what = "every call will be refused: the default masks responses, and ext_authz cannot mask"
                yield f"problem: connection {name}: {what}\n  set envoy.guard_filter: ext_authz"
    for note in decide_only_notes(settings):
        yield f"problem: {note}\n  {note.hint}"


def _unmasked_notes(path: KeyPath, masking: MaskingSettings) -> Iterator[Note]:
    """Yield a note for each setting that lets pass what cannot be searched."""
    hint = "remove the key: such bodies are denied then"
    for key, what in (("undecodable", "bodies that cannot be read"), ("binary_parts", "parts that are not text")):
        if getattr(masking, key) == "pass-unmasked":
            yield Note((*path, key), f"{what} pass unmasked", hint)
        for name, own in masking.functions.items():
            if getattr(own, key) == "pass-unmasked" and getattr(masking, key) != "pass-unmasked":
                yield Note((*path, "functions", name, key), f"{what} pass unmasked in calls of {name}", hint)


def _exemption_notes(path: KeyPath, exemption: ExemptionSettings, masking: MaskingSettings) -> Iterator[Note]:
    """Yield a note for an exemption that is very wide, or that exempts nothing."""
    values = exemption.value or exemption.pattern or exemption.domain
    if exemption.domain and exemption.domain.startswith("*.") and exemption.domain.count(".") == 1:
        yield Note(
            (*path, "domain"), f"addresses of all domains in {exemption.domain} pass", "name your own domains"
        )
    elif not (values or exemption.path or exemption.functions):
        what = f"every {'entity' if exemption.entity == '*' else exemption.entity} passes, in all functions"
        yield Note(path, what, "add path, functions, value, domain or pattern; or mask only what has to be masked")
    elif exemption.entity == "*" and not values and exemption.path in (None, "$"):
        yield Note(path, f"every entity passes in calls of {', '.join(exemption.functions)}", "name the entities")
    plans = {"request": masking.request, "response": masking.response}
    if not any(
        rules is None
        or any(
            rule.entity in ("*", exemption.entity) or (rule.entity and exemption.entity == "*") for rule in rules
        )
        for side, rules in plans.items()
        if exemption.direction in (None, side)
    ):
        where = f" in {exemption.direction}s" if exemption.direction else ""
        yield Note(path, f"exempts nothing: no rule masks {exemption.entity}{where}", "remove it")


def _connection_notes(path: KeyPath, connection: ConnectionSettings) -> Iterator[Note]:
    masking, credential = connection.masking, connection.credential
    yield from _wide_notes(path, connection)
    yield from _unmasked_notes((*path, "masking"), masking)
    for index, exemption in enumerate(masking.exempt):
        yield from _exemption_notes((*path, "masking", "exempt", index), exemption, masking)
    if masking.response == [] and masking.declared.response is None:
        what = "responses are not masked unless policy says so"
        yield Note((*path, "masking", "response"), what, 'response: [{entity: "*"}], or remove the key')
    if connection.recording.durability == "relaxed":
        what = "relaxed durability: a crash can lose the records of calls that were forwarded"
        yield Note((*path, "recording", "durability"), what, "durability: strict")
    if not connection.upstream.tls and credential and not is_local(connection.upstream.address):
        what = f"the credential is sent to {connection.upstream.address} without TLS"
        yield Note((*path, "upstream", "tls"), what, "tls: true")


def _wide_notes(path: KeyPath, connection: ConnectionSettings) -> Iterator[Note]:
    """Yield notes about settings that let more calls reach policy than a list of functions does."""
    for name in sorted(connection.anonymous_functions):
        what = f"anybody can call {name!r} without a token; only policy decides"
        yield Note((*path, "functions", name, "identity"), what, "remove the key, unless that is meant")
    for name in connection.wide_functions:
        what = f"{name!r} is any method and any rest of a path; only policy decides which of them are called"
        yield Note((*path, "functions", name), what, "give functions of their own to paths that need rules")
    for name in connection.colon_functions:
        what = f"a segment of {name!r} begins with a colon: it is this very text, and no variable"
        yield Note((*path, "functions", name, "path"), what, "write {id} for a variable")
    for index, host in enumerate(connection.hosts):
        if "*" in host:
            what = f"all hosts that match {host!r} are this connection's, with its credential and its rules"
            yield Note((*path, "hosts", index), what, "list the hosts, unless that is meant")


def _identity_notes(settings: Settings) -> Iterator[Note]:
    if settings.identity.mtls:
        what = (
            "callers are known by client certificates, which Envoy must verify;"
            " the listener of `extproc envoy render` and `extproc up` asks for none"
        )
        hint = "use an Envoy whose listener has validation_context.trusted_ca"
        yield Note(("identity", "mtls"), what, hint)


def _limit_notes(limits: LimitSettings, settings: Settings) -> Iterator[Note]:
    """Yield notes about limits of which one makes another useless."""
    if limits.decision_timeout >= limits.message_timeout:
        yield Note(
            ("limits", "message_timeout"),
            f"Envoy gives up after {limits.message_timeout:g} s, and a decision may take"
            f" {limits.decision_timeout:g} s: callers get 504 without a reason",
            "make limits.message_timeout longer than limits.decision_timeout",
        )
    if settings.policy.engine == "opa" and settings.policy.opa.timeout > limits.decision_timeout:
        what = f"the wait for OPA ends after limits.decision_timeout ({limits.decision_timeout:g} s) at the latest"
        yield Note(("policy", "opa", "timeout"), what, "make one of the two fit the other")
    if limits.held_calls_per_caller >= limits.held_calls:
        what = "one caller can use all of a worker's held calls"
        yield Note(("limits", "held_calls_per_caller"), what, "make it smaller than limits.held_calls")


def _address_notes(settings: Settings) -> Iterator[Note]:
    """Yield notes about addresses of other machines that are used without TLS."""
    for name, provider in settings.identity.providers.items():
        if provider.jwks_url and is_remote_without_tls(provider.jwks_url):
            what = "the issuer's keys are fetched without TLS: an attacker on the network can replace them"
            yield Note(("identity", "providers", name, "jwks_url"), what, "https://…")
    if is_remote_without_tls(settings.evidence.clickhouse):
        yield Note(("evidence", "clickhouse"), "evidence and the password are sent without TLS", "https://…")
    control = settings.control.listen
    if control and not is_local(control):
        what = f"the console at {control} has no TLS: approvers' tokens can be read on the network"
        yield Note(("control", "listen"), what, "listen on loopback, behind a proxy that terminates TLS")
    if settings.policy.engine == "opa" and not settings.policy.opa.tls:
        address = settings.policy.opa.address
        if not is_local(address):
            yield Note(("policy", "opa", "tls"), f"OPA at {address} is queried without TLS", "tls: true")
