"""The ``extproc`` command and the list of its subcommands."""

import os
import sqlite3
import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from extproc import __version__
from extproc.cli import (
    approvals,
    config,
    demo,
    doctor,
    envoy,
    evidence,
    login,
    mask,
    notifications,
    policy,
    policy_history,
    policy_unused,
    reload,
    serve,
    tools,
)
from extproc.cli.exit_status import exit_status
from extproc.cli.explain_error import explain_error
from extproc.model.errors import ExtprocError

app = typer.Typer(
    name="extproc",
    help="The guard in Envoy's data path for AI function calls.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"extproc {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The guard in Envoy's data path for AI function calls."""


app.command()(serve.up)
app.command()(serve.serve)
app.command()(serve.control)
app.command()(reload.reload)
app.command()(demo.demo)
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)
app.command(epilog=evidence.QUERY_EXAMPLES)(evidence.query)
app.command(epilog=mask.EXAMPLES)(mask.mask)
app.command(epilog=login.LOGIN_EXAMPLES)(login.login)
app.command(epilog=login.LOGOUT_EXAMPLES)(login.logout)
app.command(epilog=login.WHOAMI_EXAMPLES)(login.whoami)
app.add_typer(evidence.sessions, name="sessions")
app.add_typer(approvals.app, name="approvals")
app.add_typer(notifications.app, name="notifications")
app.add_typer(tools.app, name="tools")
app.add_typer(envoy.app, name="envoy")
app.add_typer(config.app, name="config")
policy.app.command()(policy_history.explain)
policy.app.command()(policy_history.diff)
policy.app.command(epilog=policy_unused.UNUSED_EXAMPLES)(policy_unused.unused)
app.add_typer(policy.app, name="policy")


def main() -> None:
    """Run the command line. An error that a user can cause becomes one readable message and an exit status."""
    try:
        app()
    except BrokenPipeError:
        _leave_closed_output()
    except (ExtprocError, OSError, sqlite3.Error) as error:
        Console(stderr=True).print(Text.assemble(("error: ", "bold red"), explain_error(error)), soft_wrap=True)
        sys.exit(exit_status(error))


def _leave_closed_output() -> NoReturn:
    """End where the reader of the output, such as ``head``, has gone. Python must not write to it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
