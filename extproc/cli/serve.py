"""``extproc up``, ``extproc serve`` and ``extproc control``: run all processes, or a single one."""

import sys
from typing import Annotated

import typer

from extproc.cli.interrupting import leave_ctrl_c_to_python
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption

SWITCH_INTERVAL_S = 0.0005
"""Seconds after which a worker's event loop yields to the spool's thread, whose commits calls wait for (Python's
default: 0.005)."""


def up(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run everything on this machine: Envoy, the workers and the control process.

    A process that dies is started again. Stop with Ctrl-C or SIGTERM: Envoy accepts no more connections, held
    calls have up to `limits.drain` seconds to end, and the last entries are shipped.
    """
    import asyncio

    from extproc.config.load import adding_places, load_settings

    settings = load_settings(config)  # report its mistakes before the slow imports
    from extproc.supervise.run_up import check_policy, run_up

    def ready() -> None:
        listen = settings.envoy.listen
        guarded = listen if listen.startswith("unix:") else f"http://{listen}"
        typer.echo(f"ready: {guarded} is guarded; health at http://{settings.health}/healthz", err=True)

    with adding_places(config):
        check_policy(settings)
        leave_ctrl_c_to_python()
        # Not uvloop's: its loop starts a process with a fork that runs Python, which gRPC's threads can crash.
        asyncio.run(run_up(settings, config.absolute(), on_ready=ready))


def serve(
    config: ConfigOption = DEFAULT_CONFIG,
    listen: Annotated[
        str, typer.Option(help="Listen for Envoy at this endpoint: host:port or unix:/path.")
    ] = "127.0.0.1:50051",
    index: Annotated[
        int,
        typer.Option(
            min=0, help="The number of this worker. It names the spool, so it must be unique on this machine."
        ),
    ] = 0,
    health: Annotated[
        str, typer.Option(help="Serve HTTP health and metrics at host:port; `none` serves none.")
    ] = "none",
) -> None:
    """Run one worker: the gRPC service that Envoy's ext_proc and ext_authz filters call."""
    import uvloop

    from extproc.config.configuration import load_configuration
    from extproc.config.load import adding_places
    from extproc.server.run_worker import run_worker

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    configuration = load_configuration(config)
    leave_ctrl_c_to_python()
    with adding_places(config):
        uvloop.run(run_worker(configuration, listen=listen, index=index, health=health))


def control(
    config: ConfigOption = DEFAULT_CONFIG,
    health: Annotated[
        str,
        typer.Option(
            help="Serve HTTP health and metrics at host:port, or `none`. Default: `health` of the configuration."
        ),
    ] = "",
) -> None:
    """Run the control process. It ships evidence to ClickHouse, and serves the command line and the console."""
    import asyncio

    from extproc.config.configuration import load_configuration
    from extproc.config.load import adding_places
    from extproc.server.run_control import run_control

    configuration = load_configuration(config)
    leave_ctrl_c_to_python()
    with adding_places(config):
        asyncio.run(run_control(configuration, health=health or configuration.settings.health))
