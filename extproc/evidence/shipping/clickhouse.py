"""Connections to ClickHouse: the embedded engine or a server, by the same client."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

from extproc.evidence.shipping.tables import renew_feed, statements
from extproc.model.entries import ACTS
from extproc.model.errors import ConfigError

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
PORTS = {"http": 8123, "https": 8443}

_ENGINE = threading.Lock()
"""The embedded engine starts with the first client; two threads must not both start it."""

Parameters = dict[str, Any]
"""Values of a query's ``{name:Type}`` parameters."""


class Rows(Protocol):
    """The result of a query."""

    @property
    def result_rows(self) -> Sequence[Sequence[Any]]:
        """The rows, as Python values."""
        ...


class ByteStream(Protocol):
    """A query's result in one of ClickHouse's formats."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to that many bytes; by default all of them."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


class ClickHouseClient(Protocol):
    """The part of a ``clickhouse_connect`` client that is used here. Used by one thread at a time."""

    database: str
    """The database of unqualified tables."""

    def query(self, query: str, parameters: Parameters | None = None) -> Rows:
        """Run a query."""
        ...

    def raw_stream(
        self, query: str, parameters: Parameters | None = None, *, fmt: str | None = None
    ) -> ByteStream:
        """Run a query, and return its result in a format."""
        ...

    def command(self, cmd: str, parameters: Parameters | None = None) -> object:
        """Run a statement."""
        ...

    def insert(
        self,
        table: str,
        data: Sequence[Sequence[object]],
        *,
        column_names: Sequence[str],
        column_type_names: Sequence[str],
        database: str,
        settings: dict[str, Any],
    ) -> object:
        """Insert rows as one block."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """The address of ClickHouse. The password is read at each connect, so that it can be rotated."""

    url: str
    """``chdb://`` (the folder given below), ``chdb:///folder``, ``http://user@host:port``, ``https://…``."""
    database: str = "extproc"
    folder: Path = Path("clickhouse")
    """Folder of the embedded engine, if the URL names none."""
    password_file: Path | None = None

    @property
    def embedded(self) -> bool:
        """True if the engine runs in this process."""
        return self.url.startswith("chdb:")


def connect(target: Target, settings: Mapping[str, object] | None = None) -> ClickHouseClient:
    """Open a client. With ``https`` the server's certificate is verified.

    Args:
        target: the address.
        settings: ClickHouse settings for everything the client does.

    Returns:
        A client for one thread at a time.

    Raises:
        ConfigError: the URL or the password file is wrong.
        Exception: ClickHouse cannot be reached; the driver's own errors.
    """
    import clickhouse_connect  # noqa: PLC0415 - a worker never needs it

    if target.embedded:
        with _ENGINE:
            client = cast(
                ClickHouseClient, clickhouse_connect.get_client(interface="chdb", path=str(_folder(target)))
            )
        for name, value in (settings or {}).items():
            client.command(f"SET {name} = {_literal(value)}")
        return client
    return cast(
        ClickHouseClient,
        clickhouse_connect.get_client(
            **_server(target), settings=dict(settings or {}), autogenerate_session_id=False
        ),
    )


def create_schema(client: ClickHouseClient, database: str) -> None:
    """Create the missing tables and views, and bring the feed of an older version up to this one.

    Raises:
        Exception: ClickHouse refuses: the user may not create, or may not alter the feed of an older version.
    """
    for statement in statements(database):
        client.command(statement)
    asked = "SELECT as_select FROM system.tables WHERE database = {database:String} AND name = 'calls_feed'"
    query = client.query(asked, parameters={"database": database}).result_rows[0][0]
    if ACTS not in query:
        client.command(renew_feed(database))


def _literal(value: object) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" if isinstance(value, str) else str(value)


def _folder(target: Target) -> Path:
    parts = urlsplit(target.url)
    if parts.netloc:
        raise ConfigError("chdb:// takes an absolute folder", hint="write chdb:///folder, or chdb:// alone")
    folder = Path(unquote(parts.path)) if parts.path else target.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _server(target: Target) -> dict[str, Any]:
    parts = urlsplit(target.url)
    if not parts.hostname or parts.scheme not in PORTS:
        raise ConfigError(
            "evidence.clickhouse is not an address", hint="write http(s)://user@host:port, or chdb://"
        )
    if parts.password:
        raise ConfigError(
            "evidence.clickhouse holds a password", hint="put it into a file: evidence.clickhouse_password_file"
        )
    return {
        "interface": parts.scheme,
        "host": parts.hostname,
        "port": parts.port or PORTS[parts.scheme],
        "username": unquote(parts.username or "default"),
        "password": _password(target.password_file),
        "connect_timeout": CONNECT_TIMEOUT_S,
        "send_receive_timeout": READ_TIMEOUT_S,
        "verify": True,
    }


def _password(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"the password file cannot be read: {error.strerror}", hint=str(file)) from error
