"""``extproc config``: the settings' schema, a check of a file, and what a file comes to."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Show the configuration's schema; check a file; show what it comes to.", no_args_is_help=True
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
    """Check a configuration file. Prints what it guards, or everything that is wrong with it and where."""
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
    """Print the whole configuration as JSON: defaults filled in, paths absolute, OpenAPI functions listed."""
    from extproc.config.load import load_settings

    _print(load_settings(file).model_dump(mode="json"))


def _print(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
