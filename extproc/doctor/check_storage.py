"""Check the storage on this machine: the state folder, the spools, the approvals, the definitions."""

import contextlib
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from extproc.approvals.sqlite import SqliteApprovals
from extproc.config.state_folder import OTHERS
from extproc.console.printable import printable
from extproc.doctor.check_database import database
from extproc.doctor.check_result import CheckResult, Installation
from extproc.evidence.spool.spool_file import SUFFIX, describe
from extproc.evidence.spool.spool_reader import SpoolReader
from extproc.evidence.spool.watermark import read_mark
from extproc.model.errors import ApprovalError, DefinitionError
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.pinning.pin_rules import fact_of
from extproc.pinning.pins import PinnedDefinition, PinState
from extproc.pinning.sqlite_pins import FILE, SqlitePins

SLOW_SYNC_S = 0.05
"""Seconds of a sync that are too many: every call of a strict connection waits for one."""
SYNCS = 3
LEAST_FREE = 64 << 20
"""Free bytes below which no start makes sense."""
LATE_S = 60.0
"""Seconds after which an unshipped entry is late, if ten times ``ship_every`` have passed too."""
FULL_SOON = 0.5
"""Share of ``max_spool`` from which a spool is reported as nearly full."""
AHEAD_S = 5.0
"""Seconds by which an entry may seem to be from the future."""
LISTED_MAX = 100_000
"""Definitions that are looked at."""
NAMED = 5
"""Tools that a warning names."""
MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
OVER_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"})


def state_folder(installation: Installation) -> Iterator[CheckResult]:
    """Check that the folder can be written, is closed to other users, and is on a durable disk."""
    settings, subject = installation.settings, "state folder"
    for name, folder, path in (
        (subject, settings.state, ("state",)),
        ("spool folder", settings.evidence.spool, ("evidence", "spool")),
    ):
        there = _nearest(folder)
        if not os.access(there, os.W_OK | os.X_OK):
            hint = f"let the user that runs extproc write there, or set another {path[-1]}"
            yield installation.problem(name, f"{there} cannot be written to", hint, path)
            return
    if not settings.state.exists():
        yield installation.ok(subject, f"the first start makes {settings.state}")
    elif settings.state.stat().st_mode & OTHERS:
        mode = stat.S_IMODE(settings.state.stat().st_mode)
        hint = f"chmod 700 {settings.state}"
        yield installation.warning(
            subject, f"{settings.state} is open to others (mode {mode:04o})", hint, ("state",)
        )
    else:
        yield installation.ok(subject, f"{settings.state} is closed to other users")
    yield from _disk(installation)


def _nearest(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _disk(installation: Installation) -> Iterator[CheckResult]:
    """Check the room for all spools while nothing is shipped, and that a sync reaches a real disk."""
    evidence, subject = installation.settings.evidence, "disk of the spools"
    folder, path = _nearest(evidence.spool), ("evidence", "spool")
    kind = file_system(folder)
    if kind in OVER_NETWORK:
        what = f"{folder} is on {kind}: SQLite's write-ahead log does not work over a network"
        yield installation.problem(subject, what, "choose a folder on a disk of this machine", path)
    elif kind in IN_MEMORY:
        what = f"{folder} is in memory ({kind}): a restart loses entries that are not shipped"
        yield installation.warning(subject, what, "choose a folder on a durable disk", path)
    free = shutil.disk_usage(folder).free
    wanted = evidence.max_spool * (installation.settings.workers + 1)  # and control's
    if free < LEAST_FREE:
        what = f"{_size(free)} are free: soon no entry can be stored, and every call will be denied"
        yield installation.problem(subject, what, "free some space", path)
    elif free < wanted:
        what = f"{_size(free)} are free, but unshipped entries may take {_size(wanted)}"
        hint = "free some space, or lower evidence.max_spool"
        yield installation.warning(subject, what, hint, ("evidence", "max_spool"))
    else:
        yield installation.ok(subject, f"{_size(free)} are free; unshipped entries may take {_size(wanted)}")
    yield _sync(installation, folder)


def _sync(installation: Installation, folder: Path) -> CheckResult:
    """Time the write and sync of a small file, as for every entry; remove it again. The best of three counts."""
    subject, path = "sync of the spools", ("evidence", "spool")
    try:
        took_s = min(_timed_sync(folder / f".doctor-{os.getpid()}") for _ in range(SYNCS))
    except OSError as error:
        return installation.problem(
            subject, f"{folder}: nothing can be stored: {error.strerror}", "see the disk", path
        )
    if took_s > SLOW_SYNC_S:
        what = f"a sync took {took_s * 1000:.0f} ms; every call of a strict connection waits for one"
        return installation.warning(subject, what, "choose a faster disk", path)
    return installation.ok(subject, f"took {took_s * 1000:.1f} ms")


def _timed_sync(probe: Path) -> float:
    """Return the seconds that it takes to write and sync a new file."""
    began = time.perf_counter()
    handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, bytes(4096))
        os.fsync(handle)
    finally:
        os.close(handle)
        with contextlib.suppress(OSError):
            probe.unlink()
    return time.perf_counter() - began


