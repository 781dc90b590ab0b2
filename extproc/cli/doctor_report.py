"""Run the doctor's checks and print their report."""

import json
import os
import sys
import time
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from extproc.codecs.located_yaml import load_located
from extproc.config.load import load_settings
from extproc.console.printable import display, plain
from extproc.doctor.all_checks import CHECKS
from extproc.doctor.check_result import CheckResult, Installation, Level, as_document
from extproc.doctor.run_checks import results_from_error, run_checks
from extproc.model.errors import ConfigError

STYLES = {
    Level.OK: "green",
    Level.WARNING: "bold yellow",
    Level.PROBLEM: "bold red",
    Level.SKIPPED: "dim",
}
SLOW_S = 1.0
"""Seconds after which a person sees which checks are still running."""
FILE_WIDTH = 200
"""Columns of a report that goes to a file or a pipe."""


def examine(
    config: Path, envoy: Path | None, areas: list[str], within_s: float, *, offline: bool, show_progress: bool
) -> list[CheckResult]:
    """Run the checks of these areas. An invalid configuration is the only result then.

    Args:
        config: the configuration file.
        envoy: an Envoy configuration of the user's own; None checks the rendered one.
        areas: keys of ``CHECKS``.
        within_s: seconds for all checks together.
        offline: open no socket.
        show_progress: on a terminal, show which checks are still running.
    """
    try:
        settings, document = load_settings(config), load_located(config)
    except ConfigError as error:
        return results_from_error("configuration", error)
    installation = Installation(settings, document, time.time_ns(), envoy, offline, os.environ.__contains__)
    checks = [check for area, several in CHECKS.items() if area in areas for check in several]
    console = Console(stderr=True)
    if not show_progress or not console.is_terminal:
        return run_checks(installation, checks, within_s=within_s)
    began = time.monotonic()
    with console.status("checking …") as status:

        def progress(waiting: list[str]) -> None:
            if time.monotonic() - began > SLOW_S:
                status.update(f"waiting for: {', '.join(waiting)}")

        return run_checks(installation, checks, within_s=within_s, progress=progress)


def print_json(results: list[CheckResult]) -> None:
    """Print the report for programs. ASCII only: characters that could steer a terminal are escaped."""
    sys.stdout.write(json.dumps(as_document(results), indent=2) + "\n")


def print_table(config: Path, results: list[CheckResult], *, without_ok: bool) -> None:
    """Print the report for people, and the number of results of each level."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in results:
        if not (without_ok and one.level is Level.OK):
            table.add_row(Text(one.level.value, STYLES[one.level]), plain(one.subject), _explanation(one))
    display(table, pipe=FILE_WIDTH)
    counts = [(level, sum(one.level is level for one in results)) for level in STYLES]
    line = ", ".join(f"{count} {level}" for level, count in counts if count)
    display(Text(f"{config}: {line}", "bold"), pipe=FILE_WIDTH)


def _explanation(one: CheckResult) -> Group:
    """The result, its place, and its hint, each on its own line."""
    where = " ".join(part for part in (one.where, one.key) if part)
    lines = [plain(one.what)]
    if where:
        lines.append(plain(where, "dim"))
    lines += [plain(f"→ {line.strip()}") for line in one.hint.split("\n") if line.strip()]
    return Group(*lines)
