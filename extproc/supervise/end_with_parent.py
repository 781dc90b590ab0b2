"""Become another program, which the system ends when its parent dies: ``end_with_parent.py PARENT PROGRAM …``.

A process of its own does that, rather than a function between fork and exec: the supervisor has threads of gRPC by
then, and code that runs in a fork of such a process can crash it.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
"""linux/prctl.h: deliver a signal to this process when its parent dies. It outlasts exec."""
IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")
"""Signals that Python ignores, and an exec would leave ignored."""


def command(argv: Sequence[str]) -> list[str]:
    """Return the command that starts this program so that it ends with the present process.

    Args:
        argv: the program, as a path or as a name on PATH, and its arguments.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv]


def main() -> None:
    """Run the program, unless the parent has died before."""
    parent, *argv = sys.argv[1:]
    for name in IGNORED_BY_PYTHON:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):
            sys.exit("the parent has ended")
    os.execvp(argv[0], argv)  # noqa: S606 - the supervisor's own command


if __name__ == "__main__":
    main()
