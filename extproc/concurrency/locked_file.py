"""Files that one process holds, by an advisory lock (``flock``). The kernel releases it when the process ends."""

import fcntl
import os
from pathlib import Path


def open_locked(path: Path, flags: int = 0) -> int:
    """Open a file for reading and writing, and lock it.

    Args:
        path: the file.
        flags: of ``os.open``, e.g. ``os.O_CREAT``; a new file belongs to its owner alone.

    Returns:
        The file descriptor; closing it releases the lock.

    Raises:
        BlockingIOError: another process holds the lock.
        OSError: the file cannot be opened or locked.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
