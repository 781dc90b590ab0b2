"""Check the configuration, and the secrets, keys and certificates that it names."""

import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from extproc.assembly.check_settings import check_plans
from extproc.assembly.keys import KEY_BYTES, MAKE_IT, PSEUDONYM_KEY, SESSION_KEY
from extproc.assembly.masking_notes import masking_notes
from extproc.codecs.located_yaml import KeyPath
from extproc.config.load import adding_places
from extproc.config.summary import setting_notes
from extproc.console.authenticator import ALGORITHMS, is_usable
from extproc.console.jwks import Jwk, fetch_file, fetch_url, read_keys
from extproc.credentials.credential import make_credential
from extproc.doctor.check_result import CheckResult, Installation
from extproc.model.errors import CredentialError
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.settings.identity import Provider
from extproc.settings.masking import ExemptionSettings

EVERYBODY = stat.S_IRWXO
GROUP_WRITES = stat.S_IWGRP
DAY_S = 86_400
SOON_S = 14 * DAY_S
"""Seconds before a certificate's end from which a renewal is due."""


def configuration(installation: Installation) -> Iterator[CheckResult]:
    """Count what is guarded, and report settings that are allowed but dangerous."""
    settings = installation.settings
    count = sum(len(each.function_names) for each in settings.connections.values())
    patterns = sum(len(each.function_patterns) for each in settings.connections.values())
    functions = f"{count} functions" + (f" and {patterns} patterns of more" if patterns else "")
    yield installation.ok(
        "configuration",
        f"valid: {len(settings.connections)} connections, {functions}, {settings.workers} workers",
    )
    for note in setting_notes(settings):
        report = installation.problem if note.refuses_all else installation.warning
        yield report(note.subject, note.what, note.hint, note.path)


def masking(installation: Installation) -> Iterator[CheckResult]:
    """Check that every connection's masking plan can be made."""
    with adding_places(installation.document.file):
        check_plans(installation.settings)
    for note in masking_notes(installation.settings):
        yield installation.warning(note.subject, note.what, note.hint, note.path)
    custom = len(installation.settings.masking.detectors)
    yield installation.ok(
        "masking", f"all plans can be made{f', with {custom} detectors of your own' if custom else ''}"
    )
    for name, connection in installation.settings.connections.items():
        for each in connection.masking.exempt:
            yield installation.ok(f"exemption of {name}", f"{exempted(each)} ({each.reason})")


def exempted(exemption: ExemptionSettings) -> str:
    """Describe what passes, without showing a value."""
    values = (
        "one value" if exemption.value else "",
        "a pattern" if exemption.pattern else "",
        exemption.domain or "",
    )
    kind = next((each for each in values if each), "all values")
    parts = [f"{'every entity' if exemption.entity == '*' else exemption.entity}, {kind}"]
    parts += [f"at {exemption.path}"] if exemption.path else []
    parts += [f"in {exemption.direction}s"] if exemption.direction else []
    parts += [f"of {', '.join(exemption.functions)}"] if exemption.functions else []
    parts += ["also in the record"] if exemption.record else []
    return ", ".join(parts)


def credentials(installation: Installation) -> Iterator[CheckResult]:
    """Check that each connection's credential can be read, is long enough, and is closed to other users."""
    for name, connection in installation.settings.connections.items():
        credential, subject = connection.credential, f"credential of {name}"
        if credential is None:
            continue
        if credential.env and not installation.environ(credential.env):
            yield installation.skipped(
                subject, f"the variable {credential.env} is not set here; only the worker's environment matters"
            )
            continue
        path: KeyPath = ("connections", name, "credential", "file" if credential.file else "env")
        try:
            make_credential(credential).source.read()
        except CredentialError as error:
            yield installation.problem(
                subject, f"{error}; calls are denied", "write the credential there, on one line", path
            )
            continue
        wrong = _open_to_others(installation, subject, credential.file, path) if credential.file else None
        yield wrong or installation.ok(subject, "can be read")


def key_files(installation: Installation) -> Iterator[CheckResult]:
    """Check that keys and passwords exist, are long enough, and are closed to other users."""
    for subject, file, path, least in _key_files(installation):
        try:
            size = file.stat().st_size
            with file.open("rb"):
                pass
        except OSError as error:
            yield installation.problem(
                subject, f"{file}: {error.strerror}", "let the user that runs extproc read it", path
            )
            continue
        if size < least:
            what = f"{file} has {size} bytes, fewer than {least}"
            yield installation.problem(subject, what, MAKE_IT, path)
        else:
            yield _open_to_others(installation, subject, file, path) or installation.ok(subject, "can be read")


def _key_files(installation: Installation) -> Iterator[tuple[str, Path, KeyPath, int]]:
    """Yield each key file with its minimum of bytes. Keys that the first start makes must exist."""
    settings = installation.settings
    masking, evidence, tls = settings.masking, settings.evidence, settings.guard_tls
    own = [] if masking.pseudonym_key_file else [("pseudonym key", settings.state / PSEUDONYM_KEY)]
    for subject, file in (*own, ("session key", settings.state / SESSION_KEY)):
        if file.exists():
            yield subject, file, ("state",), KEY_BYTES
    if masking.pseudonym_key_file:
        yield "pseudonym key", masking.pseudonym_key_file, ("masking", "pseudonym_key_file"), KEY_BYTES
    for key_id, file in masking.old_pseudonym_keys.items():
        yield f"pseudonym key {key_id}", file, ("masking", "old_pseudonym_keys", key_id), KEY_BYTES
    if evidence.clickhouse_password_file:
        path: KeyPath = ("evidence", "clickhouse_password_file")
        yield "ClickHouse's password", evidence.clickhouse_password_file, path, 1
    sign_in = settings.control.sign_in
    if sign_in and sign_in.client_secret_file:
        path = ("control", "sign_in", "client_secret_file")
        yield "the console's client secret", sign_in.client_secret_file, path, 1
    if tls:
        yield "the workers' TLS key", tls.key, ("guard_tls", "key"), 1


