"""The address of the approvals database: a URL as libpq reads it, made safe where the URL leaves something open.

Passwords are never in it: libpq finds them in ``PGPASSFILE``, ``~/.pgpass``, ``PGPASSWORD`` or a service file.
"""

import os
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from extproc.model.errors import ApprovalError

SCHEMES = ("postgresql://", "postgres://")
CONNECT_S = 3
"""Seconds in which one host must answer; libpq's least is 2."""
APPLICATION = "extproc"
SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret"})
ROOT_CERTIFICATE = Path(".postgresql") / "root.crt"
"""In the home folder: libpq's own file of trusted authorities."""


def is_postgresql(store: str) -> bool:
    """Return whether ``approvals.store`` names a database rather than a file."""
    return store.startswith(SCHEMES)


def connection_parameters(url: str) -> dict[str, str]:
    """Return libpq's parameters for this URL.

    Where the URL (or libpq's environment) does not say otherwise: a server on another machine must show a
    certificate for its name (``sslmode=verify-full``), only a server that can be written to is accepted
    (``target_session_attrs=read-write``), and a lost peer is noticed within a minute.

    Args:
        url: ``postgresql://user@host:port/database?parameter=value``, with several hosts too.

    Raises:
        ApprovalError: it is no such URL, or holds a password. The message holds nothing of it.
    """
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except Exception:  # noqa: BLE001 - whatever libpq says may quote the URL
        raise ApprovalError(f"approvals.store is not a valid PostgreSQL URL{_meant(url)}") from None
    if SECRETS & given.keys():
        raise ApprovalError("approvals.store contains a password; use PGPASSFILE, PGPASSWORD or a service file")
    defaults = {
        "application_name": APPLICATION,
        "connect_timeout": str(CONNECT_S),
        "target_session_attrs": "read-write",
        "keepalives_idle": "20",
        "keepalives_interval": "10",
        "keepalives_count": "3",
    }
    # Files and services of libpq may say more than can be seen here: theirs is the word.
    if not ({"service", "sslmode"} & given.keys() or {"PGSERVICE", "PGSSLMODE"} & os.environ.keys()):
        defaults |= _verified_tls(given)
    return {**defaults, **given, "client_encoding": "utf8"}


def _meant(url: str) -> str:
    """The parameter that an unknown one was probably meant to be. Nothing of the URL is repeated."""
    known = [option.keyword.decode() for option in Conninfo.get_defaults()]
    for part in url.partition("?")[2].split("&"):
        name = part.partition("=")[0]
        if name not in known and (close := get_close_matches(name, known, n=1, cutoff=0.75)):
            return f': it has an unknown parameter; did you mean "{close[0]}"?'
    return ""


def _verified_tls(given: dict[str, str]) -> dict[str, str]:
    if all(_is_on_this_machine(host) for host in _hosts(given)):
        return {}
    tls = {"sslmode": "verify-full"}
    if not ("sslrootcert" in given or "PGSSLROOTCERT" in os.environ or (Path.home() / ROOT_CERTIFICATE).exists()):
        tls["sslrootcert"] = "system"
    return tls


def _hosts(given: dict[str, str]) -> list[str]:
    hosts = given.get("hostaddr") or given.get("host") or os.environ.get("PGHOST", "")
    return hosts.split(",")


def _is_on_this_machine(host: str) -> bool:
    if not host or host.startswith(("/", "@")):
        return True  # a unix socket
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def place(url: str) -> str:
    """Return host and database of a URL, to name it in messages."""
    given = connection_parameters(url)
    hosts = ",".join(each or "local" for each in _hosts(given))
    return f"PostgreSQL {hosts}/{given.get('dbname') or given.get('user', '')}"
