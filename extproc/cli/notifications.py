"""``extproc notifications``: see what people and systems were told of approvals, try again, and send a sample."""

import asyncio
import json
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from extproc.cli.evidence_tables import make_table
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, examples
from extproc.console.printable import display
from extproc.model.errors import ConfigError, ControlError

app = typer.Typer(help="See what people and systems were told of approvals, and try again.", no_args_is_help=True)

COLUMNS = ("queued", "target", "event", "function", "state", "attempts", "error", "approval_id")
LIST_EXAMPLES = examples(
    ("extproc notifications list", "see what waits, what failed, and why."),
    ("extproc notifications list --all --target on-call", "see what a target got."),
)
RETRY_EXAMPLES = examples(
    ("extproc notifications retry --target audit", "send what failed, once the receiver answers again."),
)
TEST_EXAMPLES = examples(("extproc notifications test on-call", "send a sample to one target."))
TargetOption = Annotated[str, typer.Option(help="Only this target's.")]


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    target: TargetOption = "",
    all_: Annotated[bool, typer.Option("--all", help="List sent and superseded ones, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most this many.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List the deliveries that wait, failed or were dropped, newest first."""
    from extproc.notifications.outbox import DeliveryState, Outbox

    file = _file(config, target)
    wanted = () if all_ else (DeliveryState.QUEUED, DeliveryState.FAILED, DeliveryState.DROPPED)
    with closing(Outbox(file)) as outbox:
        found = outbox.listed(states=wanted, target=target, limit=limit)
    rows: list[dict[str, Any]] = [
        {
            "queued": _time(each.queued_ns),
            "target": each.target,
            "event": each.event.value,
            "function": each.function,
            "state": each.state.value,
            "attempts": each.attempts,
            "error": each.error,
            "approval_id": each.approval_id,
            "next": _time(each.next_ns) if each.state is DeliveryState.QUEUED else "",
            "done": _time(each.done_ns),
        }
        for each in found
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif rows:
        display(make_table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]))
    else:
        typer.echo("There are none." if all_ else "Nothing waits, and nothing failed.")


@app.command(epilog=RETRY_EXAMPLES)
def retry(
    config: ConfigOption = DEFAULT_CONFIG,
    target: TargetOption = "",
    approval: Annotated[str, typer.Option(help="Only of this approval: its id, or its first characters.")] = "",
) -> None:
    """Queue failed deliveries again, as if they were new. The control process sends them."""
    from extproc.notifications.outbox import Outbox

    with closing(Outbox(_file(config, target))) as outbox:
        count = outbox.retry(time.time_ns(), target=target, approval_id=approval)
    typer.echo(f"{count} queued again.")


@app.command("test", epilog=TEST_EXAMPLES)
def send_sample(
    names: Annotated[list[str] | None, typer.Argument(metavar="TARGET", help="Targets; none: all.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Send a sample from here to each target, and say which took it. Exit status 1 if one did not.

    The control process may run as another user, with other variables and another network.
    """
    from extproc.assembly.send_samples import send_samples
    from extproc.config.load import load_settings

    settings = load_settings(config)
    targets = settings.notifications.targets
    if unknown := [name for name in names or [] if name not in targets]:
        raise ConfigError(f"there is no target {unknown[0]!r}", hint=f"targets: {', '.join(targets) or 'none'}")
    if not targets:
        raise ConfigError("there is no target", hint="add notifications.targets to the configuration")
    wanted = {name: targets[name] for name in names or targets}
    failed = 0
    for name, error in asyncio.run(send_samples(settings, wanted)).items():
        typer.echo(f"{name}: {error or 'sent'}")
        failed += bool(error)
    if failed:
        raise typer.Exit(1)


def _file(config: Path, target: str) -> Path:
    """Return the outbox. It is not made here, and a misspelled target is an error."""
    from extproc.config.load import load_settings
    from extproc.notifications.outbox import FILE

    settings = load_settings(config, to_serve=False)
    if target and target not in settings.notifications.targets:
        known = ", ".join(settings.notifications.targets) or "none"
        raise ConfigError(f"there is no target {target!r}", hint=f"targets: {known}")
    file = settings.state / FILE
    if not file.exists():
        raise ControlError(f"{file} does not exist", "the control process makes it, once a target is configured")
    return file


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S") if at_ns else ""
