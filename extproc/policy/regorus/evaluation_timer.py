"""An end to evaluations that have none: the embedded engine cannot be interrupted, and holds the interpreter."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def killed_after(cpu_s: float) -> Iterator[None]:
    """Have the system end this process (``SIGVTALRM``) if the block takes so much of its processor time.

    A worker that hangs serves nobody, and cannot even say so. Ended, its calls fail at Envoy, which denies and
    records them, and a supervisor starts it again.

    Args:
        cpu_s: seconds that the process computes, in all threads; a machine that stalls counts for nothing.
    """
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
