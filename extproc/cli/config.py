"""``extproc config``: print the schema of the settings, check a file, print a file's effective settings."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, examples

app = typer.Typer(
    help="Print the configuration's schema, check a file, or print its effective settings.", no_args_is_help=True
)
FileArgument = Annotated[
    Path | None, typer.Argument(help="The configuration file. Default: as `--config` says.", show_default=False)
]
CHECK_EXAMPLES = examples(
    ("extproc config check", "check extproc.yaml in this folder, or the file that EXTPROC_CONFIG names."),
    (
        "extproc config check new.yaml && cp new.yaml extproc.yaml",
        "replace it only by a correct one.",
    ),
)
SHOW_EXAMPLES = examples(
    ("extproc config show | jq .limits", "see the limits in force, defaults included."),
    ("extproc config show | jq '.connections.crm.functions'", "list the functions of an OpenAPI document."),
)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    from extproc.config.schema import Settings

    _print(Settings.model_json_schema())


@app.command(epilog=CHECK_EXAMPLES)
def check(file: FileArgument = None, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Check a configuration file. Prints what it guards, or all its mistakes with their places.

    Exit status: 0 if the guard would start with it, 1 if not.
    """
    from extproc.assembly.check_settings import check_parts, masking_problems
    from extproc.assembly.masking_notes import masking_notes
    from extproc.config.configuration import SHOWN, configuration_digest
    from extproc.config.load import adding_places, read_settings
    from extproc.config.summary import notes, response_policy_notes, summary
    from extproc.config.validation_errors import combined

    config = file or config
    settings, problems = read_settings(config)
    with adding_places(config):
        if problems:
            raise combined([*problems, *masking_problems(settings)])
        policy = check_parts(settings)
    digest = configuration_digest(settings)
    typer.echo(f"OK: {config}")
    for line in summary(settings):
        typer.echo(f"  {line}")
    typer.echo(f"  digest {digest[:SHOWN]}")
    if policy.revision:
        typer.echo(f"  policy revision {policy.revision[:12]}")
    for known in policy.notes:
        typer.echo(f"  note: {known}")
    responses = response_policy_notes(settings, decides_responses=policy.decides_responses)
    for note in (*notes(settings), *masking_notes(settings), *responses):
        typer.echo(f"  {'problem' if note.refuses_all else 'note'}: {note}")


@app.command(epilog=SHOW_EXAMPLES)
def show(file: FileArgument = None, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Print all settings as JSON, with defaults filled in, absolute paths, and the functions of OpenAPI files."""
    from extproc.config.load import load_settings

    _print(load_settings(file or config).model_dump(mode="json"))


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Print the configuration that each running process has, and compare it with the file.

    Exit status: 0 if all have the one in the file, 1 if not.
    """
    from extproc.cli.config_status import print_status

    if not print_status(config, as_json=as_json):
        raise typer.Exit(1)


def _print(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
