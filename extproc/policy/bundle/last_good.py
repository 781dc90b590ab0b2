"""The policy in force, kept while its worker runs: for when that dies, and the policy's files are broken.

A copy counts only if its digest is the revision that its worker, or one that runs, said it decides by; a stop
takes it away. That is against what is torn or old. Whoever can write to the state folder is believed, as with the
keys in it.
"""

import contextlib
import os
import stat
from pathlib import Path

from extproc.policy.bundle.policy_status import read_statuses
from extproc.policy.contract.policy_sources import Sources, sources_of

SUFFIX = ".kept"
"""Of a copy, beside the statuses."""
PRIVATE = 0o600
"""Data may be nobody else's business."""


class LastGoodPolicy:
    """One process's copy."""

    def __init__(self, folder: Path, process: str) -> None:
        """Nothing is written yet.

        Args:
            folder: the statuses'.
            process: whose copy; no other process that runs has this name.
        """
        self._folder, self._process = folder, process
        self._file = folder / f"{process}{SUFFIX}"
        self._discarded = False

    def save(self, sources: Sources) -> None:
        """Save this policy in place of the former. If that fails, save none: no old policy may return."""
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
        """What was in force when this process died, or is in others since.

        Returns:
            The policy, without tests, and since when it was in force, wall-clock nanoseconds; None where there is
            no copy of just that.
        """
        known = [status for status, runs in read_statuses(self._folder) if runs or status.process == self._process]
        if not known:
            return None
        newest = max(known, key=lambda status: status.since_ns)
        for status in known:
            if sources := _read(self._folder / f"{status.process}{SUFFIX}", newest.revision):
                return sources, newest.since_ns
        return None

    def discard(self) -> None:
        """Take the copy away: what starts after a stop must have a good policy of its own."""
        self._discarded = True  # before: whoever is saving one now sees it after
        _remove(self._file)


def discard_all(folder: Path) -> None:
    """Take all copies away: nothing runs yet."""
    for file in folder.glob(f"*{SUFFIX}"):
        file.unlink()


def _read(file: Path, revision: str) -> Sources | None:
    """A copy of just this revision, which only we can have made."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
            found = os.fstat(opened.fileno())
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != PRIVATE:
                return None
            sources = sources_of(opened.read())
            return sources if sources.revision == revision else None
    except Exception:  # noqa: BLE001 - whatever it holds, it is no copy of ours
        return None


def _remove(*files: Path) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink()
