"""Run one worker process: start its services, serve Envoy, and drain when told to stop."""

import gc
from pathlib import Path

import structlog

from extproc.assembly.make_services import open_services
from extproc.config.owner_lock import owned
from extproc.config.schema import Settings
from extproc.config.state_folder import keep_private
from extproc.config.summary import notes
from extproc.evidence.spool.queue_journal import recover_queue_journals
from extproc.flow.record.crash_record import record_orphans
from extproc.flow.services import Services
from extproc.policy.contract.uninspectable_reads import unread_notes
from extproc.server.health import OK, http_health
from extproc.server.log import set_up_log
from extproc.server.metrics import Metrics, PolicyMetrics
from extproc.server.watchdog import Watchdog, too_long
from extproc.server.worker import serving, until_stopped

COLLECT_AFTER = 50_000
"""Allocations between two garbage collections of the youngest objects (Python's default: 700, one or two calls)"""


async def run_worker(settings: Settings, *, listen: str, index: int, health: str = "none") -> None:
    """Run one worker until SIGTERM or SIGINT, then drain.

    Args:
        settings: the whole configuration.
        listen: the endpoint for Envoy, ``host:port`` or ``unix:/path``.
        index: the worker's number; it names the spool.
        health: ``host:port`` for HTTP health and metrics, or ``none``.

    Raises:
        ConfigError: another process is the worker with this number, or a part cannot be made.
    """
    name = f"worker-{index}"
    set_up_log(name, settings.log_level)
    keep_private(settings.state)
    with owned(settings.state, name):
        await _run(settings, name, listen, health)


async def _run(settings: Settings, name: str, listen: str, health: str) -> None:
    for note in notes(settings):
        structlog.get_logger().warning(str(note))
    with open_services(settings, name, Metrics(), PolicyMetrics().changed) as services:
        for fact in unread_notes(services.engine.uninspectable_reads, services.engine.response_interest):
            structlog.get_logger().info("policy note", what=fact.what, hint=fact.hint)

        async def checks() -> dict[str, str]:
            evidence = OK if services.recorder.healthy else "cannot store entries"
            return {"evidence": evidence, "policy": services.engine.problem or OK}

        await _recover_records(services, settings.evidence.spool)
        _settle_memory()
        watchdog = Watchdog(too_long(settings.limits))
        async with (
            watchdog.watched(),
            serving(services, listen, settings.guard_tls, alive=watchdog.kick),
            http_health(health, checks),
            services.engine.watching(),
        ):
            await until_stopped()
        await services.waiter.finish()


def _settle_memory() -> None:
    """Exempt what lives as long as the process from garbage collection, and collect the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


async def _recover_records(services: Services, spools: Path) -> None:
    """Record what workers that were killed could not record."""
    for found in await recover_queue_journals(spools, services.recorder):
        structlog.get_logger().warning("entries recovered", of=found.worker, entries=found.stored)
        for _ in range(found.unreadable):
            services.observer.crash_file_unreadable(found.worker)
    await record_orphans(services, spools)
