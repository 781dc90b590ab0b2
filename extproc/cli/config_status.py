"""The output of ``extproc config status``."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import typer

from extproc.config.configuration import SHOWN, configuration_digest
from extproc.config.configuration_status import running
from extproc.config.load import load_settings
from extproc.model.errors import ConfigError
from extproc.model.units import NANOSECONDS_PER_SECOND


def print_status(config: Path, *, as_json: bool) -> bool:
    """Print the digest of each running process, and of the file.

    Args:
        config: the configuration file. Its state folder is read even if the file cannot be used now.
        as_json: print JSON, for programs.

    Returns:
        True if all processes have the configuration of the file.

    Raises:
        ConfigError: the file is not a configuration.
    """
    found = running(load_settings(config, to_serve=False).state)
    edited, fault = _digest(config)
    same = bool(edited) and all(each.digest == edited for each in found)
    if as_json:
        document = {"file": edited or None, "fault": fault, "processes": [asdict(each) for each in found]}
        typer.echo(json.dumps(document, indent=2))
        return same
    for each in found:
        since = datetime.fromtimestamp(each.since_ns // NANOSECONDS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        typer.echo(f"{each.process}: {each.digest[:SHOWN]} since {since}")
    if not found:
        typer.echo("nothing runs")
    if fault:
        typer.echo(f"{config}: cannot be used: {fault}")
    elif found:
        typer.echo(f"{config}: {edited[:SHOWN]}, {'in force' if same else 'not in force: run extproc reload'}")
    return same


def _digest(config: Path) -> tuple[str, str]:
    """Return the file's digest, or the reason why it has none."""
    try:
        return configuration_digest(load_settings(config)), ""
    except ConfigError as error:
        return "", str(error)
