"""Make the services of one worker: everything that its calls share."""

import contextlib
import os
import time
from collections.abc import Iterator

from extproc.approvals.sqlite import SqliteApprovals
from extproc.approvals.waiter import ApprovalWaiter
from extproc.assembly.check_settings import check_plan
from extproc.assembly.keys import SESSION_KEY, make_own_key
from extproc.assembly.make_connection import make_connection
from extproc.assembly.make_engine import StatusListener, ignore_status, make_engine
from extproc.assembly.make_masker import make_masker
from extproc.config.schema import Settings
from extproc.config.state_folder import keep_private
from extproc.evidence.spool.crash_file import CrashFile
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.flow.observer import Observer
from extproc.flow.services import Services
from extproc.identity.session_ids import Sessions
from extproc.policy.call_counters import UsageStore

USAGE = "usage.db"
"""The file of call counts in the state folder."""


@contextlib.contextmanager
def open_services(
    settings: Settings, worker: str, observer: Observer, on_policy_status: StatusListener = ignore_status
) -> Iterator[Services]:
    """Make the services of one worker; close its spool and its stores when the block ends.

    Args:
        settings: the whole configuration.
        worker: the worker's name; it names the spool.
        observer: notified of what happens to calls.
        on_policy_status: called with each new status of the policy engine.

    Raises:
        ExtprocError: a part cannot be made; its message names the file and the remedy.
    """
    keep_private(settings.state)
    approvals = SqliteApprovals(settings.approvals.store)
    spool = make_spool(settings, worker)
    connections = [
        make_connection(name, each, settings.limits, settings.envoy.guard_filter)
        for name, each in settings.connections.items()
    ]
    masker = make_masker(settings)
    for each in connections:
        check_plan(each, masker)
    engine = make_engine(settings, worker, on_policy_status)
    crash_file = None if engine.is_remote else CrashFile(settings.evidence.spool, worker)
    try:
        yield Services(
            hosts={host: each for each in connections for host in each.settings.hosts},
            providers=settings.identity.providers,
            mtls=settings.identity.mtls,
            engine=engine,
            masker=masker,
            approvals=approvals,
            waiter=ApprovalWaiter(approvals, settings.approvals.poll, time.time_ns),
            recorder=spool,
            limits=settings.limits,
            sessions=Sessions(make_own_key(settings.state / SESSION_KEY)),
            clock=time.time_ns,
            entropy=os.urandom,
            worker=worker,
            observer=observer,
            dry_run=settings.policy.dry_run,
            show_headers=frozenset(settings.policy.show_headers),
            usage=UsageStore(settings.state / USAGE) if settings.policy.usage else None,
            crash_file=crash_file,
        )
    finally:
        if crash_file:
            crash_file.close()
        spool.close()
        approvals.close()


def make_spool(settings: Settings, worker: str) -> Spool:
    """Open this worker's spool."""
    limits = SpoolLimits(settings.evidence.relaxed_window, settings.evidence.max_spool)
    return Spool(settings.evidence.spool, worker, limits, journal=True)
