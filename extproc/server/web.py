"""Serve a web application inside a process that has its own event loop and signal handlers."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from extproc.model.errors import ConfigError
from extproc.server.patient_http import PatientProtocol

STREAMS_END_S = 2
"""Seconds in which requests may end when the process stops. Streams of open pages do not end of themselves."""
POLL_S = 0.01
"""Seconds between two looks at the flag by which uvicorn says that it serves."""


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def web(app: ASGIApp, listen: str) -> AsyncIterator[None]:
    """Serve an ASGI application on ``host:port`` or ``unix:/path`` (mode 0600) while the block runs.

    Raises:
        ConfigError: the endpoint is taken, or this user may not listen there.
    """
    bound = _bind(listen)
    # Whose X-Forwarded-For counts is for the application to say; uvicorn would believe everybody on this machine.
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STREAMS_END_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn sets a flag, and has no event to wait for
        await asyncio.sleep(POLL_S)
    try:
        yield
    finally:
        server.should_exit = True
        await task
        bound.close()


def _bind(listen: str) -> socket.socket:
    try:
        if listen.startswith("unix:"):
            return _bind_unix(Path(listen.removeprefix("unix:")))
        host, _, port = listen.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host.strip("[]"), int(port)))
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {listen}: {error.strerror}",
            hint="stop the process that uses it, or choose another address",
        ) from error
    return bound


def _bind_unix(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _answers(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    path.unlink(missing_ok=True)  # left behind by a process that was killed
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    path.chmod(0o600)
    return bound


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
