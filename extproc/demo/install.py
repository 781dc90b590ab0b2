"""Put a whole installation into one folder: configuration with free ports, people, policy data, secrets."""

import secrets
import shutil
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

CONFIG = "extproc.yaml"
PEOPLE = "people.yaml"
POLICY_DATA = "policy-data.yaml"
SECRETS = "secrets"
MARK = ".made-by-extproc-demo"
"""A folder with this file in it may be emptied."""
BACKENDS = ("crm", "docs")
PORTS = {"envoy": 10000, "health": 10080, "crm": 10101, "docs": 10102, "issuer": 10103}
"""Who listens where in the packaged configuration, on loopback."""
UNGIVEN = range(20_000, 32_768)
"""Below those that Linux (32768) and others (49152, RFC 6335) give to connections and to whoever asks for any."""


@dataclass(frozen=True)
class DemoInstallation:
    """A folder that holds everything, and where its parts listen."""

    folder: Path
    ports: dict[str, int]

    @property
    def config(self) -> Path:
        """The guard's configuration."""
        return self.folder / CONFIG

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.folder / "logs"

    @property
    def state(self) -> Path:
        """Everything the guard stores."""
        return self.folder / "state"

    def url(self, part: str) -> str:
        """Where a part listens."""
        return f"http://127.0.0.1:{self.ports[part]}"

    def credential_file(self, backend: str) -> Path:
        """The file of a backend's credential."""
        return self.folder / SECRETS / backend

    def credential(self, backend: str) -> str:
        """A backend's credential."""
        return self.credential_file(backend).read_text().strip()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, and that the system gives to nobody who asks for any."""
    with ExitStack() as stack:
        candidates = iter(secrets.SystemRandom().sample(UNGIVEN, len(UNGIVEN)))
        held: list[int] = []
        while len(held) < count:
            port = next(candidates)
            with suppress(OSError):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
                held.append(port)
        return held


def with_ports(text: str, ports: dict[str, int]) -> str:
    """The packaged configuration with other ports."""
    for part, packaged in PORTS.items():
        text = text.replace(f"127.0.0.1:{packaged}", f"127.0.0.1:{ports[part]}")
    return text


def install(folder: Path) -> DemoInstallation:
    """Fill a folder. What an earlier run left in it is removed first; a folder of anything else is refused.

    Raises:
        FileExistsError: the folder holds something that the demo did not make.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise FileExistsError(f"{folder} holds other files: choose an empty folder")
    for name in ("state", "logs", SECRETS):
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MARK).touch()
    made = DemoInstallation(folder.absolute(), dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    with as_file(files("extproc.demo")) as packaged:
        made.config.write_text(with_ports((packaged / CONFIG).read_text(), made.ports))
        for name in (PEOPLE, POLICY_DATA):
            shutil.copyfile(packaged / name, folder / name)
    _make_secrets(made)
    return made


def _make_secrets(made: DemoInstallation) -> None:
    for backend in BACKENDS:
        file = made.credential_file(backend)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(f"{backend}-{secrets.token_urlsafe(24)}\n")
