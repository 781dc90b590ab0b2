"""What settings amount to, in a few lines for people."""

from collections.abc import Iterator

from extproc.config.schema import Connection, HttpJsonConnection, Settings


def summary(settings: Settings) -> Iterator[str]:
    """One line per issuer and connection, then who decides and where entries go."""
    for name, provider in settings.identity.providers.items():
        yield f"identity {name}: {provider.issuer}"
    for name, connection in settings.connections.items():
        count = len(functions(connection))
        way = f"{', '.join(connection.hosts)} → {connection.upstream.address}"
        yield f"connection {name}: {connection.protocol}, {way}, functions: {count}"
    yield f"policy: {settings.policy.engine}, {settings.policy.query}"
    yield f"evidence: {settings.evidence.clickhouse}"


def functions(connection: Connection) -> list[str]:
    """The names of a connection's functions."""
    return list(connection.functions) if isinstance(connection, HttpJsonConnection) else connection.tools


def notes(settings: Settings) -> Iterator[str]:
    """What is allowed, and may still surprise."""
    if settings.policy.dry_run:
        yield "policy: dry-run: nothing that policy would deny or hold is stopped"
    for name, connection in settings.connections.items():
        credential = connection.credential
        if credential and credential.file and not credential.file.is_file():
            yield f"connection {name}: {credential.file} is not there; calls are denied until it is"
        if not connection.masking.response:
            yield f"connection {name}: responses are not masked unless policy says so"
        if connection.masking.undecodable == "pass-unmasked":
            yield f"connection {name}: bodies that cannot be read pass unmasked"
        if not connection.upstream.tls and credential and not _local(connection.upstream.address):
            yield f"connection {name}: the credential goes to {connection.upstream.address} without TLS"


def _local(address: str) -> bool:
    return address.startswith(("unix:", "127.", "localhost:", "[::1]:"))
