"""Locks by which each part of a state folder has one owner: ``extproc up``, each worker, the control process.

A lock is a file with the owner's process id, held by ``flock`` for the owner's whole life. The kernel releases it
when the process ends, however it ends, so that what a killed process leaves behind stops no next start.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from extproc.concurrency.locked_file import open_locked
from extproc.model.errors import ConfigError

UP = "up"
"""The part that ``extproc up`` owns: the folder as a whole."""
CONTROL = "control"
MAX_PID = 32
"""Bytes of a lock file that are read."""


@contextlib.contextmanager
def owned(folder: Path, part: str) -> Iterator[None]:
    """Own one part of a state folder while the block runs.

    Args:
        folder: the state folder. It exists.
        part: ``up``, ``control`` or ``worker-0``.

    Raises:
        ConfigError: another process owns the part, and is named by its id; or the folder cannot be locked.
    """
    descriptor = _lock(folder, part)
    try:
        yield
    finally:
        os.close(descriptor)


def owner_of(folder: Path, part: str) -> int | None:
    """Return the id of the process that owns the part now; 0 if the id is not known; None if nobody does.

    Raises:
        ConfigError: the folder cannot be locked.
    """
    file = _file(folder, part)
    try:
        os.close(open_locked(file))
    except BlockingIOError:
        return _pid(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unlockable(file, error) from error
    return None


def _lock(folder: Path, part: str) -> int:
    """Lock the file, and write this process's id to it."""
    file = _file(folder, part)
    try:
        descriptor = open_locked(file, os.O_CREAT)
    except BlockingIOError:
        raise _taken(folder, part, _pid(file)) from None
    except OSError as error:
        raise _unlockable(file, error) from error
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(descriptor)
        raise _unlockable(file, error) from error
    return descriptor


def _file(folder: Path, part: str) -> Path:
    return folder / f"{part}.lock"


def _pid(file: Path) -> int:
    try:
        with file.open("rb") as opened:
            return int(opened.read(MAX_PID))
    except (OSError, ValueError):
        return 0


def _taken(folder: Path, part: str, pid: int) -> ConfigError:
    who = "`extproc up`" if part == UP else f"another process as {part}"
    number = f" (process {pid})" if pid else ""
    hints = {UP: "stop it, or set another folder at 'state'", CONTROL: "one control process serves a state folder"}
    hint = hints.get(part, "give each worker its own --index; `extproc up` starts workers of its own")
    return ConfigError(f"state: {folder} is used by {who}{number}", hint=hint)


def _unlockable(file: Path, error: OSError) -> ConfigError:
    hint = "use a folder that this user can write to, on a disk of this machine"
    return ConfigError(f"state: cannot lock {file}: {error.strerror}", hint=hint)
