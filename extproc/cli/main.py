"""The ``extproc`` command and the list of its subcommands."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from extproc import __version__
from extproc.cli import approvals, config, demo, doctor, envoy, evidence, mask, policy, policy_history, serve
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
app.command()(demo.demo)
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)
app.command(epilog=evidence.QUERY_EXAMPLES)(evidence.query)
app.command(epilog=mask.EXAMPLES)(mask.mask)
app.add_typer(evidence.sessions, name="sessions")
app.add_typer(approvals.app, name="approvals")
app.add_typer(envoy.app, name="envoy")
app.add_typer(config.app, name="config")
policy.app.command()(policy_history.explain)
policy.app.command()(policy_history.diff)
app.add_typer(policy.app, name="policy")


def main() -> None:
    """Run the command line. An ``ExtprocError`` becomes one readable message and exit status 1."""
    try:
        app()
    except ExtprocError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)
