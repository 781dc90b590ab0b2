"""``extproc demo``: everything on this machine, and a story played on it."""

import signal
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from extproc.cli.interrupting import leave_ctrl_c_to_python

FOLDER = Path(".demo")


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it running after the story; Ctrl-C stops it.")
    ] = False,
    workdir: Annotated[
        Path, typer.Option(help="Where configuration, secrets, logs and state go. Emptied of an earlier story.")
    ] = FOLDER,
) -> None:
    """Start everything on this machine and play a short story on real traffic.

    Real Envoy, two workers, the control process with ClickHouse's engine, embedded Rego, a token issuer and two
    sample backends; all on loopback, on free ports. Exits with 0 only if each step did what it says.
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
    """End as Ctrl-C does, so that every process started here is stopped."""
    raise KeyboardInterrupt
