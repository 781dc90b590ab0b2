"""End the process if an evaluation does not end: the embedded engine cannot be interrupted.

An evaluation holds the interpreter, so neither a thread nor the event loop can stop it.
"""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def killed_after(cpu_s: float) -> Iterator[None]:
    """Have the system end this process (``SIGVTALRM``) if it computes for ``cpu_s`` seconds within the block.

    A worker that hangs serves nobody and cannot report it. After it has ended, its calls fail at Envoy, which
    denies and records them, and a supervisor starts the worker again.

    Args:
        cpu_s: CPU seconds of the process, in all threads. Time in which the machine stalls does not count.
    """
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
