"""Read recorded calls, and compare two policies on them, for ``extproc policy explain`` and ``diff``."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from extproc.assembly.try_policy import try_policy
from extproc.console import client
from extproc.console.expected_answers import RowsAnswer, expect
from extproc.console.printable import display, plain
from extproc.policy.authoring.replay import COLUMNS, DECIDED, Comparison, Decider, sql_text
from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.protocols.catalogue import PROTOCOLS

METHOD_PROTOCOLS = frozenset(each.name for each in PROTOCOLS if each.has_methods)
"""Protocols whose entries have the protocol's method in place of HTTP's."""
PAGE = 1_000
"""Calls read at once."""


def query_rows(config: Path, sql: str) -> Iterator[dict[str, Any]]:
    """Ask the control process for rows of evidence, each by column name."""
    answer = expect(RowsAnswer, client.connect(config).post("query", body={"sql": sql, "limit": 10_000}))
    for row in answer.rows:
        yield dict(zip(answer.columns, row, strict=True))


def embedded_decider(files: PolicyFiles) -> Decider:
    """A policy in the embedded engine.

    Raises:
        ConfigError, PolicyInvalid: the policy must not be loaded.
    """
    sources = files.read()
    return EmbeddedEngine.from_sources(sources, checked=try_policy(sources))


def compare_recorded(old: Decider, new: Decider, config: Path, *, from_ns: int) -> Comparison:
    """Decide all recorded calls again under two policies.

    Args:
        old: one policy.
        new: the other.
        config: the configuration, which names the control process.
        from_ns: the time of the earliest entry to read, wall-clock nanoseconds.
    """
    compared = Comparison(METHOD_PROTOCOLS)
    kinds = ", ".join(sql_text(kind) for kind in DECIDED)
    source = f"FROM entries WHERE kind IN ({kinds}) AND action != '' AND time_ns >= {from_ns}"
    total = int(next(query_rows(config, f"SELECT uniqExact(call_id) AS n {source}"))["n"])
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("deciding again", total=total)
        for page in _pages(config, source):
            for row in page:
                compared.add({name.removesuffix("_"): value for name, value in row.items()}, old, new)
            progress.advance(task, len(page))
    return compared


def _pages(config: Path, source: str) -> Iterator[list[dict[str, Any]]]:
    """The first decision of each call, in pages: a held call is decided again when it is released."""
    first = ", ".join(f"argMin({sql}, time_ns) AS {name}_" for name, sql in COLUMNS.items() if name != "call_id")
    after = ""
    while True:
        sql = (
            f"SELECT call_id, {first} {source} AND call_id > {sql_text(after)}"
            f" GROUP BY call_id ORDER BY call_id LIMIT {PAGE}"
        )
        page = list(query_rows(config, sql))
        yield page
        if len(page) < PAGE:
            return
        after = str(page[-1]["call_id"])


def print_comparison(compared: Comparison, *, as_json: bool) -> None:
    """Print the decisions that would change."""
    changed = compared.changed.most_common() if compared.changed else []
    if as_json:
        differences = [asdict(one) | {"calls": times} for one, times in changed]
        found = {"calls": compared.calls, "inexact": compared.inexact, "changed": differences}
        typer.echo(json.dumps(found, indent=2))
        return
    if changed:
        table = Table("calls", "function", "subject", "old", "new", box=None)
        for one, times in changed:
            table.add_row(*(plain(cell) for cell in (str(times), one.function, one.subject, one.old, one.new)))
        display(table)
    typer.echo(f"{sum(times for _, times in changed)} of {compared.calls} calls would be decided otherwise")
    if compared.inexact:
        typer.echo(f"{compared.inexact} calls were masked or cut when recorded: read their decisions with care")
