"""The APIs of the control process. They change with its configuration: who may vote, what is masked in notes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from extproc.approvals.port import ApprovalStore
from extproc.assembly.make_masker import make_masker
from extproc.config.configuration import Configuration, load_configuration
from extproc.config.load import adding_places
from extproc.console.act_log import ActLog
from extproc.console.api import make_api
from extproc.console.approval_desk import ApprovalDesk, DeskMemory
from extproc.console.authenticator import make_authenticator
from extproc.console.forward_clock import ForwardClock
from extproc.console.pages.page_parts import LivePages
from extproc.console.recent_calls import RecentCalls
from extproc.console.sign_in.rate_limits import RateLimits
from extproc.console.sign_in.session_store import SessionStore
from extproc.console.sign_in.sign_in import SignIn
from extproc.evidence.query.reader import EvidenceReader
from extproc.model.masking import MASK_EVERYTHING
from extproc.pinning.pins import PinStore
from extproc.server.reloading import InfoMetric, expect
from extproc.server.stopping import CallsLeft


@dataclass(frozen=True)
class ControlParts:
    """The parts of the control process that it opens once. They outlive a change of the configuration."""

    approvals: ApprovalStore
    pins: PinStore
    sessions: SessionStore
    reader: EvidenceReader
    acts: ActLog
    clock: ForwardClock = field(default_factory=lambda: ForwardClock(time.time_ns, time.monotonic_ns))
    memory: DeskMemory = field(default_factory=DeskMemory.make)


@dataclass(frozen=True)
class Apis:
    """The APIs under one configuration."""

    configuration: Configuration
    local: FastAPI
    """On the unix socket."""
    console: FastAPI
    """On ``control.listen``."""
    desk: ApprovalDesk
    """Serves people who act on approvals."""


class ControlReload:
    """The changes of the control process's configuration. Belongs to one event loop."""

    def __init__(self, first: Configuration, parts: ControlParts, info: InfoMetric) -> None:
        """Put the first configuration in force.

        Args:
            first: with which the process starts.
            parts: what it opened.
            info: is told of the configuration in force.
        """
        self._parts, self._info = parts, info
        self._live = LivePages.make(parts.approvals, lambda each: each is self._in_force.console)
        self._limits = RateLimits(time.monotonic_ns)
        self._in_force = self._former = self._make(first)
        self._prepared: Apis | None = None
        info.changed(first)

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""
        return self._in_force.configuration

    @property
    def desk(self) -> ApprovalDesk:
        """The desk under the configuration in force."""
        return self._in_force.desk

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
        masker, parts = make_masker(settings), self._parts

        sign_in = SignIn(settings.control, settings.identity.providers, parts.sessions, self._limits, time.time_ns)

        def mask_note(note: str) -> str:
            return masker.mask_text(note, MASK_EVERYTHING)[0]

        desk = ApprovalDesk(
            parts.approvals,
            parts.acts,
            parts.clock,
            mask_note,
            calls=RecentCalls(parts.reader),
            memory=parts.memory,
            joins_accounts=any(each.claims.person for each in settings.identity.providers.values()),
        )

        def api(*, local: bool) -> FastAPI:
            return make_api(
                desk=desk,
                pins=parts.pins,
                reader=parts.reader,
                authenticator=make_authenticator(settings, time.time_ns),
                clock=parts.clock,
                settings=settings,
                local=local,
                mask_note=mask_note,
                sign_in=sign_in,
                live=self._live,
            )

        return Apis(configuration, api(local=True), api(local=False), desk)


def _current(chosen: Callable[[], ASGIApp]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await chosen()(scope, receive, send)

    return app
