"""Envoy's configuration of ``extproc up``: files that Envoy follows, and the proof that it uses them.

A change comes in the order in which nothing is missing: clusters, listeners, then routes. Clusters that are not
named any more stay until the last call that was routed to them has ended.
"""

import asyncio
import contextlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

from extproc.envoy_config.render.discovery import CLUSTERS, LISTENERS, ROUTES, Discovery
from extproc.model.errors import ConfigError
from extproc.supervise.probes import ANSWER_WITHIN_S

ACCEPT_WITHIN_S = 20.0
"""Seconds in which Envoy must use a new file. A cluster is used once its names are resolved."""
POLL_S = 0.02
VALIDATE_WITHIN_S = 60.0
STATS = {
    CLUSTERS: "cluster_manager.cds",
    LISTENERS: "listener_manager.lds",
    ROUTES: "http.guarded.rds.guarded",
}
"""The prefix of Envoy's statistics about each file."""
WARMING = ("cluster_manager.warming_clusters", "listener_manager.total_listeners_warming")


class EnvoyRefusedError(ConfigError):
    """Envoy does not use a new configuration."""


def write_files(discovery: Discovery, folder: Path) -> None:
    """Write all files, before Envoy starts.

    Raises:
        OSError: they cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in STATS:
        _move_into_place(folder / file, discovery.text(file))


def validate(envoy: str, rendered: dict[str, Any]) -> None:
    """Have Envoy itself check a rendered configuration.

    Raises:
        EnvoyRefusedError: with Envoy's own words.
    """
    with tempfile.TemporaryDirectory(prefix="extproc-") as folder:
        file = Path(folder) / "envoy.json"
        file.write_text(json.dumps(rendered))
        command = [
            envoy,
            "--mode",
            "validate",
            "-c",
            str(file),
            "--log-level",
            "error",
            "--reject-unknown-dynamic-fields",
        ]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=VALIDATE_WITHIN_S, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise EnvoyRefusedError(f"{envoy} cannot be run: {type(error).__name__}") from None
    if ended.returncode:
        words = next((line for line in reversed(ended.stderr.splitlines()) if line.strip()), "no reason given")
        raise EnvoyRefusedError(f"Envoy refuses the rendered configuration: {words[:500]}")


class LiveEnvoy:
    """The files of one Envoy, and its administration interface."""

    def __init__(self, folder: Path, admin: str) -> None:
        """Prepare to change the files.

        Args:
            folder: the folder of the files.
            admin: address of the administration interface, ``host:port`` or ``unix:/path``.
        """
        self._folder, self._admin = folder, admin

    async def change(self, discovery: Discovery) -> None:
        """Replace the files one by one, each once Envoy uses the one before it.

        Raises:
            EnvoyRefusedError: Envoy did not take one in time. Those before it stay replaced.
            OSError: a file cannot be written.
        """
        for file in STATS:
            await self._change(file, discovery)

    async def _change(self, file: str, discovery: Discovery) -> None:
        path, text = self._folder / file, discovery.text(file)
        if path.read_text() == text:
            return
        rejected = await self._rejected(file)
        await asyncio.to_thread(_move_into_place, path, text)
        try:
            async with asyncio.timeout(ACCEPT_WITHIN_S):
                while not await self._uses(file, discovery.version(file)):
                    if await self._rejected(file) > rejected >= 0:
                        raise EnvoyRefusedError(f"Envoy refused {path}; see its log")
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise EnvoyRefusedError(f"Envoy did not use {path} within {ACCEPT_WITHIN_S:.0f} s") from None

    async def _uses(self, file: str, version: str) -> bool:
        found = await self._stats(file)
        return found.get("version_text") == f'"{version}"' and not any(
            int(found.get(name, "0")) for name in WARMING
        )

    async def _rejected(self, file: str) -> int:
        """Return how often Envoy has refused the file; -1 if it does not answer."""
        return int((await self._stats(file)).get("update_rejected", "-1"))

    async def _stats(self, file: str) -> dict[str, str]:
        """Return Envoy's statistics about one file; empty if it does not answer."""
        prefix = STATS[file]
        wanted = "|".join((f"^{prefix}\\.(version_text|update_rejected)$", *(f"^{name}$" for name in WARMING)))
        text = await self._get(f"/stats?filter={wanted}")
        pairs = (line.partition(": ") for line in text.splitlines())
        return {name.removeprefix(f"{prefix}."): value for name, _, value in pairs}

    async def _get(self, path: str) -> str:
        unix = self._admin.removeprefix("unix:") if self._admin.startswith("unix:") else None
        transport = httpx.AsyncHTTPTransport(uds=unix, verify=False)
        base = "http://envoy" if unix else f"http://{self._admin}"
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(transport=transport, timeout=ANSWER_WITHIN_S, trust_env=False) as client:
                return (await client.get(base + path)).text
        return ""


def _move_into_place(path: Path, text: str) -> None:
    """Replace a file at once: Envoy sees a change when a file is moved."""
    fresh = path.with_name(f".{path.name}")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)
