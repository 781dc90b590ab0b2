"""Run the real Envoy for one test.

    async with run_envoy(config) as envoy:
        await client.get(f"{envoy.url}/path")

``config`` is a bootstrap as ``render_bootstrap`` makes it. A copy of it is changed in two places: the first listener
gets a port that the kernel chooses, and the administration interface becomes a unix socket in a fresh short folder
(a unix socket's path must stay below 108 bytes, and pytest's own folders are longer). The context is entered once
Envoy accepts connections: start the guard first, since Envoy waits for the first health check of its workers.

When a test fails, ``tests/integration/conftest.py`` shows the logs of every Envoy that it started.
"""

import asyncio
import contextlib
import copy
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

START_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0
FLUSH_WITHIN_S = 30.0
STARTED: list["EnvoyProcess"] = []
"""Every Envoy of the test under way; emptied before each test."""


def envoy_binary() -> str | None:
    """The ``envoy`` beside this Python, or on PATH."""
    beside = Path(sys.executable).parent / "envoy"
    return str(beside) if beside.exists() else shutil.which("envoy")


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A fresh folder whose path is short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="xp-", dir="/tmp") as name:
        yield Path(name)


@dataclass
class EnvoyProcess:
    """A running Envoy."""

    folder: Path
    process: asyncio.subprocess.Process
    port: int = 0
    texts: tuple[str, str] = ("", "")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self) -> Path:
        """Unix socket of the administration interface."""
        return self.folder / "admin.sock"

    def log(self) -> str:
        """Envoy's error output so far."""
        return self.texts[0] or (self.folder / "envoy.log").read_text(errors="replace")

    def access_log(self) -> list[dict[str, Any]]:
        """The access log's lines so far. Envoy writes them late: see ``flushed``."""
        text = self.texts[1] or (self.folder / "access.log").read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    async def ask(self, path: str, method: str = "GET") -> httpx.Response:
        """Ask the administration interface."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.admin), verify=False)
        async with httpx.AsyncClient(transport=transport, timeout=10.0) as client:
            return await client.request(method, f"http://admin{path}")

    async def stat(self, name: str) -> int:
        """One counter or gauge; 0 when Envoy has none of this name."""
        lines = (await self.ask(f"/stats?filter=^{name}$")).text.splitlines()
        return int(lines[0].rpartition(": ")[2]) if lines else 0

    async def flushed(self, lines: int = 1) -> list[dict[str, Any]]:
        """The access log, once it holds at least that many lines."""
        deadline = time.monotonic() + FLUSH_WITHIN_S
        while True:
            await self.ask("/reopen_logs", "POST")
            if len(found := self.access_log()) >= lines or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def run_envoy(
    config: dict[str, Any], tmp_path: Path | None = None, *arguments: str, port: int = 0
) -> AsyncIterator[EnvoyProcess]:
    """Start Envoy with this bootstrap, wait until it accepts, and stop it at the end.

    Args:
        config: the bootstrap; left as it is.
        tmp_path: where a copy of the configuration that ran is kept, if anywhere.
        arguments: further command-line arguments.
        port: where it listens; 0: the kernel chooses.
    """
    with short_folder() as folder:
        file = folder / "envoy.yaml"
        file.write_text(yaml.safe_dump(_for_test(config, folder, port), sort_keys=False))
        if tmp_path is not None:
            shutil.copy(file, tmp_path / "envoy.yaml")
        envoy = EnvoyProcess(folder, await _start(file, folder, arguments))
        STARTED.append(envoy)
        try:
            await _until_accepting(envoy)
            yield envoy
        finally:
            await _stop(envoy)


def _for_test(config: dict[str, Any], folder: Path, port: int) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    changed["admin"] = {"address": {"pipe": {"path": str(folder / "admin.sock"), "mode": 0o600}}}
    changed["static_resources"]["listeners"][0]["address"] = {
        "socket_address": {"address": "127.0.0.1", "port_value": port}
    }
    return changed


async def _start(file: Path, folder: Path, arguments: tuple[str, ...]) -> asyncio.subprocess.Process:
    binary = envoy_binary()
    assert binary, "no envoy binary"
    with (folder / "envoy.log").open("wb") as log, (folder / "access.log").open("wb") as access:
        return await asyncio.create_subprocess_exec(
            *_dying_with_us(),
            binary,
            *("-c", str(file), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"),
            *("--file-flush-interval-msec", "50", "--drain-time-s", "1"),
            *arguments,
            stdout=access,
            stderr=log,
            stdin=asyncio.subprocess.DEVNULL,
        )


def _dying_with_us() -> list[str]:
    """Prefix of a command that ends with its parent: a killed test run leaves no Envoy behind. Needs util-linux."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


async def _until_accepting(envoy: EnvoyProcess) -> None:
    async with asyncio.timeout(START_WITHIN_S):
        while True:
            if envoy.process.returncode is not None:
                raise RuntimeError(f"Envoy ended with {envoy.process.returncode}:\n{envoy.log()}")
            with contextlib.suppress(httpx.HTTPError, OSError, LookupError):
                if (await envoy.ask("/ready")).text.startswith("LIVE"):
                    listeners = (await envoy.ask("/listeners?format=json")).json()["listener_statuses"]
                    envoy.port = listeners[0]["local_address"]["socket_address"]["port_value"]
                    return
            await asyncio.sleep(0.02)


async def _stop(envoy: EnvoyProcess) -> None:
    if envoy.process.returncode is None:
        envoy.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(envoy.process.wait(), STOP_WITHIN_S)
        except TimeoutError:
            envoy.process.kill()
            await envoy.process.wait()
    names = ("envoy.log", "access.log")
    error, access = ((envoy.folder / name).read_text(errors="replace") for name in names)
    envoy.texts = (error or "(empty)", access or "(empty)")


def validate(config: dict[str, Any], *arguments: str) -> str:
    """``envoy --mode validate``: what Envoy says against the configuration; empty when it accepts it."""
    import subprocess

    with short_folder() as folder:
        file = folder / "envoy.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        binary = envoy_binary()
        assert binary, "no envoy binary"
        ended = subprocess.run(
            [binary, "--mode", "validate", "-c", str(file), "--log-level", "error", *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={**os.environ},
        )
    return "" if ended.returncode == 0 else ended.stderr