def file_system(folder: Path) -> str:
    """Return the name of the file system in Linux; empty where the system does not report it."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        device = folder.stat().st_dev
        for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            mount, _, rest = line.partition(" - ")
            if mount.split()[2] == f"{os.major(device)}:{os.minor(device)}":
                return rest.split()[0]
    return ""


def spools(installation: Installation) -> Iterator[CheckResult]:
    """Check that each spool can be read; report how many entries wait in it, and since when."""
    files = sorted(installation.settings.evidence.spool.glob(f"*{SUFFIX}"))
    if not files:
        yield installation.ok("spools", "none yet: the first start makes them")
    for file in files:
        try:
            yield _spool(installation, file)
        except sqlite3.Error as error:
            hint = f"stop its worker and move {file.name} aside: a new one is made, and the old entries are kept"
            yield installation.problem(f"spool {file.stem}", f"{file} cannot be read: {describe(error)}", hint)


def _spool(installation: Installation, file: Path) -> CheckResult:
    subject = f"spool {file.stem}"
    with contextlib.closing(SpoolReader(file)) as spool:
        through, last = read_mark(file, spool.writer), spool.last()
        if last < through:
            what = f"its sequence went back, from {through} to {last}: an older copy has replaced it"
            return installation.problem(
                subject, what, "restore the newer file; until then none of its entries are shipped"
            )
        oldest_ns, size = spool.waiting(through)
        newest_ns = spool.newest_ns()
    if newest_ns > installation.now_ns + AHEAD_S * NANOSECONDS_PER_SECOND:
        what = "its newest entry is from the future: this machine's clock was set back"
        return installation.warning(subject, what, "synchronize the clock by NTP; tokens are checked by it")
    if last == through:
        return installation.ok(subject, f"all of its {last} entries are shipped")
    return _backlog(
        installation,
        subject,
        last - through,
        size,
        max(0.0, (installation.now_ns - oldest_ns) / NANOSECONDS_PER_SECOND),
    )


def _backlog(installation: Installation, subject: str, count: int, size: int, age_s: float) -> CheckResult:
    """Judge the entries that wait in a spool."""
    evidence = installation.settings.evidence
    what = f"{count} entries ({_size(size)}) are not shipped; the oldest has waited for {_age(age_s)}"
    hint, path = "see the lines `control` and `evidence`, and the log of control", ("evidence", "max_spool")
    if size >= evidence.max_spool:
        return installation.problem(subject, f"full: {what}; calls are denied", hint, path)
    if size >= FULL_SOON * evidence.max_spool:
        return installation.warning(subject, f"more than half full: {what}", hint, path)
    if age_s > max(LATE_S, 10 * evidence.ship_every):
        return installation.warning(subject, what, hint)
    return installation.ok(subject, what)


def approvals(installation: Installation) -> Iterator[CheckResult]:
    """Check that the store opens and answers. A missing store is not made."""
    file, path = installation.settings.approvals.store, ("approvals", "store")
    if not isinstance(file, Path):
        yield database(installation, file)
        return
    try:
        if not file.exists() or not file.stat().st_size:
            yield installation.ok("approvals", f"the first start makes {file}")
            return
        with contextlib.closing(SqliteApprovals(file)) as store:
            pending = len(store.recent(pending_only=True, limit=1_000))
    except OSError as error:
        yield installation.problem("approvals", f"{file}: {error.strerror}", "", path)
    except ApprovalError as error:
        what, _, hint = str(error).partition("\n")
        yield installation.problem("approvals", what, hint.strip(), path)
    else:
        yield installation.ok("approvals", f"{file} answers; {pending} calls wait")


def definitions(installation: Installation) -> Iterator[CheckResult]:
    """Check that the store opens and answers, and that no tool waits for people. A missing store is not made."""
    file, subject = installation.settings.state / FILE, "definitions"
    try:
        if not file.exists() or not file.stat().st_size:
            yield installation.ok(subject, f"the first start makes {file}")
            return
        with contextlib.closing(SqlitePins(file)) as store:
            known = store.all(limit=LISTED_MAX)
    except OSError as error:
        yield installation.problem(subject, f"{file}: {error.strerror}")
    except DefinitionError as error:
        what, _, hint = str(error).partition("\n")
        yield installation.problem(subject, what, hint.strip())
    else:
        yield _changed(installation, known)


def _changed(installation: Installation, known: list[PinnedDefinition]) -> CheckResult:
    connections = installation.settings.connections
    functions: dict[tuple[str, str], list[PinnedDefinition]] = {}
    for each in known:
        functions.setdefault((each.connection, each.name), []).append(each)
    changed = [
        f"{connection}.{name}"
        for (connection, name), found in functions.items()
        if connection in connections and (pinning := connections[connection].pinning)
        if fact_of(tuple(found), pinning).state is PinState.CHANGED
    ]
    if not changed:
        return installation.ok("definitions", f"none of {len(functions)} tools has changed")
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    what = f"nobody accepted the definition of {', '.join(map(printable, changed[:NAMED]))}{more}"
    hint = "read each with `extproc tools diff`, then accept or reject it"
    return installation.warning("definitions", what, hint)


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - the size of a unit
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _age(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))
