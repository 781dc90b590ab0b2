"""The control process: ships evidence, serves the command line and the console, owns the embedded ClickHouse."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial

import structlog

from extproc.approvals.port import ApprovalStore
from extproc.assembly.make_approvals import make_approvals
from extproc.assembly.make_services import make_spool
from extproc.assembly.make_shipper import make_shipper, make_target
from extproc.concurrency.background import background
from extproc.config.configuration import Configuration
from extproc.config.owner_lock import CONTROL, owned
from extproc.config.state_folder import keep_private
from extproc.console.act_log import ActLog
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.sign_in.session_store import FILE as SESSIONS
from extproc.console.sign_in.session_store import SessionStore
from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import connect
from extproc.evidence.spool.threaded_spool import ThreadedSpool
from extproc.model.errors import ApprovalError
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.pinning.sqlite_pins import FILE, SqlitePins
from extproc.server.act_metrics import ActMetrics
from extproc.server.control_api import ControlParts, ControlReload
from extproc.server.health import OK, http_health
from extproc.server.log import set_up_log
from extproc.server.notifying import Notifying, notifying
from extproc.server.reload_alone import ReloadAlone
from extproc.server.reloading import InfoMetric
from extproc.server.stopping import Signals
from extproc.server.supervised import supervised
from extproc.server.web import web

SWEEP_EVERY_S = 10.0
BEHIND_NS = 60 * NANOSECONDS_PER_SECOND
"""The clock may be set back so far."""
SET_BACK = "the clock was set back: approvals expire too early until control is started again"
KEEP_CLOSED_NS = 30 * 24 * 3600 * NANOSECONDS_PER_SECOND
"""Closed approvals stay in the store for thirty days; evidence keeps them for good."""


async def run_control(configuration: Configuration, *, health: str) -> None:
    """Run the control process until SIGTERM or SIGINT, then ship the last entries.

    Args:
        configuration: with which the process starts.
        health: ``host:port`` for HTTP health and metrics, or ``none``.

    Raises:
        ConfigError: another control process serves the state folder, or an address is taken.
    """
    settings = configuration.settings
    set_up_log("control", settings.log_level)
    keep_private(settings.state)
    with owned(settings.state, CONTROL):
        await _run(configuration, health)


async def _run(configuration: Configuration, health: str) -> None:
    settings = configuration.settings
    target = make_target(settings)
    approvals = make_approvals(settings)
    pins = SqlitePins(settings.state / FILE)
    sessions = SessionStore(settings.state / SESSIONS)
    reader = EvidenceReader(lambda wanted: connect(target, wanted), target.database)
    acts = ThreadedSpool(lambda: make_spool(settings, CONTROL))
    parts = ControlParts(approvals, pins, sessions, reader, ActLog(acts, ActMetrics()))
    shipper = make_shipper(settings, target)
    stop = threading.Event()
    shipping = threading.Thread(target=shipper.run, args=(stop, settings.evidence.ship_every), name="shipper")
    shipping.start()

    async def checks() -> dict[str, str]:
        progress = shipper.progress
        spools = "; ".join(f"{name}: {fault}" for name, fault in progress.faults.items())
        return {
            "shipping": progress.last_error or OK,
            "spools": spools or OK,
            "acts": OK if acts.healthy else "acts on approvals cannot be recorded, so no vote counts",
            "clock": OK if parts.clock.behind_ns < BEHIND_NS else SET_BACK,
        }

    try:
        reload = ControlReload(configuration, parts, InfoMetric(settings.state, CONTROL))
        signals = Signals(ReloadAlone(reload, configuration.file).start)
        async with contextlib.AsyncExitStack() as servers:
            await servers.enter_async_context(web(reload.local(), f"unix:{settings.control.socket}"))
            notify = await servers.enter_async_context(notifying(lambda: reload.configuration.settings, approvals))
            if settings.control.listen:
                console = notify.console(reload.console(), lambda: reload.desk, parts.clock)
                await servers.enter_async_context(web(console, settings.control.listen))
            facts = partial(_facts, reload, notify)
            await servers.enter_async_context(http_health(health, checks, facts))
            await servers.enter_async_context(background(_sweep(approvals, lambda: reload.desk)))
            await servers.enter_async_context(supervised(reload))
            await signals.until_stopped()
    finally:
        await asyncio.to_thread(acts.close)  # before the last entries are shipped
        stop.set()
        await asyncio.to_thread(shipping.join)
        await asyncio.to_thread(reader.close)
        approvals.close()
        pins.close()
        sessions.close()


def _facts(reload: ControlReload, notify: Notifying) -> dict[str, str]:
    return {"configuration": reload.configuration.digest, **notify.facts()}


async def _sweep(approvals: ApprovalStore, desk: Callable[[], ApprovalDesk]) -> None:
    """Close approvals that nobody decided in time, also those of dead workers; delete those closed long ago."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            closed = await asyncio.to_thread(approvals.sweep, time.time_ns(), keep_ns=KEEP_CLOSED_NS)
            await asyncio.to_thread(desk().expired, closed)
        except ApprovalError as error:
            structlog.get_logger().error("approvals cannot be swept", error=str(error))
