"""``extproc envoy``: render an Envoy configuration, or check one for known dangers."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, examples

RENDER_EXAMPLES = examples(
    ("extproc envoy render --output envoy.yaml", "write the whole bootstrap for an Envoy of your own."),
    ("extproc envoy render --parts", "print what an Envoy that exists already needs."),
    ("extproc envoy render --door ext_authz", "print the one for decisions only, without masking."),
)
CHECK_EXAMPLES = examples(
    ("extproc envoy check envoy.yaml", "look for ways around the guard."),
    ("extproc envoy check envoy.yaml --config extproc.yaml", "look for what makes every call fail, too."),
    ("extproc envoy check envoy.yaml --json | jq '.[].danger'", "use the result in a script."),
)
app = typer.Typer(help="Render an Envoy configuration, or check one for known dangers.", no_args_is_help=True)


COLORS = {"error": typer.colors.RED, "warning": typer.colors.YELLOW, "note": typer.colors.CYAN}
"""Color by severity."""


class FilterChoice(StrEnum):
    """The Envoy filter that calls the guard."""

    EXT_PROC = "ext_proc"
    EXT_AUTHZ = "ext_authz"


@app.command(epilog=RENDER_EXAMPLES)
def render(
    config: ConfigOption = DEFAULT_CONFIG,
    door: Annotated[
        FilterChoice | None,
        typer.Option(
            help="Call the guard by this filter: ext_proc guards requests and responses; ext_authz only decides."
            " Default: `envoy.guard_filter` of the configuration."
        ),
    ] = None,
    parts: Annotated[
        bool,
        typer.Option("--parts", help="Render only the parts to copy into an Envoy configuration of your own."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of standard output.")
    ] = None,
) -> None:
    """Render an Envoy bootstrap from the configuration file.

    The workers' endpoints are those in `envoy.guard_endpoints`; without them, the workers of this machine.
    """
    from extproc.config.load import load_settings
    from extproc.config.summary import refusals_of
    from extproc.envoy_config.render.bootstrap import as_yaml, render_bootstrap
    from extproc.envoy_config.render.parts import render_parts
    from extproc.supervise.children import worker_endpoint

    settings = load_settings(config)
    own = [worker_endpoint(settings, index) for index in range(settings.workers)]
    endpoints = list(settings.envoy.guard_endpoints) or own
    guard_filter = door.value if door else settings.envoy.guard_filter
    for line in refusals_of(settings, guard_filter):
        typer.echo(line, err=True)
    if parts:
        text = render_parts(settings, guard_endpoints=endpoints, guard_filter=guard_filter)
    else:
        text = as_yaml(render_bootstrap(settings, guard_endpoints=endpoints, guard_filter=guard_filter))
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@app.command(epilog=CHECK_EXAMPLES)
def check(
    file: Annotated[
        Path, typer.Argument(help="An Envoy bootstrap, listener or route configuration; YAML or JSON.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Compare with this configuration of the guard: hosts, providers, masking.",
            envvar="EXTPROC_CONFIG",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of a table.")] = False,
) -> None:
    """Find known dangers in an Envoy configuration, and what makes every call fail.

    Exit status: 0 without an error (warnings are allowed), 1 with one.
    """
    import json

    from extproc.config.load import load_settings
    from extproc.envoy_config.lint.check_file import check_file
    from extproc.envoy_config.lint.dangers import Severity, dangers
    from extproc.supervise.children import worker_endpoint

    settings = load_settings(config) if config else None
    workers = [worker_endpoint(settings, index) for index in range(settings.workers)] if settings else []
    problems = check_file(file, settings, workers)
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in problems], indent=2))
    elif problems:
        for each in problems:
            name = typer.style(f"{each.severity} {each.danger}", fg=COLORS[each.severity], bold=True)
            typer.echo(f"{file}:{each.line}: {name}: {each.what}\n  at   {each.where or 'the whole file'}")
            typer.echo(f"  why  {each.why}\n  fix  {each.hint}\n")
    else:
        typer.echo(f"{file}: none of the {len(dangers())} known dangers")
    if any(each.severity is Severity.ERROR for each in problems):
        raise typer.Exit(1)