def certificates(installation: Installation) -> Iterator[CheckResult]:
    """Check that each named certificate is valid now, and for some time. Files closed to this user are skipped."""
    for subject, file, path in _certificates(installation):
        try:
            found = x509.load_pem_x509_certificates(file.read_bytes())
        except OSError as error:
            yield installation.skipped(subject, f"{file} cannot be read here: {error.strerror}")
            continue
        except ValueError:
            yield installation.problem(
                subject, f"{file} contains no certificate", "write certificates in PEM form to the file", path
            )
            continue
        begin_s = max(each.not_valid_before_utc.timestamp() for each in found)
        left_s = (
            min(each.not_valid_after_utc.timestamp() for each in found)
            - installation.now_ns / NANOSECONDS_PER_SECOND
        )
        if begin_s > installation.now_ns / NANOSECONDS_PER_SECOND:
            yield installation.problem(subject, f"{file} is not valid yet", "check this machine's clock", path)
        elif left_s < 0:
            yield installation.problem(
                subject,
                f"{file} has expired",
                "renew the certificate, and restart the processes that use it",
                path,
            )
        elif left_s < SOON_S:
            what = f"{file} expires in {left_s / DAY_S:.0f} days"
            yield installation.warning(
                subject, what, "renew the certificate, and restart the processes that use it", path
            )
        else:
            yield installation.ok(subject, f"valid for {left_s / DAY_S:.0f} days")


def _certificates(installation: Installation) -> Iterator[tuple[str, Path, KeyPath]]:
    settings = installation.settings
    for section, tls, keys in (
        (("guard_tls",), settings.guard_tls, ("certificate", "client_ca")),
        (("envoy", "guard_tls"), settings.envoy.guard_tls, ("certificate", "ca")),
        (("policy", "opa"), settings.policy.opa, ("ca_file",)),
    ):
        for key in keys:
            if tls is not None and (file := getattr(tls, key)) is not None:
                yield f"certificate {'.'.join((*section, key))}", file, (*section, key)
    for name, connection in settings.connections.items():
        if connection.upstream.ca_file:
            path: KeyPath = ("connections", name, "upstream", "ca_file")
            yield f"certificate of {name}'s backend", connection.upstream.ca_file, path


def _open_to_others(installation: Installation, subject: str, file: Path, path: KeyPath) -> CheckResult | None:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return None
    if not mode & (EVERYBODY | GROUP_WRITES):
        return None
    who = "everybody on this machine" if mode & EVERYBODY else "its group"
    return installation.warning(subject, f"{file} is open to {who} (mode {mode:04o})", f"chmod 600 {file}", path)


def identity(installation: Installation) -> Iterator[CheckResult]:
    """Check that each provider's key set can be read, and has keys that verify tokens."""
    for name, provider in installation.settings.identity.providers.items():
        yield from _keys(installation, name, provider)


def _keys(installation: Installation, name: str, provider: Provider) -> Iterator[CheckResult]:
    subject, base = f"identity {name}", ("identity", "providers", name)
    if provider.jwks_file:
        path: KeyPath = (*base, "jwks_file")
        try:
            found = read_keys(fetch_file(provider.jwks_file))
        except (OSError, ValueError, RecursionError) as error:
            yield installation.problem(
                subject, f"{provider.jwks_file}: {_kind(error)}", "see RFC 7517 section 5", path
            )
            return
        yield from _judged(installation, subject, found, path)
        return
    path = (*base, "jwks_url")
    if installation.offline:
        yield installation.skipped(subject, "its keys are at a URL, which was not fetched")
        return
    try:
        found = read_keys(fetch_url(str(provider.jwks_url)))
    except Exception as error:  # noqa: BLE001 - any reason for no answer
        effect = "if Envoy cannot fetch them either, every call fails with 401"
        what = f"its keys cannot be fetched from here ({_kind(error)}): {effect}"
        hint = "Envoy must reach jwks_url; so must the control process, for approvers"
        yield installation.problem(subject, what, hint, path)
        return
    yield from _judged(installation, subject, found, path, ", as seen from here; Envoy fetches them itself")


def _judged(
    installation: Installation, subject: str, keys: tuple[Jwk, ...], path: KeyPath, seen: str = ""
) -> Iterator[CheckResult]:
    usable = sum(is_usable(key) for key in keys)
    if any("d" in key or key.get("kty") == "oct" for key in keys):
        what = "the key set contains a private or shared key: anybody who can read it can make tokens"
        yield installation.problem(subject, what, "publish public keys only, and replace this key", path)
    if not usable:
        known = ", ".join(way for ways in ALGORITHMS.values() for way in ways)
        what = f"none of its {len(keys)} keys can verify tokens of approvers"
        yield installation.problem(subject, what, f"use a signing key for one of {known}", path)
    else:
        yield installation.ok(subject, f"{usable} of {len(keys)} keys can be used{seen}")


def _kind(error: Exception) -> str:
    """Describe the error without any content of the file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "not a key set" if isinstance(error, ValueError) else type(error).__name__
