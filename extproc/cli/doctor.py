"""``extproc doctor``: what is right, what is dangerous, what is broken, and a hint for each."""

import json
import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from extproc.cli.serve import DEFAULT_CONFIG, ConfigOption
from extproc.console.printable import plain
from extproc.model.errors import ConfigError

if TYPE_CHECKING:
    from extproc.doctor.check_result import CheckResult

STYLES = {"ok": "green", "warning": "bold yellow", "problem": "bold red", "skipped": "dim"}
SLOW_S = 1.0
"""Seconds after which a person is told whom the doctor waits for."""


class Area(StrEnum):
    """A part of the report."""

    CONFIGURATION = "configuration"
    POLICY = "policy"
    STATE = "state"
    EVIDENCE = "evidence"
    ENVOY = "envoy"
    PARTS = "parts"


def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    envoy: Annotated[
        Path | None, typer.Option("--envoy", help="Your Envoy's configuration. Default: what is rendered.")
    ] = None,
    only: Annotated[
        list[Area] | None, typer.Option("--only", help="One area of the report; repeat for more. Default: all.")
    ] = None,
    within: Annotated[float, typer.Option(min=1, max=300, help="Seconds for everything.")] = 20.0,
    offline: Annotated[
        bool, typer.Option("--offline", help="Read files alone: ask nobody over a socket.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as problems.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave out what is all right.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Find out what is wrong: before going live, or when something is odd.

    Looks at the configuration, and at whatever runs by it and can be reached from here. Changes nothing, and
    prints no secret. Each line is `ok`, `warning` (allowed, and dangerous), `problem` (broken) or `skipped`
    (not looked at, and why); warnings and problems say where, and what to do.

    Exit status: 0 without a problem, 1 with one; with `--strict`, 1 with a warning too; 2 for a wrong option.

    `extproc doctor --offline --strict` before a deployment; `extproc doctor` on the machine that runs it, as the
    user that runs it; `extproc doctor --envoy envoy.yaml` where Envoy is yours;
    `extproc doctor --only policy --only evidence` where only these can be reached.
    """
    findings = _examine(
        config, envoy, [area.value for area in only or Area], within, offline=offline, quiet=as_json
    )
    if as_json:
        from extproc.doctor.check_result import as_document

        typer.echo(json.dumps(as_document(findings), indent=2))
    else:
        _print(config, [one for one in findings if not (quiet and one.level.value == "ok")], findings)
    failing = {"problem", "warning"} if strict else {"problem"}
    if any(one.level.value in failing for one in findings):
        raise typer.Exit(1)


def _examine(
    config: Path, envoy: Path | None, areas: list[str], within_s: float, *, offline: bool, quiet: bool
) -> "list[CheckResult]":
    from extproc.codecs.located_yaml import load_marked
    from extproc.config.load import load_settings
    from extproc.doctor.check_result import Installation
    from extproc.doctor.checks import CHECKS
    from extproc.doctor.run_checks import results_from_error, run_checks

    try:
        settings, document = load_settings(config), load_marked(config)
    except ConfigError as error:
        return results_from_error("configuration", error)
    installation = Installation(
        settings, document, time.time_ns(), envoy, offline, lambda name: name in os.environ
    )
    checks = [check for area, several in CHECKS.items() if area in areas for check in several]
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return run_checks(installation, checks, within_s=within_s)
    began = time.monotonic()
    with console.status("looking …") as status:

        def progress(waiting: list[str]) -> None:
            if time.monotonic() - began > SLOW_S:
                status.update(f"waiting for: {', '.join(waiting)}")

        return run_checks(installation, checks, within_s=within_s, progress=progress)


def _print(config: Path, shown: "list[CheckResult]", findings: "list[CheckResult]") -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in shown:
        table.add_row(Text(one.level.value, STYLES[one.level.value]), plain(one.subject), _told(one))
    console = Console()
    if not sys.stdout.isatty():
        console = Console(width=200)
    console.print(table)
    counts = [(level, sum(one.level.value == level for one in findings)) for level in STYLES]
    line = ", ".join(f"{count} {level}" for level, count in counts if count)
    console.print(Text(f"{config}: {line}", "bold"))


def _told(one: "CheckResult") -> Group:
    """What there is, where, and a hint, a line each."""
    where = " ".join(part for part in (one.where, one.key) if part)
    lines = [plain(one.what)]
    if where:
        lines.append(plain(where, "dim"))
    lines += [plain(f"→ {line.strip()}") for line in one.hint.split("\n") if line.strip()]
    return Group(*lines)
