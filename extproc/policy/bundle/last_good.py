"""Save the last good policy, so that a restarted worker can serve while the policy's files are broken.

Each worker saves the policy in force while it runs, and discards the copy when it stops. A copy is used only if
its digest is the revision that its worker, or a running one, reported last: so neither a torn nor an old copy is
used. Whoever can write to the state folder is trusted, as with the keys in it.
"""

import contextlib
import os
import stat
from pathlib import Path

from extproc.policy.bundle.policy_status import read_statuses
from extproc.policy.contract.policy_sources import Sources, sources_of

SUFFIX = ".kept"
"""The suffix of a copy. It is beside the statuses."""
PRIVATE = 0o600
"""The mode of a copy: its data may be confidential."""


class LastGoodPolicy:
    """One process's copy."""

    def __init__(self, folder: Path, process: str, *, in_force: bool = True) -> None:
        """Prepare the copy of one process. Nothing is written yet.

        Args:
            folder: the folder of the statuses.
            process: the process's name, which no other running process has.
            in_force: False for a policy that is prepared, and in force only from ``take_over`` on. Until then the
                copy is another policy's: it is neither read nor written.
        """
        self._in_force = in_force
        self._prepared: Sources | None = None
        self._folder, self._process = folder, process
        self._file = folder / f"{process}{SUFFIX}"
        self._discarded = False

    def save(self, sources: Sources) -> None:
        """Save this policy in place of the former. If that fails, save none: no old policy may return."""
        self._prepared = sources
        if self._in_force:
            self._write(sources)

    def take_over(self) -> None:
        """Save from now on, beginning with the policy that was prepared."""
        self._in_force = True
        if self._prepared is not None:
            self._write(self._prepared)

    def give_way(self) -> None:
        """Leave the copy to the policy that is in force from now on."""
        self._in_force = False

    def _write(self, sources: Sources) -> None:
        fresh = self._file.with_name(f".{self._file.name}")
        try:
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
                file.write(sources.to_json())
            fresh.replace(self._file)
        except OSError:
            _remove(fresh, self._file)
        if self._discarded:
            _remove(self._file)

    def load(self) -> tuple[Sources, int] | None:
        """Load the policy that was in force when this process died, or that others have loaded since.

        Returns:
            The policy, without tests, and the time since which it has been in force, wall-clock nanoseconds. None
            if there is no copy of exactly that policy, or this one is only prepared.
        """
        if not self._in_force:
            return None
        known = [status for status, runs in read_statuses(self._folder) if runs or status.process == self._process]
        if not known:
            return None
        newest = max(known, key=lambda status: status.since_ns)
        for status in known:
            if sources := _read(self._folder / f"{status.process}{SUFFIX}", newest.revision):
                return sources, newest.since_ns
        return None

    def discard(self) -> None:
        """Remove the copy: a process that starts after a stop must find a good policy in the files."""
        if not self._in_force:
            return
        self._discarded = True  # before the removal: a thread that is saving one now checks it afterwards
        _remove(self._file)


def discard_all(folder: Path) -> None:
    """Remove all copies. Call it before any process runs."""
    for file in folder.glob(f"*{SUFFIX}"):
        file.unlink()


def _read(file: Path, revision: str) -> Sources | None:
    """Read a copy, if it has this revision and only this user could write it."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
            found = os.fstat(opened.fileno())
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != PRIVATE:
                return None
            sources = sources_of(opened.read())
            return sources if sources.revision == revision else None
    except Exception:  # noqa: BLE001 - whatever the file holds, it is not a copy
        return None


def _remove(*files: Path) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink()
