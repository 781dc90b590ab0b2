"""Print a decision and the rules that led to it."""

import json
from dataclasses import asdict

import typer
from rich.table import Column, Table

from extproc.console.printable import display, plain, printable
from extproc.model.reasons import Reason
from extproc.policy.authoring.trace import Trace

VALUE_SHOWN = 100
"""Characters of a value in a table."""


def trace_document(found: Trace) -> dict[str, object]:
    """The trace as JSON, for programs."""
    return {
        "answer": found.answer,
        "error": found.error,
        "decision": asdict(found.decision),
        "rules": [asdict(one) for one in found.fired],
        "stopped": [asdict(one) for one in found.stopped],
        "note": found.note,
    }


def print_trace(found: Trace) -> None:
    """Print the decision as the guard reads it, the rules that have a value, and where others stopped."""
    decision = found.decision
    typer.echo(f"decision  {decision.action.value}  {decision.reason.value}")
    parts = {
        "rule": decision.rule,
        "risk": str(decision.risk) if decision.risk else "",
        "mask": _masks(found),
        "shadow": ", ".join(decision.shadow),
        "error": found.error or (decision.detail if decision.reason is Reason.POLICY_ERROR else ""),
        "revision": decision.revision[:12],
        "bundles": ", ".join(decision.bundles),
        "note": found.note,
    }
    for name, value in parts.items():
        if value:
            typer.echo(f"{name:9} {printable(value)}")
    if decision.approval:
        terms = decision.approval
        typer.echo(f"approval  {printable(str(terms.quorum))}, {terms.mode.value}")
    _print_rules(found)


def _print_rules(found: Trace) -> None:
    fired = Table(Column("rule", no_wrap=True), Column("value", overflow="fold"), "where", box=None)
    for one in found.fired:
        value = json.dumps(one.value, ensure_ascii=False)
        short = value if len(value) <= VALUE_SHOWN else value[: VALUE_SHOWN - 1] + "…"
        fired.add_row(*(plain(text) for text in (one.rule, short, f"{one.file}:{one.line}")))
    stopped = Table(Column("did not hold", no_wrap=True), Column("stopped at", overflow="fold"), "where", box=None)
    for stop in found.stopped:
        stopped.add_row(*(plain(text) for text in (stop.rule, stop.statement, f"{stop.file}:{stop.line}")))
    for table in (fired, stopped):
        if table.row_count:
            display(table)


def _masks(found: Trace) -> str:
    plan = found.decision.mask
    return "; ".join(
        f"{direction} {rule.path or rule.entity} {rule.how.value}"
        for direction, rules in (("request", plan.request), ("response", plan.response))
        for rule in rules
    )
