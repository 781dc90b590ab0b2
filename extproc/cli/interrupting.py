"""Ctrl-C ends what holds the interpreter, too."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Have the system end this process at Ctrl-C: the embedded engine would never let Python hear of it."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
