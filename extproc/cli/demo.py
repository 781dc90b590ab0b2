"""``extproc demo``: run everything on this machine, and play a short story on it."""

import signal
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from extproc.cli.interrupting import leave_ctrl_c_to_python

FOLDER = Path(".demo")


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep everything running after the story, until Ctrl-C.")
    ] = False,
    workdir: Annotated[
        Path,
        typer.Option(
            help="Write configuration, secrets, logs and state to this folder; an earlier run's are deleted."
        ),
    ] = FOLDER,
) -> None:
    """Start everything on this machine and play a short story on real traffic.

    It starts Envoy, two workers with embedded Rego, the control process with the embedded ClickHouse, a token
    issuer and two sample backends, all on free loopback ports.

    Exit status: 0 only if every step did what it says.
    """
    from rich.console import Console

    from extproc.demo.story import run_story

    leave_ctrl_c_to_python()
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console()
    try:
        status = run_story(workdir, keep=keep, console=console)
    except FileExistsError as error:
        console.print(f"[bold red]error:[/] {error}")
        status = 1
    except KeyboardInterrupt:
        status = 130
    raise typer.Exit(status)


def _interrupt(*_: object) -> NoReturn:
    """End as Ctrl-C does, so that all started processes are stopped."""
    raise KeyboardInterrupt
