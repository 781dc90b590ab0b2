"""Make the services of one worker: everything that its calls share."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from extproc.approvals.port import ApprovalStore
from extproc.approvals.waiter import ApprovalWaiter
from extproc.assembly.check_settings import check_plan
from extproc.assembly.keys import SESSION_KEY, make_own_key
from extproc.assembly.make_approvals import make_approvals
from extproc.assembly.make_connection import make_connection
from extproc.assembly.make_masker import MaskerSource, make_masker, read_masker_source
from extproc.config.schema import Settings
from extproc.config.state_folder import keep_private
from extproc.evidence.spool.crash_file import CrashFile
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.flow.hold_limiter import HoldLimiter
from extproc.flow.observer import Observer
from extproc.flow.services import Connection, Services
from extproc.identity.approval_state import ApprovalStates
from extproc.identity.event_ids import EventIds
from extproc.identity.session_ids import Sessions
from extproc.masking.masker import Masker
from extproc.pinning.pins import PinStore
from extproc.pinning.sqlite_pins import FILE, SqlitePins
from extproc.policy.call_counters import UsageStore
from extproc.policy.contract.engine import PolicyEngine
from extproc.settings.control import ControlSettings

USAGE = "usage.db"
"""The file of call counts in the state folder."""


class LatestServices:
    """The services of the configuration in force. The worker replaces them when its configuration changes."""

    services: Services

    def __call__(self) -> Services:
        """Return the services in force now."""
        return self.services


@dataclass(frozen=True)
class WorkerStores:
    """The parts that a worker opens once. They stay the same when the configuration changes."""

    worker: str
    """The worker's name; it names the spool."""
    observer: Observer
    approvals: ApprovalStore
    waiter: ApprovalWaiter
    recorder: Spool
    crash_file: CrashFile
    sessions: Sessions
    event_ids: EventIds
    approval_states: ApprovalStates
    usage: UsageStore
    pins: PinStore
    hold_limiter: HoldLimiter
    latest: LatestServices


@dataclass(frozen=True)
class Parts:
    """The parts of services that take long to make. Any thread may make them: they belong to nobody yet."""

    settings: Settings
    connections: tuple[Connection, ...]
    masker: Masker
    masker_source: MaskerSource


@contextlib.contextmanager
def open_stores(settings: Settings, worker: str, observer: Observer) -> Iterator[WorkerStores]:
    """Open what a worker keeps; close it when the block ends.

    Args:
        settings: the whole configuration.
        worker: the worker's name; it names the spool.
        observer: notified of what happens to calls.

    Raises:
        ExtprocError: a store cannot be opened; the message names the file and the remedy.
    """
    keep_private(settings.state)
    with contextlib.ExitStack() as opened:
        approvals = make_approvals(settings)
        opened.callback(approvals.close)
        pins = SqlitePins(settings.state / FILE)
        opened.callback(pins.close)
        spool = make_spool(settings, worker)
        opened.callback(spool.close)
        crash_file = CrashFile(settings.evidence.spool, worker)
        opened.callback(crash_file.close)
        session_key = make_own_key(settings.state / SESSION_KEY)
        yield WorkerStores(
            worker=worker,
            observer=observer,
            approvals=approvals,
            waiter=ApprovalWaiter(approvals, settings.approvals.poll, time.time_ns),
            recorder=spool,
            crash_file=crash_file,
            sessions=Sessions(session_key),
            event_ids=EventIds(session_key),
            approval_states=ApprovalStates(session_key),
            usage=UsageStore(settings.state / USAGE),
            pins=pins,
            hold_limiter=HoldLimiter(),
            latest=LatestServices(),
        )


def make_parts(settings: Settings, former: Parts | None = None) -> Parts:
    """Make the parts that take long. A masker of the same detectors, limits and keys is used again.

    Args:
        settings: the whole configuration.
        former: the parts of the configuration in force.

    Raises:
        ConfigError: a connection, a detector or a key that cannot be used.
    """
    source = read_masker_source(settings)
    masker = former.masker if former and former.masker_source == source else make_masker(settings, source)
    connections = [
        make_connection(name, each, settings.limits, settings.envoy.guard_filter)
        for name, each in settings.connections.items()
    ]
    return Parts(settings, tuple(connections), masker, source)


def make_services(parts: Parts, engine: PolicyEngine, stores: WorkerStores) -> Services:
    """Put the services of one configuration together. Call it in the thread that uses the masker.

    Raises:
        ConfigError: a masking plan that must not be used.
    """
    settings = parts.settings
    for each in parts.connections:
        check_plan(each, parts.masker)
    return Services(
        hosts={host: each for each in parts.connections for host in each.settings.hosts},
        providers=settings.identity.providers,
        mtls=settings.identity.mtls,
        engine=engine,
        masker=parts.masker,
        approvals=stores.approvals,
        waiter=stores.waiter,
        recorder=stores.recorder,
        pins=stores.pins,
        limits=settings.limits,
        sessions=stores.sessions,
        event_ids=stores.event_ids,
        approval_states=stores.approval_states,
        ends_streams=settings.identity.end_streams,
        clock=time.time_ns,
        entropy=os.urandom,
        worker=stores.worker,
        hold_limiter=stores.hold_limiter,
        observer=stores.observer,
        dry_run=settings.policy.dry_run,
        show_headers=frozenset(settings.policy.show_headers),
        usage=stores.usage if settings.policy.usage else None,
        crash_file=None if engine.is_remote else stores.crash_file,
        approval_wait_s=settings.approvals.wait,
        approval_pages=_pages(settings.control),
        latest=stores.latest,
    )


def _pages(control: ControlSettings) -> str:
    """Return the URL of the pages for approvers, without a request's id; empty where none is known."""
    return f"{control.public_url}/approvals/" if control.public_url else ""


def make_spool(settings: Settings, worker: str) -> Spool:
    """Open this worker's spool."""
    limits = SpoolLimits(settings.evidence.relaxed_window, settings.evidence.max_spool)
    return Spool(settings.evidence.spool, worker, limits, journal=True)
