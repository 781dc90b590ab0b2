"""The running installation of ``extproc up``: its children, its health, its changes and its end."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import httpx
import structlog
from prometheus_client.multiprocess import mark_process_dead
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from extproc.concurrency.background import background
from extproc.config.configuration import SHOWN, Configuration
from extproc.config.configuration_status import running
from extproc.config.schema import Settings
from extproc.envoy_config.render.bootstrap import ADMIN_SOCKET
from extproc.envoy_config.render.discovery import Discovery
from extproc.model.errors import ConfigError, ExtprocError
from extproc.policy.bundle.policy_status import STATUS_FOLDER, read_statuses
from extproc.server.health import OK, health_app
from extproc.server.stopping import CallsLeft, Signals, tell_progress
from extproc.server.web import web
from extproc.supervise.ask_reload import SOCKET
from extproc.supervise.envoy_live import LiveEnvoy
from extproc.supervise.line import LineClosedError, RefusedError
from extproc.supervise.probes import ANSWER_WITHIN_S
from extproc.supervise.reloader import Changed, Reloader
from extproc.supervise.supervisor import Child, Supervisor

COUNT_WITHIN_S = 0.5


class Installation:
    """All processes, under one supervisor."""

    def __init__(
        self, configuration: Configuration, file: Path, children: list[Child], discovery: Discovery
    ) -> None:
        """Start nothing yet.

        Args:
            configuration: the snapshot in force.
            file: the configuration file.
            children: all children, not started.
            discovery: Envoy's part of the configuration, written already.
        """
        settings = self._settings = configuration.settings
        self._admin = settings.envoy.admin or f"unix:{settings.state / ADMIN_SOCKET}"
        metrics = str(settings.state / "metrics")
        self._supervisor = Supervisor(children, on_end=lambda pid: mark_process_dead(pid, metrics))  # type: ignore[no-untyped-call]
        self._workers = tuple(each.name for each in children if each.name.startswith("worker-"))
        envoy = LiveEnvoy(settings.state / "envoy", self._admin)
        self._file = file
        self._reloader = Reloader(configuration, file, children, discovery, envoy)
        self._left = CallsLeft(0, 0)
        self._hangups = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Run until a signal, then drain; a second signal ends the drain.

        Args:
            on_ready: called once every child answers.

        Raises:
            ConfigError: an address is taken.
            StartFailedError: a child did not become ready.
        """
        signals = Signals(self._hangups.set)
        app = health_app(self._states, self._facts)
        async with web(app, self._settings.health), web(self._commands(), f"unix:{self._settings.state / SOCKET}"):
            if not await self._start(signals):
                return
            on_ready()
            async with background(self._reload_on_hangup()):
                await signals.until_stopped()
            await self._stop(signals)

    async def _start(self, signals: Signals) -> bool:
        """Start all children. Returns False if a signal came first; then they are stopped."""
        starting = asyncio.create_task(self._supervisor.start())
        stopped = asyncio.create_task(signals.until_stopped())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not starting.done():
            starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        return not signals.stop.is_set()

    async def _stop(self, signals: Signals) -> None:
        await self._reloader.stop()
        await _stop_accepting(self._admin)
        drain_s = self._settings.limits.drain
        await self._count_calls()
        async with (
            background(self._keep_counting()),
            background(tell_progress(lambda: self._left, drain_s, structlog.get_logger().info)),
            background(self._hurry(signals)),
        ):
            await self._supervisor.stop(*self._workers)
        await self._supervisor.stop()

    async def _hurry(self, signals: Signals) -> None:
        await signals.hurry.wait()
        self._supervisor.hurry(*self._workers)

    async def _keep_counting(self) -> None:
        while True:
            await asyncio.sleep(COUNT_WITHIN_S)
            await self._count_calls()

    async def _count_calls(self) -> None:
        counts = await asyncio.gather(*(_calls(child) for child in self._supervisor.children))
        self._left = sum(counts, CallsLeft(0, 0))

    # Health.

    async def _states(self) -> dict[str, str]:
        states = await self._supervisor.states()
        return states | {"policy": policy_state(self._settings), "configuration": self._configuration_state()}

    def _configuration_state(self) -> str:
        digest = self._reloader.configuration.digest
        other = [each.process for each in running(self._settings.state) if each.digest != digest]
        return f"another one runs in {', '.join(other)}" if other else OK

    def _facts(self) -> dict[str, object]:
        processes = {each.process: each.digest for each in running(self._settings.state)}
        return {"configuration": {"digest": self._reloader.configuration.digest, "processes": processes}}

    # Changes.

    async def _reload_on_hangup(self) -> None:
        while True:
            await self._hangups.wait()
            self._hangups.clear()
            try:
                changed = await self._reloader.reload()
            except ExtprocError as error:
                structlog.get_logger().error("configuration refused", why=str(error))
            else:
                if changed.keys is None:
                    structlog.get_logger().info("configuration unchanged", digest=changed.digest[:SHOWN])

    def _commands(self) -> Starlette:
        async def reload(request: Request) -> JSONResponse:
            document = await request.json()
            try:
                return JSONResponse(_shown(await self._reload_file(str(document.get("file")))))
            except ExtprocError as error:
                return JSONResponse({"error": str(error)}, 409)

        return Starlette(routes=[Route("/reload", reload, methods=["POST"])])

    async def _reload_file(self, file: str) -> Changed:
        if file != str(self._file):
            raise ConfigError(f"`extproc up` runs with {self._file}", hint="name that file with --config")
        return await self._reloader.reload()


def _shown(changed: Changed) -> dict[str, object]:
    keys = None if changed.keys is None else [".".join(map(str, key)) for key in changed.keys]
    return {"digest": changed.digest, "keys": keys}


async def _calls(child: Child) -> CallsLeft:
    if child.line is None:
        return CallsLeft(0, 0)
    try:
        found = await child.line.ask("calls", COUNT_WITHIN_S)
    except (LineClosedError, RefusedError):
        return CallsLeft(0, 0)
    return CallsLeft(int(found["held"]), int(found["running"]))


def policy_state(settings: Settings) -> str:
    """Return ``ok``, or the reason that a running worker last gave why its policy engine cannot decide."""
    found = read_statuses(settings.state / STATUS_FOLDER)
    return next((one.trouble for one, runs in found if runs and one.trouble), OK)


async def _stop_accepting(admin: str) -> None:
    """Ask Envoy to close its listeners; running calls go on."""
    unix = admin.removeprefix("unix:") if admin.startswith("unix:") else None
    transport = httpx.AsyncHTTPTransport(uds=unix, verify=False)
    base = "http://admin" if unix else f"http://{admin}"
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(transport=transport, timeout=ANSWER_WITHIN_S, trust_env=False) as client:
            await client.post(f"{base}/drain_listeners")
