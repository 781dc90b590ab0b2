"""The ``control`` section."""

from pathlib import Path

from pydantic import Field

from extproc.settings.base import Address, Strict


class ControlSettings(Strict):
    """The control process's API: a unix socket for the command line, and a port for the console."""

    socket: Path = Path("control.sock")
    """Unix socket of the command line, under ``state`` unless absolute."""
    listen: Address | None = None
    """Where the console is served; none: no console."""
    approver_providers: list[str] = Field([], description="identity providers approvers sign in with; empty: all")
    analyst_groups: list[str] = Field(
        [],
        description="who may read sessions and query through listen; empty: nobody, the socket alone serves them",
    )
