"""Install everything for the demo in one folder: configuration with free ports, people, policy data, secrets."""

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
"""The file that marks a folder which the demo may empty."""
BACKENDS = ("crm", "docs")
PORTS = {"envoy": 10000, "health": 10080, "console": 10081, "crm": 10101, "docs": 10102, "issuer": 10103}
"""The loopback ports in the packaged configuration, by part."""
UNGIVEN = range(20_000, 32_768)
"""Ports below the ephemeral ones of Linux (from 32768) and of other systems (from 49152, RFC 6335)."""


@dataclass(frozen=True)
class DemoInstallation:
    """The folder of the demo, and the ports of its parts."""

    folder: Path
    ports: dict[str, int]

    @property
    def config(self) -> Path:
        """The configuration file of the guard."""
        return self.folder / CONFIG

    @property
    def logs(self) -> Path:
        """The folder with a log file for each process."""
        return self.folder / "logs"

    @property
    def state(self) -> Path:
        """The folder with everything that the guard stores."""
        return self.folder / "state"

    def url(self, part: str) -> str:
        """Return the URL of a part."""
        return f"http://127.0.0.1:{self.ports[part]}"

    def credential_file(self, backend: str) -> Path:
        """Return the file with a backend's credential."""
        return self.folder / SECRETS / backend

    def credential(self, backend: str) -> str:
        """Read a backend's credential."""
        return self.credential_file(backend).read_text().strip()


def free_ports(count: int) -> list[int]:
    """Return ports that are free now, and that the system does not hand out as ephemeral ports."""
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
    """Return the packaged configuration with other ports."""
    for part, packaged in PORTS.items():
        text = text.replace(f"127.0.0.1:{packaged}", f"127.0.0.1:{ports[part]}")
    return text


def install(folder: Path) -> DemoInstallation:
    """Fill a folder. Files of an earlier run are removed first; a folder with other files is refused.

    Raises:
        FileExistsError: the folder contains files that the demo did not make.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise FileExistsError(f"{folder} contains other files: choose an empty folder")
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
