"""The ``control`` section."""

from pathlib import Path

from pydantic import Field

from extproc.settings.base import Address, PathSetting, Strict


class ControlSettings(Strict):
    """The API of the control process: a unix socket for the command line, and a port for the console."""

    socket: PathSetting = Path("control.sock")
    """Unix socket of the command line, under ``state`` unless absolute."""
    listen: Address | None = None
    """Address of the console; null: no console."""
    approver_providers: list[str] = Field(
        [], description="identity providers whose tokens approvers may use; empty: all"
    )
    analyst_groups: list[str] = Field(
        [],
        description="groups that may read sessions and query through listen; empty: only the socket serves them",
    )
