"""The APIs of the control process. They change with its configuration: who may vote, what is masked in notes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from extproc.approvals.port import ApprovalStore
from extproc.assembly.make_masker import make_masker
from extproc.config.configuration import Configuration, load_configuration
from extproc.config.load import adding_places
from extproc.console.api import Reader, make_api
from extproc.console.authenticator import make_authenticator
from extproc.console.sign_in.rate_limits import RateLimits
from extproc.console.sign_in.session_store import SessionStore
from extproc.console.sign_in.sign_in import SignIn
from extproc.model.masking import MASK_EVERYTHING
from extproc.pinning.pins import PinStore
from extproc.server.reloading import InfoMetric, expect
from extproc.server.stopping import CallsLeft


@dataclass(frozen=True)
class Apis:
    """The APIs under one configuration."""

    configuration: Configuration
    local: FastAPI
    """On the unix socket."""
    console: FastAPI
    """On ``control.listen``."""


class ControlReload:
    """The changes of the control process's configuration. Belongs to one event loop."""

    def __init__(
        self,
        first: Configuration,
        approvals: ApprovalStore,
        pins: PinStore,
        reader: Reader,
        *,
        sessions: SessionStore,
        info: InfoMetric,
    ) -> None:
        """Put the first configuration in force.

        Args:
            first: with which the process starts.
            approvals: the store of held calls.
            pins: the store of definitions.
            reader: reads evidence.
            sessions: the store of the console's sessions.
            info: is told of the configuration in force.
        """
        self._approvals, self._pins, self._reader, self._info = approvals, pins, reader, info
        self._sessions, self._limits = sessions, RateLimits(time.monotonic_ns)
        self._in_force = self._former = self._make(first)
        self._prepared: Apis | None = None
        info.changed(first)

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""
        return self._in_force.configuration

    def local(self) -> ASGIApp:
        """Return the API of the unix socket, under whichever configuration is in force."""
        return _current(lambda: self._in_force.local)

    def console(self) -> ASGIApp:
        """Return the API of the console, under whichever configuration is in force."""
        return _current(lambda: self._in_force.console)

    async def prepare(self, file: Path, digest: str = "") -> None:
        """Prepare the configuration in this file: see ``ChangesConfiguration``."""
        configuration = expect(await asyncio.to_thread(load_configuration, file), digest)
        with adding_places(file):
            self._prepared = await asyncio.to_thread(self._make, configuration)

    def commit(self) -> None:
        """Put the prepared configuration in force."""
        if self._prepared is None:
            raise LookupError("no configuration is prepared")
        self._former, self._in_force, self._prepared = self._in_force, self._prepared, None
        self._info.changed(self.configuration)

    def revert(self) -> None:
        """Put the former configuration in force again."""
        self._in_force = self._former
        self._info.changed(self.configuration)

    def discard(self) -> None:
        """Forget the prepared configuration."""
        self._prepared = None

    def settle(self) -> None:
        """Forget the former configuration."""
        self._former = self._in_force

    async def settled(self) -> None:
        """Return at once: a request ends by itself."""

    def calls(self) -> CallsLeft:
        """Return that no call runs here."""
        return CallsLeft(0, 0)

    def _make(self, configuration: Configuration) -> Apis:
        settings = configuration.settings
        masker = make_masker(settings)
        sign_in = SignIn(settings.control, settings.identity.providers, self._sessions, self._limits, time.time_ns)

        def api(*, local: bool) -> FastAPI:
            return make_api(
                approvals=self._approvals,
                pins=self._pins,
                reader=self._reader,
                authenticator=make_authenticator(settings, time.time_ns),
                clock=time.time_ns,
                settings=settings,
                local=local,
                mask_note=lambda note: masker.mask_text(note, MASK_EVERYTHING)[0],
                sign_in=sign_in,
            )

        return Apis(configuration, api(local=True), api(local=False))


def _current(chosen: Callable[[], ASGIApp]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await chosen()(scope, receive, send)

    return app
