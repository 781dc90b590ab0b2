"""Ctrl-C ends a command at any moment, with no traceback.

Python raises ``KeyboardInterrupt`` at any point of the code. Raised in a function that C calls back, it may be
lost: such functions release the lock of each import, hash the classes that pydantic makes, and run as destructors.
In ``__set_name__`` it turns into another exception. So the handler that raises it also sets a timer, which ends
the process.
"""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

HEARD_WITHIN_S = 1.0
"""Seconds from Ctrl-C to the end of the interrupted command; after that the system ends the process."""


@contextlib.contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Let the system end this process at Ctrl-C, where Python would not notice it or has nothing to clean up.

    The embedded engine holds the interpreter while it evaluates. If Ctrl-C is ignored, as in the background of a
    script, it stays ignored.
    """
    before = signal.getsignal(signal.SIGINT)
    leave_ctrl_c_to_the_system()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def leave_ctrl_c_to_the_system() -> None:
    """From now on, let the system end this process at Ctrl-C (see ``ended_by_ctrl_c``)."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def until_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end the block, and continue after it."""
    try:
        yield
    except KeyboardInterrupt:
        was_heard()


def insist_on_ctrl_c() -> None:
    """Raise ``KeyboardInterrupt`` at Ctrl-C, and end the process soon if the exception gets lost."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGALRM, _end)
        signal.signal(signal.SIGINT, _interrupt)
        sys.unraisablehook = _unheard


def leave_ctrl_c_to_python() -> None:
    """Use Python's own handler from now on: for event loops, which set theirs, and for long clean-ups."""
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = sys.__unraisablehook__


def interrupted() -> bool:
    """True if Ctrl-C was pressed and has not ended anything yet."""
    return signal.getitimer(signal.ITIMER_REAL)[0] > 0


def was_heard() -> None:
    """Stop the timer: Ctrl-C has ended the command."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, HEARD_WITHIN_S)
    raise KeyboardInterrupt


def _unheard(ignored: Any) -> None:
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        _end()
    sys.__unraisablehook__(ignored)


def _end(*_: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)
