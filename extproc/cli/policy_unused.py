"""``extproc policy unused``: names of the policy that no recorded call had."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, examples
from extproc.cli.policy_history import ago_ns
from extproc.console.printable import display, plain

UNUSED_EXAMPLES = examples(
    ("extproc policy unused", "list groups, functions, rules and entities that no call had in 30 days."),
    ("extproc policy unused --since 7d --json", "the same for a week, for programs."),
)
MOST = 10_000
"""Different names of one kind that are read."""


def unused(
    config: ConfigOption = DEFAULT_CONFIG,
    since: Annotated[str, typer.Option(help="How far back: 90m, 24h, 30d.")] = "30d",
    as_json: JsonOption = False,
) -> None:
    """List groups, functions, rules and entities that the policy names and no recorded call had.

    Groups are defined by identity providers, so `policy check` cannot check them: a group here may be misspelled.
    A rule here may never match.
    """
    from extproc.assembly.try_policy import try_policy
    from extproc.cli.policy_selection import select_policy
    from extproc.policy.names.never_matched import named_in, never_matched

    files = select_policy(None, None, None, config)
    sources = files.read()
    literals = (
        try_policy(sources).literals if files.paths else ()
    )  # the starter policies' own names are not the author's
    names = named_in(sources, literals)
    calls, occurred = _occurred(config, time.time_ns() - ago_ns(since))
    found = never_matched(names, occurred)
    if as_json:
        typer.echo(json.dumps({"calls": calls, "never": [asdict(one) for one in found]}, indent=2))
        return
    if found:
        table = Table("kind", "name", "in", box=None)
        for one in found:
            table.add_row(*(plain(cell) for cell in (one.kind.value, one.name, one.place or "data")))
        display(table)
    typer.echo(f"{len(found)} of {len(names)} names did not occur in {calls} calls of the last {since}")


def _occurred(config: Path, from_ns: int) -> tuple[int, Any]:
    """Ask the control process which names occurred since then.

    Returns:
        The number of calls, and the names: ``Occurred``.
    """
    from extproc.cli.policy_comparison import query_rows
    from extproc.policy.names.never_matched import Occurred

    recent = f"FROM entries WHERE time_ns >= {from_ns} AND damage = ''"
    calls = int(next(query_rows(config, f"SELECT uniqExact(call_id) AS n {recent}"))["n"])

    def names(expression: str, more: str = "") -> frozenset[str]:
        sql = f"SELECT DISTINCT {expression} AS name {recent}{more} LIMIT {MOST}"
        return frozenset(str(row["name"]) for row in query_rows(config, sql))

    return calls, Occurred(
        functions=names("toString(function)"),
        groups=names("arrayJoin(groups)"),
        rules=names("toString(rule)") | names("arrayJoin(shadow)"),
        entities=names("arrayJoin(arrayMap(one -> one.entity, findings))"),
    )
