"""Run one worker process: start its services, serve Envoy, and drain when told to stop."""

import contextlib
from pathlib import Path

import structlog

from extproc.assembly.make_services import WorkerStores, open_stores
from extproc.config.configuration import Configuration
from extproc.config.owner_lock import owned
from extproc.config.state_folder import keep_private
from extproc.config.summary import notes
from extproc.evidence.spool.queue_journal import recover_queue_journals
from extproc.flow.record.crash_record import record_orphans
from extproc.flow.services import Services
from extproc.server.health import OK, http_health
from extproc.server.log import set_up_log
from extproc.server.metrics import Metrics, PolicyMetrics
from extproc.server.reload_alone import ReloadAlone
from extproc.server.reloading import InfoMetric, WorkerReload, settle_memory
from extproc.server.rule_labels import RuleLabels
from extproc.server.stopping import Signals
from extproc.server.supervised import is_supervised, supervised
from extproc.server.watchdog import Watchdog, too_long
from extproc.server.worker import Drain, serving


async def run_worker(configuration: Configuration, *, listen: str, index: int, health: str = "none") -> None:
    """Run one worker until SIGTERM or SIGINT, then drain.

    Args:
        configuration: with which the worker starts.
        listen: the endpoint for Envoy, ``host:port`` or ``unix:/path``.
        index: the worker's number; it names the spool.
        health: ``host:port`` for HTTP health and metrics, or ``none``.

    Raises:
        ConfigError: another process is the worker with this number, or a part cannot be made.
    """
    name, settings = f"worker-{index}", configuration.settings
    set_up_log(name, settings.log_level)
    keep_private(settings.state)
    with owned(settings.state, name):
        for note in notes(settings):
            structlog.get_logger().warning(str(note))
        rules = RuleLabels()
        with open_stores(settings, name, Metrics(rules)) as stores:
            await _run(configuration, stores, rules, listen, health)


async def _run(
    configuration: Configuration, stores: WorkerStores, rules: RuleLabels, listen: str, health: str
) -> None:
    settings = configuration.settings
    reload = WorkerReload(stores, PolicyMetrics(rules).changed, InfoMetric(settings.state, stores.worker))
    configurations = reload.start(configuration)

    async def checks() -> dict[str, str]:
        evidence = OK if stores.recorder.healthy else "cannot store entries"
        return {"evidence": evidence, "policy": configurations.services.engine.problem or OK}

    def facts() -> dict[str, str]:
        return {"configuration": configurations.in_force.configuration.digest}

    await _recover_records(configurations.services, settings.evidence.spool)
    settle_memory()
    watchdog, alone = Watchdog(too_long(settings.limits)), ReloadAlone(reload, configuration.file)
    signals = Signals(alone.start)
    drain = Drain(signals.hurry) if is_supervised() else Drain(signals.hurry, structlog.get_logger().info)
    async with contextlib.AsyncExitStack() as running:
        await running.enter_async_context(watchdog.watched())
        await running.enter_async_context(configurations.watching())
        await running.enter_async_context(supervised(reload))
        await running.enter_async_context(
            serving(configurations, listen, settings.guard_tls, alive=watchdog.kick, drain=drain)
        )
        await running.enter_async_context(http_health(health, checks, facts))
        await signals.until_stopped()
    await stores.waiter.finish()


async def _recover_records(services: Services, spools: Path) -> None:
    """Record what workers that were killed could not record."""
    for found in await recover_queue_journals(spools, services.recorder):
        structlog.get_logger().warning("entries recovered", of=found.worker, entries=found.stored)
        for _ in range(found.unreadable):
            services.observer.crash_file_unreadable(found.worker)
    await record_orphans(services, spools)
