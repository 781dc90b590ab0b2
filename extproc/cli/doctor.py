"""``extproc doctor``: check an installation, with a hint for each fault."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, examples

EXAMPLES = examples(
    ("extproc doctor --offline --strict", "before a deployment."),
    ("extproc doctor", "on the machine that runs extproc, as the user that runs it."),
    ("extproc doctor --envoy envoy.yaml", "with an Envoy that you configure yourself."),
    ("extproc doctor --only policy --only evidence", "where only these can be reached."),
)


class Area(StrEnum):
    """A section of the report."""

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
        Path | None,
        typer.Option("--envoy", help="Check this Envoy configuration. Default: the one that extproc renders."),
    ] = None,
    only: Annotated[
        list[Area] | None,
        typer.Option("--only", help="Check this area only. Repeat the option for more. Default: all areas."),
    ] = None,
    within: Annotated[
        float, typer.Option(min=1, max=300, help="End after this many seconds; unfinished checks are problems.")
    ] = 20.0,
    offline: Annotated[bool, typer.Option("--offline", help="Read files only, and open no socket.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave out the lines that are `ok`.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check an installation: before it goes live, or when something is wrong.

    Checks the configuration, and the running processes that can be reached from here. Changes nothing, and prints
    no secret. Each line of the report is `ok`, `warning` (allowed but dangerous), `problem` (broken) or `skipped`
    (not checked, with the reason). Warnings and problems say where the fault is, and what to do.

    Exit status: 0 without a problem; 1 with a problem, or with a warning under `--strict`; 2 for a wrong option.
    """
    from extproc.cli.doctor_report import examine, print_json, print_table

    areas = [area.value for area in only or Area]
    results = examine(config, envoy, areas, within, offline=offline, show_progress=not as_json)
    if as_json:
        print_json(results)
    else:
        print_table(config, results, without_ok=quiet)
    failing = {"problem", "warning"} if strict else {"problem"}
    if any(one.level.value in failing for one in results):
        raise typer.Exit(1)
