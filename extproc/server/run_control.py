"""The control process: ships evidence, serves the command line and the console, owns the embedded ClickHouse."""

import asyncio
import contextlib
import threading
import time

import structlog
from fastapi import FastAPI

from extproc.approvals.sqlite import SqliteApprovals
from extproc.assembly.make_masker import make_masker
from extproc.assembly.make_shipper import make_shipper, make_target
from extproc.concurrency.background import background
from extproc.config.owner_lock import CONTROL, owned
from extproc.config.schema import Settings
from extproc.config.state_folder import keep_private
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import connect
from extproc.model.errors import ApprovalError
from extproc.model.masking import MASK_EVERYTHING
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.server.health import OK, http_health
from extproc.server.log import set_up_log
from extproc.server.web import web
from extproc.server.worker import until_stopped

SWEEP_EVERY_S = 10.0
KEEP_CLOSED_NS = 30 * 24 * 3600 * NANOSECONDS_PER_SECOND
"""Closed approvals stay in the store for thirty days; evidence keeps them for good."""


async def run_control(settings: Settings, *, health: str) -> None:
    """Run the control process until SIGTERM or SIGINT, then ship the last entries.

    Args:
        settings: the whole configuration.
        health: ``host:port`` for HTTP health and metrics, or ``none``.

    Raises:
        ConfigError: another control process serves the state folder, or an address is taken.
    """
    set_up_log("control", settings.log_level)
    keep_private(settings.state)
    with owned(settings.state, CONTROL):
        await _run(settings, health)


async def _run(settings: Settings, health: str) -> None:
    target = make_target(settings)
    approvals = SqliteApprovals(settings.approvals.store)
    reader = EvidenceReader(lambda wanted: connect(target, wanted), target.database)
    shipper = make_shipper(settings, target)
    stop = threading.Event()
    shipping = threading.Thread(target=shipper.run, args=(stop, settings.evidence.ship_every), name="shipper")
    shipping.start()

    async def checks() -> dict[str, str]:
        progress = shipper.progress
        spools = "; ".join(f"{name}: {fault}" for name, fault in progress.faults.items())
        return {"shipping": progress.last_error or OK, "spools": spools or OK}

    def api(*, local: bool) -> FastAPI:
        masker = make_masker(settings)
        return make_api(
            approvals=approvals,
            reader=reader,
            authenticator=make_authenticator(settings, time.time_ns),
            clock=time.time_ns,
            settings=settings,
            local=local,
            mask_note=lambda note: masker.mask_text(note, MASK_EVERYTHING)[0],
        )

    try:
        async with contextlib.AsyncExitStack() as servers:
            await servers.enter_async_context(web(api(local=True), f"unix:{settings.control.socket}"))
            if settings.control.listen:
                await servers.enter_async_context(web(api(local=False), settings.control.listen))
            await servers.enter_async_context(http_health(health, checks))
            await servers.enter_async_context(background(_sweep(approvals)))
            await until_stopped()
    finally:
        stop.set()
        await asyncio.to_thread(shipping.join)
        await asyncio.to_thread(reader.close)
        approvals.close()


async def _sweep(approvals: SqliteApprovals) -> None:
    """Close approvals that nobody decided in time, also those of dead workers; delete those closed long ago."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            await asyncio.to_thread(approvals.sweep, time.time_ns(), keep_ns=KEEP_CLOSED_NS)
        except ApprovalError as error:
            structlog.get_logger().error("approvals cannot be swept", error=str(error))
