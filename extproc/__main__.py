"""The ``extproc`` command, and ``python -m extproc``."""

import signal
import sys

from extproc.cli.interrupting import (
    ended_by_ctrl_c,
    insist_on_ctrl_c,
    interrupted,
    leave_ctrl_c_to_the_system,
    was_heard,
)

INTERRUPTED = 128 + signal.SIGINT
"""The exit status of a shell's command that a signal ended."""


def main() -> None:
    """Run the command line. Ctrl-C ends it while it imports, while it runs, and while it exits."""
    with ended_by_ctrl_c():
        from extproc.cli.main import main as run  # noqa: PLC0415 - takes as long as a short command

    insist_on_ctrl_c()
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception:
        if interrupted():  # the interrupt came out as another exception
            sys.exit(INTERRUPTED)
        raise
    finally:
        was_heard()  # the interpreter may take longer to end
        leave_ctrl_c_to_the_system()


if __name__ == "__main__":
    main()
