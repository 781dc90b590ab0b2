"""The state folder. It holds keys, sockets, spools and stores, so only its owner has access."""

import os
import socket
import stat
from pathlib import Path

import structlog

from extproc.model.errors import ConfigError, ControlError

PRIVATE = 0o700
ANYBODY = stat.S_IRWXO
OTHERS = stat.S_IRWXG | ANYBODY


def not_permitted(path: Path) -> ControlError | None:
    """Return the error of a unix socket that this user may not open, or whose folder; None if the user may.

    Args:
        path: the socket. It can be missing.
    """
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(os.fspath(path))
        except PermissionError:
            return ControlError(f"{path}: Permission denied", "Run this as the user that runs extproc.")
        except OSError:
            return None
    return None


def keep_private(folder: Path) -> None:
    """Make the folder, or remove the access of other users to it.

    A folder that another user owns (a mounted volume) may be open to its group, but not to everyone.

    Raises:
        ConfigError: the folder is open to others, and this process cannot or must not close it.
    """
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    status = folder.stat()
    if not status.st_mode & OTHERS:
        return
    shared = bool(status.st_mode & stat.S_ISVTX)
    if status.st_uid == os.geteuid() and not shared:
        folder.chmod(PRIVATE)
        structlog.get_logger().warning(
            "the state folder was open to others: closed", path=str(folder), was=oct(stat.S_IMODE(status.st_mode))
        )
    elif shared or status.st_mode & ANYBODY:
        raise ConfigError(
            f"state: {folder} is open to others, and holds keys",
            hint="choose another folder, with mode 0700",
        )
