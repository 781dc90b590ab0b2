"""How a worker changes its configuration: it prepares a new one beside the one in force, then switches.

Preparing makes everything that can fail. The switch is one assignment between two messages, and cannot fail.
"""

import asyncio
import gc
import time
from pathlib import Path
from typing import Protocol

import structlog
from prometheus_client import Gauge

from extproc.assembly.engine_reports import EngineReports, StatusListener
from extproc.assembly.make_engine import make_engine, try_beforehand
from extproc.assembly.make_services import Parts, WorkerStores, make_parts, make_services
from extproc.config.configuration import SHOWN, Configuration, load_configuration
from extproc.config.configuration_status import write_status
from extproc.config.load import adding_places
from extproc.model.errors import ConfigError
from extproc.policy.contract.engine import PolicyEngine
from extproc.policy.contract.uninspectable_reads import unread_notes
from extproc.server.configurations import Configurations, Generation
from extproc.server.stopping import CallsLeft

COLLECT_AFTER = 50_000
"""Allocations between two garbage collections of the youngest objects (Python's default: 700, one or two calls)"""
INFO = Gauge(
    "extproc_configuration_info",
    "1 for the configuration that a process runs, by its digest; 0 for those it ran before.",
    ["process", "digest"],
    multiprocess_mode="livemax",
)


def settle_memory() -> None:
    """Exempt what lives as long as a configuration from garbage collection, and collect the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


class ChangesConfiguration(Protocol):
    """A process that can change its configuration. ``extproc.supervise`` changes all processes together."""

    async def prepare(self, file: Path, digest: str) -> None:
        """Prepare the configuration in this file, and keep it beside the one in force.

        Raises:
            ExtprocError: it cannot be used, or has another digest.
        """
        ...

    def commit(self) -> None:
        """Put the prepared configuration in force."""
        ...

    def revert(self) -> None:
        """Put the former configuration in force again; before ``settle``."""
        ...

    def discard(self) -> None:
        """Forget the prepared configuration."""
        ...

    def settle(self) -> None:
        """Serve no new call by the former configuration."""
        ...

    async def settled(self) -> None:
        """Wait until no call uses a former configuration."""
        ...

    def calls(self) -> CallsLeft:
        """Return the number of calls that run now."""
        ...


class InfoMetric:
    """Tells which configuration this process runs: as a metric, in the state folder, in the log."""

    def __init__(self, state: Path, process: str) -> None:
        self._state, self._process, self._last = state, process, ""

    def changed(self, configuration: Configuration) -> None:
        """Tell that a configuration is in force."""
        if self._last:
            INFO.labels(self._process, self._last).set(0)
        self._last = configuration.digest
        INFO.labels(self._process, self._last).set(1)
        write_status(self._state, self._process, self._last, time.time_ns())
        structlog.get_logger().info("configuration in force", digest=self._last[:SHOWN])


def expect(configuration: Configuration, digest: str) -> Configuration:
    """Return the configuration if it is the expected one.

    Raises:
        ConfigError: it has another digest.
    """
    if digest and configuration.digest != digest:
        raise ConfigError("the configuration changed while it was read", hint="reload it again")
    return configuration


class WorkerReload:
    """The changes of one worker's configuration. Belongs to one event loop."""

    def __init__(self, stores: WorkerStores, on_policy_status: StatusListener, info: InfoMetric) -> None:
        """Make no configuration yet: ``start`` does.

        Args:
            stores: what stays the same.
            on_policy_status: called with each new status of the policy engine in force.
            info: is told of the configuration in force.
        """
        self._stores, self._on_policy_status, self._info = stores, on_policy_status, info
        self._generations: Configurations | None = None

    def start(self, configuration: Configuration) -> Configurations:
        """Put the first configuration in force. A broken policy is replaced by the last good one.

        Raises:
            ExtprocError: a part cannot be made; its message names the file and the remedy.
        """
        reports = self._reports(configuration, in_force=True)
        parts = make_parts(configuration.settings)
        engine = make_engine(configuration.settings, reports)
        first = self._generation(configuration, parts, engine, reports)
        self._generations = Configurations(first, self._stores.latest)
        self._tell()
        return self._generations

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""
        return self.configurations.in_force.configuration

    @property
    def configurations(self) -> Configurations:
        """All configurations of this worker."""
        if self._generations is None:
            raise LookupError("the worker has not started")
        return self._generations

    async def prepare(self, file: Path, digest: str = "") -> None:
        """Prepare the configuration in this file: see ``ChangesConfiguration.prepare``.

        Args:
            file: a configuration file or a snapshot.
            digest: the expected digest; empty: any.
        """
        former = self.configurations.in_force.parts
        configuration = expect(await asyncio.to_thread(load_configuration, file), digest)
        with adding_places(file):
            parts = await asyncio.to_thread(make_parts, configuration.settings, former)
            reports = self._reports(configuration, in_force=False)
            engine = await _make_engine(configuration, reports)
            self.configurations.prepare(self._generation(configuration, parts, engine, reports))

    def commit(self) -> None:
        """Put the prepared configuration in force."""
        self.configurations.commit()
        self._tell()

    def revert(self) -> None:
        """Put the former configuration in force again."""
        self.configurations.revert()
        self._tell()

    def discard(self) -> None:
        """Forget the prepared configuration."""
        self.configurations.discard()

    def settle(self) -> None:
        """Serve no new call by the former configuration."""
        self.configurations.settle()
        settle_memory()

    async def settled(self) -> None:
        """Wait until no call uses a former configuration."""
        await self.configurations.settled()

    def calls(self) -> CallsLeft:
        """Return the number of calls that run now, under any configuration."""
        held = self._stores.waiter.waiting
        return CallsLeft(held, max(0, self.configurations.running - held))

    def _tell(self) -> None:
        self._info.changed(self.configuration)
        engine = self.configurations.services.engine
        for fact in unread_notes(engine.uninspectable_reads, engine.response_interest):
            structlog.get_logger().info("policy note", what=fact.what, hint=fact.hint)

    def _reports(self, configuration: Configuration, *, in_force: bool) -> EngineReports:
        state, worker = configuration.settings.state, self._stores.worker
        return EngineReports(state, worker, self._on_policy_status, in_force=in_force)

    def _generation(
        self, configuration: Configuration, parts: Parts, engine: PolicyEngine, reports: EngineReports
    ) -> Generation:
        return Generation(configuration, parts, make_services(parts, engine, self._stores), reports)


async def _make_engine(configuration: Configuration, reports: EngineReports) -> PolicyEngine:
    """Make the engine in this thread, to which it belongs; the policy is tried in another one."""
    settings = configuration.settings
    if settings.policy.engine == "opa":
        return make_engine(settings, reports)
    return make_engine(settings, reports, await asyncio.to_thread(try_beforehand, settings))
