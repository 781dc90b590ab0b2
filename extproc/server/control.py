"""The control process: ships evidence, serves the command line and the console, owns the embedded ClickHouse."""

import asyncio
import contextlib
import threading
import time
from typing import Any

from fastapi import FastAPI

from extproc.app import make_masker
from extproc.approvals.sqlite import SqliteApprovals
from extproc.config.schema import Settings
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.evidence.clickhouse import Target, connect, create_schema
from extproc.evidence.reading import EvidenceReader
from extproc.evidence.shipper import Shipper
from extproc.flow.identify import EVERYTHING
from extproc.server.health import OK, http_health
from extproc.server.log import set_up_log
from extproc.server.web import web
from extproc.server.worker import until_stopped


async def run_control(settings: Settings, *, health: str) -> None:
    """Run the control process until SIGTERM or SIGINT, then ship the last entries.

    Args:
        settings: the whole configuration.
        health: ``host:port`` for HTTP health and metrics, or ``none``.
    """
    set_up_log("control", settings.log_level)
    target = make_target(settings)
    approvals = SqliteApprovals(settings.approvals.store)
    reader = EvidenceReader(lambda wanted: connect(target, wanted), target.database)
    shipper = make_shipper(settings, target)
    stop = threading.Event()
    shipping = threading.Thread(target=shipper.run, args=(stop, settings.evidence.ship_every), name="shipper")
    shipping.start()

    async def checks() -> dict[str, str]:
        return {"shipping": shipper.progress.last_error or OK}

    def api(*, local: bool) -> FastAPI:
        masker = make_masker(settings)
        return make_api(
            approvals=approvals,
            reader=reader,
            authenticator=make_authenticator(settings, time.time_ns),
            clock=time.time_ns,
            settings=settings,
            local=local,
            mask_note=lambda note: masker.mask_text(note, EVERYTHING)[0],
        )

    try:
        async with contextlib.AsyncExitStack() as ways_in:
            await ways_in.enter_async_context(web(api(local=True), f"unix:{settings.control.socket}"))
            if settings.control.listen:
                await ways_in.enter_async_context(web(api(local=False), settings.control.listen))
            await ways_in.enter_async_context(http_health(health, checks))
            await until_stopped()
    finally:
        stop.set()
        await asyncio.to_thread(shipping.join)
        await asyncio.to_thread(reader.close)
        approvals.close()


def make_target(settings: Settings) -> Target:
    """Where evidence goes."""
    evidence = settings.evidence
    folder = settings.state / "clickhouse"
    return Target(evidence.clickhouse, evidence.database, folder, evidence.clickhouse_password_file)


def make_shipper(settings: Settings, target: Target) -> Shipper:
    """The one shipper of this machine's spools."""

    def connected() -> Any:
        client = connect(target)
        create_schema(client, target.database)
        return client

    settings.evidence.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Shipper(settings.evidence.spool, connected, target.database, batch=settings.evidence.ship_batch)
