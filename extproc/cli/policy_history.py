"""``extproc policy explain`` and ``extproc policy diff``: policies and calls that were recorded."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from extproc.cli.interrupting import ended_by_ctrl_c
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption
from extproc.cli.policy import policy_files, print_trace
from extproc.console.printable import console, plain, printable
from extproc.model.errors import ConfigError, QueryError
from extproc.model.units import NANOSECONDS_PER_SECOND

if TYPE_CHECKING:
    from extproc.policy.authoring.replay import Comparison
    from extproc.policy.regorus.evaluator import EmbeddedEngine

CALL_ID = re.compile(r"[0-9A-Fa-f-]{8,36}")
SINCE = re.compile(r"([1-9][0-9]{0,4})([mhd])")
UNIT_NS = {
    "m": 60 * NANOSECONDS_PER_SECOND,
    "h": 3_600 * NANOSECONDS_PER_SECOND,
    "d": 86_400 * NANOSECONDS_PER_SECOND,
}
WHERE_IDS_ARE = "answers name theirs, and so does: extproc query 'SELECT call_id, function, reason FROM calls'"
PAGE = 1_000
"""Calls read at once."""


def explain(
    call_id: Annotated[str, typer.Argument(help="As the caller was told, and as records show it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    show_input: Annotated[bool, typer.Option("--input", help="Print the recorded input too.")] = False,
) -> None:
    """Say how a recorded call was decided, and decide it again under the configured policy, rule by rule."""
    from extproc.model.decision import Action
    from extproc.model.entries import EntryKind
    from extproc.policy.authoring.replay import (
        COLUMNS,
        failed_evaluations,
        first_decisions,
        pretty,
        recall,
        sql_text,
    )
    from extproc.policy.authoring.trace import trace

    if not CALL_ID.fullmatch(call_id):
        raise ConfigError(f"{printable(call_id)} is no call id", None, WHERE_IDS_ARE)
    rows = list(
        _rows(
            config,
            f"SELECT {', '.join(COLUMNS)} FROM entries"  # noqa: S608 - the id was looked at
            f" WHERE call_id = {sql_text(call_id)} ORDER BY time_ns LIMIT 100",
        )
    )
    if not rows:
        raise QueryError(f"no entry of call {call_id}: it may not be shipped yet")
    last = rows[-1]
    typer.echo(f"recorded  {_line(last, 'kind', 'action', 'reason', 'rule', 'function', 'subject')}")
    typer.echo(f"revision  {_line(last, 'policy_revision') or 'none: policy was not asked, or gave no answer'}")
    if last["detail"]:
        typer.echo(f"detail    {printable(str(last['detail']))}")
    if last["shadow"]:
        typer.echo(f"shadow    {printable(', '.join(last['shadow']))}")
    asked = first_decisions(rows) or failed_evaluations(rows)
    if not asked:
        typer.echo(_why_not(last))
        return
    if last["kind"] == EntryKind.FAILED and last["action"] == Action.DENY:
        typer.echo("policy withheld the response: what follows is its request, responses are not decided again")
    recalled = recall(asked[0], _method_protocols())
    if show_input:
        typer.echo(pretty(recalled.document))
    typer.echo("\nagain, under the configured policy; headers, query, claims and body are not recorded")
    for gap in recalled.gaps:
        typer.echo(f"this may not be what was decided: {gap}")
    with ended_by_ctrl_c():
        found = trace(policy_files(None, None, None, config).read(), recalled.document)
    if asked[0]["policy_revision"] not in ("", found.decision.revision):
        typer.echo("the policy has changed since")
    print_trace(found)


def _method_protocols() -> frozenset[str]:
    """Names of the protocols whose calls name a method of the protocol."""
    from extproc.protocols.catalogue import PROTOCOLS

    return frozenset(each.name for each in PROTOCOLS if each.has_methods)


def _why_not(last: dict[str, Any]) -> str:
    from extproc.model.reasons import Reason

    if last["reason"] == Reason.POLICY_ERROR:
        return "policy gave no usable answer: the detail above says why; it is not asked again"
    return "policy did not decide this call: the reason above is the guard's own"


def diff(
    old: Annotated[Path, typer.Argument(help="Rego file or folder, as it is.")],
    new: Annotated[Path, typer.Argument(help="Rego file or folder, as it would be.")],
    *,
    since: Annotated[str, typer.Option(help="How far back: 90m, 24h, 7d.")] = "7d",
    data: Annotated[list[Path] | None, typer.Option("--data", "-d", help="Data of both.")] = None,
    old_data: Annotated[list[Path] | None, typer.Option(help="Data of the old policy only.")] = None,
    new_data: Annotated[list[Path] | None, typer.Option(help="Data of the new policy only.")] = None,
    query: Annotated[str | None, typer.Option("--query", "-q", help="The document that decides.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    fail: Annotated[bool, typer.Option("--fail", help="Exit with 1 when a decision would change.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Decide recorded calls under two policies, and show which decisions and masks would change."""
    from extproc.assembly.try_policy import try_policy
    from extproc.config.load import load_settings
    from extproc.policy.authoring.replay import Comparison
    from extproc.policy.regorus.evaluator import EmbeddedEngine

    asked = query or load_settings(config, to_serve=False).policy.query
    engines = []
    for path, own in ((old, old_data), (new, new_data)):
        sources = policy_files([path], [*(data or ()), *(own or ())], asked, config).read()
        engines.append(EmbeddedEngine.from_sources(sources, checked=try_policy(sources)))
    compared = Comparison(method_protocols=_method_protocols())
    with ended_by_ctrl_c():
        _compare(compared, engines[0], engines[1], config, time.time_ns() - _ago_ns(since))
    _print_comparison(compared, as_json=as_json)
    if fail and compared.changed:
        raise typer.Exit(1)


