"""``extproc config``: print the schema of the settings, check a file, print a file's effective settings."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Print the configuration's schema, check a file, or print its effective settings.", no_args_is_help=True
)
FileArgument = Annotated[Path, typer.Argument(help="The configuration file.")]
DEFAULT_FILE = Path("extproc.yaml")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    from extproc.config.schema import Settings

    _print(Settings.model_json_schema())


@app.command()
def check(file: FileArgument = DEFAULT_FILE) -> None:
    """Check a configuration file. Prints what it guards, or all its mistakes with their places.

    Exit status: 0 if the guard would start with it, 1 if not.
    """
    from extproc.assembly.check_settings import check_parts
    from extproc.config.load import adding_places, load_settings
    from extproc.config.summary import notes, summary

    settings = load_settings(file)
    with adding_places(file):
        revision = check_parts(settings)
    typer.echo(f"OK: {file}")
    for line in summary(settings):
        typer.echo(f"  {line}")
    if revision:
        typer.echo(f"  policy revision {revision[:12]}")
    for note in notes(settings):
        typer.echo(f"  note: {note}")


@app.command()
def show(file: FileArgument = DEFAULT_FILE) -> None:
    """Print all settings as JSON, with defaults filled in, absolute paths, and the functions of OpenAPI files."""
    from extproc.config.load import load_settings

    _print(load_settings(file).model_dump(mode="json"))


def _print(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
