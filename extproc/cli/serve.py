"""``extproc up``, ``extproc serve`` and ``extproc control``: everything together, or the parts alone."""

import asyncio
import sys
from typing import Annotated

import typer

from extproc.cli.interrupting import leave_ctrl_c_to_python
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption

SWITCH_INTERVAL_S = 0.0005
"""Until a worker's event loop lets the spool's thread go on: calls wait for its commits. Python's own is 0.005."""


def up(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run everything here: Envoy, the workers and the control process.

    A part that dies comes back. Stop with Ctrl-C or SIGTERM: Envoy stops accepting, held calls are waited for up
    to `limits.drain` seconds, and the last entries are shipped.
    """
    import uvloop

    from extproc.config.load import adding_places, load_settings

    settings = load_settings(config)  # a mistake in it is told before the rest is imported
    from extproc.supervise.parts import check_policy, run_up

    def ready() -> None:
        listen = settings.envoy.listen
        guarded = listen if listen.startswith("unix:") else f"http://{listen}"
        typer.echo(f"ready: {guarded} is guarded; health at http://{settings.health}/healthz", err=True)

    with adding_places(config):
        check_policy(settings)
        leave_ctrl_c_to_python()
        uvloop.run(run_up(settings, config.resolve(), on_ready=ready))


def serve(
    config: ConfigOption = DEFAULT_CONFIG,
    listen: Annotated[
        str, typer.Option(help="Where Envoy reaches this worker: host:port or unix:/path.")
    ] = "127.0.0.1:50051",
    index: Annotated[int, typer.Option(min=0, help="Number of this worker; names its spool.")] = 0,
    health: Annotated[str, typer.Option(help="HTTP health and metrics: host:port, or none.")] = "none",
) -> None:
    """Run one worker: the gRPC service that Envoy's ext_proc and ext_authz filters call."""
    import uvloop

    from extproc.config.load import adding_places, load_settings
    from extproc.server.run_worker import run_worker

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings = load_settings(config)
    leave_ctrl_c_to_python()
    with adding_places(config):
        uvloop.run(run_worker(settings, listen=listen, index=index, health=health))


def control(
    config: ConfigOption = DEFAULT_CONFIG,
    health: Annotated[
        str, typer.Option(help="HTTP health and metrics: host:port, or none. Default: `health` of the file.")
    ] = "",
) -> None:
    """Run the control process: ships evidence to ClickHouse, and serves the command line and the console."""
    from extproc.config.load import adding_places, load_settings
    from extproc.server.control import run_control

    settings = load_settings(config)
    leave_ctrl_c_to_python()
    with adding_places(config):
        asyncio.run(run_control(settings, health=health or settings.health))
