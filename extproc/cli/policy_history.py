"""``extproc policy explain`` and ``extproc policy diff``: decide recorded calls again."""

import contextlib
import re
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from extproc.cli.interrupting import ended_by_ctrl_c
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, EngineOption
from extproc.console.printable import printable
from extproc.model.decision import Action
from extproc.model.entries import EntryKind
from extproc.model.errors import ConfigError, QueryError
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND

CALL_ID = re.compile(r"[0-9A-Fa-f-]{8,36}")
SINCE = re.compile(r"([1-9][0-9]{0,4})([mhd])")
UNIT_NS = {
    "m": 60 * NANOSECONDS_PER_SECOND,
    "h": 3_600 * NANOSECONDS_PER_SECOND,
    "d": 86_400 * NANOSECONDS_PER_SECOND,
}
CALL_ID_HINT = "an answer has its call's id; so has: extproc query 'SELECT call_id, function, reason FROM calls'"


def explain(
    call_id: Annotated[str, typer.Argument(help="The call's id, from the caller's answer or from records.")],
    config: ConfigOption = DEFAULT_CONFIG,
    show_input: Annotated[bool, typer.Option("--input", help="Print the recorded input too.")] = False,
) -> None:
    """Show how a recorded call was decided, and decide it again under the configured policy, rule by rule."""
    from extproc.cli.policy_comparison import METHOD_PROTOCOLS, query_rows
    from extproc.cli.policy_selection import opa_decides, select_policy
    from extproc.cli.policy_trace import print_trace
    from extproc.evidence.shipping.tables import NO_ACT
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
        raise ConfigError(f"{printable(call_id)} is not a call id", None, CALL_ID_HINT)
    rows = list(
        query_rows(
            config,
            f"SELECT {', '.join(f'{sql} AS {name}' for name, sql in COLUMNS.items())}"  # noqa: S608 - a checked id
            " FROM entries"
            f" WHERE call_id = {sql_text(call_id)} AND {NO_ACT} ORDER BY time_ns LIMIT 100",
        )
    )
    if not rows:
        raise QueryError(f"no entry of call {call_id}: it may not be shipped yet")
    last = rows[-1]
    _print_record(last)
    asked = first_decisions(rows) or failed_evaluations(rows)
    if not asked:
        typer.echo(_why_not(last))
        return
    if last["kind"] == EntryKind.FAILED and last["action"] == Action.DENY:
        typer.echo("policy withheld the response: what follows is its request, responses are not decided again")
    recalled = recall(asked[0], METHOD_PROTOCOLS)
    if show_input:
        typer.echo(pretty(recalled.document))
    typer.echo("\nagain, under the configured policy; headers, query, claims and body are not recorded")
    for gap in recalled.gaps:
        typer.echo(f"this may not be what was decided: {gap}")
    if opa_decides(None, config):
        from extproc.cli import policy_opa

        found = policy_opa.trace(policy_opa.in_opa(None, None, None, config), recalled.document)
    else:
        with ended_by_ctrl_c():
            found = trace(select_policy(None, None, None, config).read(), recalled.document)
    if asked[0]["policy_revision"] not in ("", found.decision.revision):
        typer.echo("the policy has changed since")
    print_trace(found)


def _print_record(entry: dict[str, Any]) -> None:
    typer.echo(f"recorded  {_line(entry, 'kind', 'action', 'reason', 'rule', 'function', 'subject')}")
    typer.echo(f"revision  {_line(entry, 'policy_revision') or 'none: policy was not asked, or gave no answer'}")
    if entry["detail"]:
        typer.echo(f"detail    {printable(str(entry['detail']))}")
    if entry["shadow"]:
        typer.echo(f"shadow    {printable(', '.join(entry['shadow']))}")


def _why_not(last: dict[str, Any]) -> str:
    if last["reason"] == Reason.POLICY_ERROR:
        return "policy gave no usable answer: the detail above says why; it is not asked again"
    return "policy did not decide this call: the reason above is the guard's own"


def diff(
    old: Annotated[Path, typer.Argument(help="Rego file or folder of the old policy.")],
    new: Annotated[Path, typer.Argument(help="Rego file or folder of the new policy.")],
    *,
    since: Annotated[str, typer.Option(help="How far back: 90m, 24h, 7d.")] = "7d",
    data: Annotated[list[Path] | None, typer.Option("--data", "-d", help="Data of both policies.")] = None,
    old_data: Annotated[list[Path] | None, typer.Option(help="Data of the old policy only.")] = None,
    new_data: Annotated[list[Path] | None, typer.Option(help="Data of the new policy only.")] = None,
    query: Annotated[str | None, typer.Option("--query", "-q", help="The rule that decides.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    engine: EngineOption = None,
    fail: Annotated[bool, typer.Option("--fail", help="Exit with 1 if a decision would change.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Decide recorded calls under two policies, and show which decisions and masks would change."""
    from extproc.cli.policy_comparison import compare_recorded, embedded_decider, print_comparison
    from extproc.cli.policy_selection import opa_decides, select_policy
    from extproc.config.load import load_settings

    asked = query or load_settings(config, to_serve=False).policy.query
    from_ns = time.time_ns() - ago_ns(since)
    both = [(path, [*(data or ()), *(own or ())]) for path, own in ((old, old_data), (new, new_data))]
    with contextlib.ExitStack() as stack:
        if opa_decides(engine, config):
            from extproc.cli import policy_opa

            policies = [policy_opa.in_opa([path], own, asked, config) for path, own in both]
            deciders = [stack.enter_context(policy_opa.decider(policy)) for policy in policies]
        else:
            deciders = [embedded_decider(select_policy([path], own, asked, config)) for path, own in both]
            stack.enter_context(ended_by_ctrl_c())
        compared = compare_recorded(deciders[0], deciders[1], config, from_ns=from_ns)
    print_comparison(compared, as_json=as_json)
    if fail and compared.changed:
        raise typer.Exit(1)


def ago_ns(since: str) -> int:
    """The nanoseconds of ``90m``, ``24h``, ``7d``.

    Raises:
        ConfigError: not such a duration.
    """
    found = SINCE.fullmatch(since)
    if found is None:
        raise ConfigError(f"{printable(since)} is not a duration", None, "write 90m, 24h or 7d")
    return int(found[1]) * UNIT_NS[found[2]]


def _line(row: dict[str, Any], *names: str) -> str:
    return printable(" ".join(str(row[name]) for name in names if row[name]))
