"""Facts about other processes of this machine."""

import os


def exists(pid: int) -> bool:
    """Return whether a process with this id runs, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
