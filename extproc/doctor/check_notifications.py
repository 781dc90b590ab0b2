"""Check notifications: secrets that can be read, and an outbox in which nothing fails or waits for long."""

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path

from extproc.codecs.located_yaml import KeyPath
from extproc.config.notification_names import secret_sources
from extproc.doctor.check_result import CheckResult, Installation
from extproc.model.errors import DeliveryFailed, NotificationError
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.outbox import FILE, Backlog, Outbox
from extproc.notifications.secret_files import read_secret, webhook_key

LATE_S = 300
"""Seconds from which on a queued event is late."""
OPEN = stat.S_IRWXO | stat.S_IWGRP
"""Rights of others to a file, and of its group to change it."""
RETRY = "see `extproc notifications list`; then `extproc notifications retry`"


def notifications(installation: Installation) -> Iterator[CheckResult]:
    """Check the secrets of each target, and what waits or failed."""
    targets = installation.settings.notifications.targets
    if not targets:
        yield installation.ok("notifications", "no targets: approvers have to look for themselves")
        return
    for path, source in secret_sources(installation.settings):
        yield _secret(installation, path, source)
    yield from _outbox(installation)


def _secret(installation: Installation, path: KeyPath, source: Path | str) -> CheckResult:
    subject = f"notification {path[2]}"
    if not isinstance(source, Path):
        if installation.environ(source):
            return installation.ok(subject, f"the variable {source} is set here")
        return installation.skipped(
            subject, f"the variable {source} is not set here; only the control process's environment matters"
        )
    try:
        webhook_key(source) if path[-1] == "secret_file" else read_secret(source)
        mode = stat.S_IMODE(source.stat().st_mode)
    except (DeliveryFailed, OSError) as error:
        return installation.problem(
            subject, f"{error}; nothing is sent", "write the secret there, on one line", path
        )
    if mode & OPEN:
        return installation.warning(
            subject, f"{source} is open to others (mode {mode:04o})", f"chmod 600 {source}", path
        )
    return installation.ok(subject, f"{source} can be read")


def _outbox(installation: Installation) -> Iterator[CheckResult]:
    file = installation.settings.state / FILE
    if not file.exists():
        yield installation.ok("notifications", f"the control process makes {file}")
        return
    try:
        with contextlib.closing(Outbox(file)) as outbox:
            backlog = {each.target: each for each in outbox.backlog()}
    except NotificationError as error:
        what = f"{error}; nobody is told of approvals"
        yield installation.problem("notifications", what, f"stop control and move {file.name} aside")
        return
    for name in installation.settings.notifications.targets:
        yield _judged(installation, name, backlog.get(name))


def _judged(installation: Installation, name: str, waiting: Backlog | None) -> CheckResult:
    subject, path = f"notification {name}", ("notifications", "targets", name)
    if waiting is None:
        return installation.ok(subject, "nothing waits, and nothing failed")
    oldest_ns = waiting.oldest_ns or installation.now_ns
    age_s = max(0, installation.now_ns - oldest_ns) / NANOSECONDS_PER_SECOND
    since = f", the oldest for {age_s:.0f} s" if waiting.queued else ""
    what = f"events that wait: {waiting.queued}{since}; failed: {waiting.failed}; dropped: {waiting.dropped}"
    if waiting.failed or waiting.dropped or age_s > LATE_S:
        return installation.warning(subject, what, RETRY, path)
    return installation.ok(subject, what)
