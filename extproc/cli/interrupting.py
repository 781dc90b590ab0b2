"""Ctrl-C ends a command at any moment, with no traceback.

Python raises ``KeyboardInterrupt`` wherever it happens to be. In a function that C calls back that may go nowhere
(each import has one that takes its lock away; the hash of a class that pydantic makes is another, and so is each
destructor), or come out as something else (of ``__set_name__``). So whoever raises it sees to it that the process
ends.
"""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

HEARD_WITHIN_S = 1.0
"""From Ctrl-C to the end of what it interrupts; then the system ends the process."""


@contextlib.contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Have the system end this process at Ctrl-C: where Python would not hear of it, or has nothing to tidy up.

    The embedded engine holds the interpreter for as long as it evaluates. Where Ctrl-C is ignored, as in the
    background of a script, it stays so.
    """
    before = signal.getsignal(signal.SIGINT)
    leave_ctrl_c_to_the_system()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def leave_ctrl_c_to_the_system() -> None:
    """As in the block of ``ended_by_ctrl_c``, from now on."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def until_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end the block, and what follows go on."""
    try:
        yield
    except KeyboardInterrupt:
        was_heard()


def insist_on_ctrl_c() -> None:
    """Raise at Ctrl-C, as Python does, and end the process soon where that is not heard."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGALRM, _end)
        signal.signal(signal.SIGINT, _interrupt)
        sys.unraisablehook = _unheard


def leave_ctrl_c_to_python() -> None:
    """For event loops, which have a handler of their own, and for what takes its time to tidy up."""
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = sys.__unraisablehook__


def interrupted() -> bool:
    """Whether Ctrl-C was pressed, and has not ended anything yet."""
    return signal.getitimer(signal.ITIMER_REAL)[0] > 0


def was_heard() -> None:
    """Ctrl-C has ended what it should."""
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
