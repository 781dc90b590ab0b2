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
"""As a shell says it."""


def main() -> None:
    """Run the command line; Ctrl-C ends it while its modules are loaded, while it runs, and while it ends."""
    with ended_by_ctrl_c():
        from extproc.cli.main import main as run  # noqa: PLC0415 - takes as long as many a command

    insist_on_ctrl_c()
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception:
        if interrupted():  # and raised as something else
            sys.exit(INTERRUPTED)
        raise
    finally:
        was_heard()  # the interpreter may take longer to end
        leave_ctrl_c_to_the_system()


if __name__ == "__main__":
    main()
