"""A real PostgreSQL server of the tests' own.

    with run_postgresql() as server:
        store = PostgresApprovals(server.new_database())

It listens on loopback and on a unix socket in its own folder, and is ended by its process id. The role ``extproc``
owns the databases and needs no password; the role ``careful`` needs one.
"""

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from extproc.demo.install import free_ports

WITHIN_S, POLL_S = 60.0, 0.02
SETTINGS = {
    "fsync": "off",  # a killed server loses nothing: what it wrote is the kernel's
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "log_min_messages": "warning",
    "log_statement": "none",
    "timezone": "UTC",
    "shared_memory_type": "mmap",
    "dynamic_shared_memory_type": "mmap",
}
ACCESS = """
local all all trust
host all extproc 127.0.0.1/32 trust
host all careful 127.0.0.1/32 scram-sha-256
"""
USERS = ("postgres", "nobody")
"""Whoever of them is there runs the server where the tests run as root, which PostgreSQL refuses."""


def binaries() -> Path | None:
    """The folder of ``postgres`` and ``initdb``: the one on PATH, or Debian's newest."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: -int(each.parent.name))
    return next((each for each in folders if all((each / name).exists() for name in ("postgres", "initdb"))), None)


def machine_can_have_one() -> bool:
    """True where ``.ci/postgresql`` installs Debian's packages."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def needed_binaries() -> Path:
    """The binaries. Skips the test where there are none, and fails in CI where the machine can have them."""
    found = binaries()
    if found is None and os.environ.get("CI") and machine_can_have_one():
        pytest.fail("no PostgreSQL: run .ci/postgresql")
    if found is None:
        pytest.skip("no PostgreSQL server (postgres and initdb on PATH, or Debian's package postgresql)")
    return found


def other_user() -> dict[str, Any]:
    """Options of ``subprocess`` that run a command as a user whom PostgreSQL accepts."""
    if os.geteuid() != 0:
        return {}
    known = {each.pw_name: each for each in pwd.getpwall()}
    chosen = next(known[name] for name in USERS if name in known)
    return {"user": chosen.pw_uid, "group": chosen.pw_gid, "extra_groups": []}


def runs(pid: int) -> bool:
    """Whether a process goes on; one that ended, and that nobody has waited for yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass
class PostgresServer:
    """One server. A test that breaks it mends it: see ``mended``."""

    binaries: Path
    folder: Path
    """Short, for the unix socket's sake."""
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    """In place of those in ``SETTINGS``."""
    process: subprocess.Popen[bytes] | None = None
    password: str = field(default_factory=lambda: "canary-pg-" + secrets.token_hex(8))
    """Of the role ``careful``."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _emptied: str = ""
    _stopped: list[int] = field(default_factory=list)
    """Process ids that ``freeze`` stopped."""

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def create(self) -> None:
        """Make the cluster and its roles."""
        if user := other_user():
            os.chown(self.folder, user["user"], user["group"])
        initdb = [self.binaries / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust"]
        subprocess.run(
            [*initdb, "-E", "UTF8", "--no-locale", "--no-sync"],
            **other_user(),
            env=self._environment(),
            cwd=self.folder,
            check=True,
            capture_output=True,
        )
        (self.folder / "data" / "pg_hba.conf").write_text(ACCESS)
        self.start()
        self.run("CREATE ROLE extproc LOGIN")
        self.run(f"CREATE ROLE careful LOGIN PASSWORD '{self.password}'")

    def start(self) -> None:
        """Start it, and wait until it serves. Call it from the main thread, with which it ends."""
        settings = {
            **SETTINGS,
            **self.settings,
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
        }
        deadline = time.monotonic() + WITHIN_S
        while not self._answers():
            assert time.monotonic() < deadline, self.log
            if self.process is None or self.process.poll() is not None:  # its former children may not be gone yet
                with (self.folder / "log").open("ab") as log:
                    self.process = subprocess.Popen(
                        [
                            *(["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []),
                            *(self.binaries / "postgres", "-D", self.folder / "data"),
                            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
                        ],
                        **other_user(),
                        env=self._environment(),
                        cwd=self.folder,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
            time.sleep(POLL_S)

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it by this signal (SIGINT: connections are cut, transactions rolled back), and wait until it is gone."""
        self.thaw()
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(WITHIN_S)

    def kill(self) -> None:
        """End it as a power cut would: its children notice that it is gone, and end too."""
        children = self.children()
        self.stop(signal.SIGKILL)
        deadline = time.monotonic() + WITHIN_S
        while any(runs(each) for each in children):
            assert time.monotonic() < deadline, "the server's children go on"
            time.sleep(POLL_S)

    def freeze(self) -> None:
        """Stop it and its children in the middle of what they do: connections stay, nobody answers."""
        assert self.process
        self._stopped = [self.process.pid]
        os.kill(self.process.pid, signal.SIGSTOP)  # first: it starts no more children
        for each in self.children():
            os.kill(each, signal.SIGSTOP)
            self._stopped.append(each)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        for each in self._stopped[::-1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)
        self._stopped = []

    def children(self) -> list[int]:
        """Process ids of its children."""
        assert self.process
        return [
            int(each)
            for task in Path(f"/proc/{self.process.pid}/task").iterdir()
            for each in (task / "children").read_text().split()
        ]

    @contextlib.contextmanager
    def mended(self) -> Iterator[None]:
        """The block may kill, stop or freeze it; it serves again afterwards, with its first settings."""
        try:
            yield
        finally:
            self.thaw()
            self.start()
            self.set()

    def set(self, **settings: str) -> None:
        """Change settings of the server; those that are not named get their first value again."""
        self.run("ALTER SYSTEM RESET ALL")
        for name, value in settings.items():
            self.run(f"ALTER SYSTEM SET {name} = '{value}'")
        self.run("SELECT pg_reload_conf()")
        time.sleep(0.1)  # backends read it before their next command

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, over the unix socket."""
        with psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True
        ) as db:
            # The superuser can write where others must not.
            db.execute("SET default_transaction_read_only = off")
            done = db.execute(statement)
            return done.fetchall() if done.description else []

    def new_database(self, owner: str = "extproc") -> str:
        """Make an empty database, and return its name."""
        name = f"approvals_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0")
        return name

    def url(self, database: str, role: str = "extproc", **query: str) -> str:
        """The URL of a database, without a password."""
        parameters = "&".join(f"{name}={value}" for name, value in query.items())
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}" + (f"?{parameters}" if parameters else "")

    def empty_database(self) -> str:
        """A database without approvals, which other tests have used: that is ten times as fast as a new one."""
        if not self._emptied:
            self._emptied = self.new_database()
        self.run("DROP SCHEMA IF EXISTS extproc CASCADE", self._emptied)
        return self._emptied

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.folder)}


@contextlib.contextmanager
def run_postgresql(**settings: str) -> Iterator[PostgresServer]:
    """Start a server of its own; end it, and remove what it stored, when the block ends."""
    with tempfile.TemporaryDirectory(prefix="xp-", dir="/tmp") as folder:
        server = PostgresServer(needed_binaries(), Path(folder), free_ports(1)[0], settings)
        try:
            server.create()
            yield server
        finally:
            server.stop(signal.SIGQUIT)
