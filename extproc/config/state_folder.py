"""The state folder: keys, sockets, spools and stores are in it, so it is its owner's alone."""

import os
import stat
from pathlib import Path

import structlog

from extproc.model.errors import ConfigError

PRIVATE = 0o700
ANYBODY = stat.S_IRWXO
OTHERS = stat.S_IRWXG | ANYBODY


def keep_private(folder: Path) -> None:
    """Make the folder, or take others' access to it away.

    A folder of somebody else's (a mounted volume) may be open to its group, and to no more.

    Raises:
        ConfigError: it is open to others, and not ours alone to close.
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
            hint="choose a folder of its own, with mode 0700",
        )
