"""``extproc reload``: change the configuration of a running installation."""

import json
from typing import Annotated

import typer

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption

DIGEST_SHOWN = 12


def reload(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    within: Annotated[float, typer.Option(min=1, help="Seconds to wait for an answer.")] = 180.0,
) -> None:
    """Check the configuration file, and change all processes of `extproc up` to it; or change none of them.

    No call is dropped. A running call ends under the configuration that it began with; a held call is released
    under the one that is in force then. What cannot change while processes run is named, and refused.

    A worker or control process that runs alone reloads its file at SIGHUP; so does `extproc up`.

    Exit status: 0 if the file is in force now, 1 if it was refused; then nothing has changed.
    """
    from extproc.config.load import load_settings
    from extproc.supervise.ask_reload import ask_reload

    settings = load_settings(config)
    answer = ask_reload(settings.state, config.absolute(), within_s=within)
    if as_json:
        typer.echo(json.dumps(answer))
    elif answer["keys"] is None:
        typer.echo(f"unchanged: {config} is in force already, digest {answer['digest'][:DIGEST_SHOWN]}")
    else:
        typer.echo(f"OK: {config} is in force, digest {answer['digest'][:DIGEST_SHOWN]}")
        for key in answer["keys"] or ["the content of a key file"]:
            typer.echo(f"  changed: {key}")