def _compare(
    compared: "Comparison", old: "EmbeddedEngine", new: "EmbeddedEngine", config: Path, from_ns: int
) -> None:
    from extproc.policy.authoring.replay import COLUMNS, DECIDED, sql_text

    kinds = ", ".join(sql_text(kind) for kind in DECIDED)
    which = f"FROM entries WHERE kind IN ({kinds}) AND action != '' AND time_ns >= {from_ns}"
    total = int(next(_rows(config, f"SELECT uniqExact(call_id) AS n {which}"))["n"])
    # A call's first decision: one that was held is decided again when it is released.
    first = ", ".join(f"argMin({name}, time_ns) AS {name}_" for name in COLUMNS if name != "call_id")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("deciding again", total=total)
        after = ""
        while True:
            page = list(
                _rows(
                    config,
                    f"SELECT call_id, {first} {which} AND call_id > {sql_text(after)}"
                    f" GROUP BY call_id ORDER BY call_id LIMIT {PAGE}",
                )
            )
            for row in page:
                compared.add({name.removesuffix("_"): value for name, value in row.items()}, old, new)
            progress.advance(task, len(page))
            if len(page) < PAGE:
                return
            after = str(page[-1]["call_id"])


def _rows(config: Path, sql: str) -> Iterator[dict[str, Any]]:
    from extproc.console.client import connect

    answer = connect(config).post("query", body={"sql": sql, "limit": 10_000})
    for row in answer["rows"]:
        yield dict(zip(answer["columns"], row, strict=True))


def _print_comparison(compared: "Comparison", *, as_json: bool) -> None:
    from dataclasses import asdict

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
        console().print(table)
    typer.echo(f"{sum(times for _, times in changed)} of {compared.calls} calls would be decided otherwise")
    if compared.inexact:
        typer.echo(f"{compared.inexact} calls were masked or cut when recorded: read their decisions with care")


def _ago_ns(since: str) -> int:
    found = SINCE.fullmatch(since)
    if found is None:
        raise ConfigError(f"{printable(since)} is no duration", None, "write 90m, 24h or 7d")
    return int(found[1]) * UNIT_NS[found[2]]


def _line(row: dict[str, Any], *names: str) -> str:
    return printable(" ".join(str(row[name]) for name in names if row[name]))
