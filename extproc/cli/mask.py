"""``extproc mask``: try a masking plan on a file or standard input."""

import sys
from difflib import unified_diff
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.text import Text

    from extproc.cli.mask_messages import TypedBody
    from extproc.masking.masker import Masker, Trial
    from extproc.model.masking import Finding, MaskOperator, MaskRule

STANDARD_INPUT = Path("-")
JSON = "application/json"
WOULD_MASK, CANNOT_MASK = 1, 2
"""Exit statuses of ``--check``, and of what cannot be masked at all, or tried."""
AROUND = 40
"""Characters shown on each side of a change."""


class Direction(StrEnum):
    """Which of a connection's plans is tried."""

    REQUEST = "request"
    RESPONSE = "response"


def mask(  # noqa: PLR0917 - each is an option of the command line
    file: Annotated[Path, typer.Argument(help="The body; - reads standard input.")] = STANDARD_INPUT,
    content_type: Annotated[
        str,
        typer.Option("--type", help="Its content-type. If not given: by its name (a.txt, a.jsonl.gz), or JSON."),
    ] = "",
    path: Annotated[list[str] | None, typer.Option(help="Mask the field at a path: PATH or PATH=HOW.")] = None,
    entity: Annotated[list[str] | None, typer.Option(help="Mask an entity: NAME or NAME=HOW; * is all.")] = None,
    declare: Annotated[list[str] | None, typer.Option(help="Allow-list mode: a path that may pass.")] = None,
    config: Annotated[Path | None, typer.Option(help="Take the plan and entities of a configuration.")] = None,
    connection: Annotated[str, typer.Option(help="Of which connection.")] = "",
    direction: Annotated[Direction, typer.Option(help="Of which of its plans.")] = Direction.RESPONSE,
    diff: Annotated[bool, typer.Option(help="Show each change, with the entity it was.")] = False,
    explain: Annotated[bool, typer.Option(help="List what was found, where, and how it was masked.")] = False,
    check: Annotated[bool, typer.Option(help="Print no body; exit with 1 if anything would be masked.")] = False,
    descriptors: Annotated[Path | None, typer.Option(help="Descriptor set of protocol buffers.")] = None,
    message: Annotated[str, typer.Option(help="The body is one message of this type: shop.v1.Item.")] = "",
    method: Annotated[str, typer.Option(help="It is a gRPC body of this method: shop.v1.Inventory/GetItem.")] = "",
    encoding: Annotated[str, typer.Option(help="Its content-encoding, or its messages' grpc-encoding.")] = "",
) -> None:
    """Try a masking plan: print the masked body.

    Without rules, all entities are redacted. Ways are redact, partial, remove and pseudonym; pseudonyms are made
    with a key for trials. Exit status 2: the body cannot be masked, and a call with it would be refused.
    """
    from extproc.cli.mask_input import read_body
    from extproc.codecs.unreadable import Unreadable
    from extproc.masking.formats import is_one
    from extproc.model.errors import ConfigError, MaskingError

    guessed = not content_type and ".json" not in file.suffixes
    try:
        masker, rules = _plan(config, connection, direction, [*_rules(path, entity), *_declared(declare)])
        body, content_type = read_body(file, content_type, "" if message or method else encoding)
    except ConfigError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(CANNOT_MASK) from None
    except Unreadable as error:
        _refused(f"its encoding cannot be undone: {error.kind}")
    if message or method:
        from extproc.cli.mask_messages import typed_body

        typed = typed_body(
            descriptors,
            message,
            method,
            encoding=encoding,
            config=config,
            connection=connection,
            response=direction is Direction.RESPONSE,
        )
        _print_typed(typed, masker, body, rules, diff=diff, explain=explain, check=check)
        return
    try:
        masked = masker.mask(body, content_type, rules)
        trial = masker.trial(body, content_type, rules) if diff and is_one(content_type) else None
    except MaskingError as error:
        unknown = guessed and content_type == JSON
        _refused(f"{error}; if it is something else, name its type with --type" if unknown else str(error))
    if explain:
        _explain(masked.findings)
    if trial is not None:
        _show(trial)
    elif diff:
        _show_lines(body, masked.body)
    elif not check:
        sys.stdout.buffer.write(masked.body)
        sys.stdout.flush()
    if check and masked.body != body:
        raise typer.Exit(WOULD_MASK)


def _refused(why: str) -> NoReturn:
    typer.echo(f"cannot be masked: {why}", err=True)
    raise typer.Exit(CANNOT_MASK)


def _print_typed(
    typed: "TypedBody",
    masker: "Masker",
    body: bytes,
    rules: "tuple[MaskRule, ...]",
    *,
    diff: bool,
    explain: bool,
    check: bool,
) -> None:
    """As for text, of a body of messages."""
    from extproc.model.errors import MaskingError

    try:
        masked = typed.mask(masker, body, rules)
    except MaskingError as error:
        _refused(str(error))
    if explain:
        _explain(masked.findings)
    if diff:
        typed.show(body, masked)
    elif not check:
        sys.stdout.buffer.write(masked.body)
        sys.stdout.flush()
    if check and masked.body != body:
        raise typer.Exit(WOULD_MASK)


def _plan(
    config: Path | None, connection: str, direction: Direction, more: "list[MaskRule]"
) -> "tuple[Masker, tuple[MaskRule, ...]]":
    """The masker, and the rules of the command line beside those of the configuration.

    Raises:
        ConfigError: no such connection, or a configuration that is wrong.
    """
    from extproc.assembly.make_connection import masking_plan
    from extproc.assembly.make_masker import make_detectors
    from extproc.config.load import adding_places, load_settings
    from extproc.detectors.analyzer import Analyzer
    from extproc.masking.masker import Masker
    from extproc.model.errors import ConfigError
    from extproc.model.masking import MaskOperator, MaskRule

    if connection and not config:
        raise ConfigError(f"of which configuration is connection {connection!r}?", hint="name it with --config")
    settings = load_settings(config) if config else None
    rules = tuple(more)
    if settings and connection:
        if connection not in settings.connections:
            raise ConfigError(f"no connection {connection!r} in {config}", hint=", ".join(settings.connections))
        plan = masking_plan(settings.connections[connection].masking)
        rules += plan.request if direction is Direction.REQUEST else plan.response
    detectors = Analyzer()
    if settings and config:
        with adding_places(config):
            detectors = make_detectors(settings.masking.detectors, settings.masking.presidio)
    masker = Masker(
        detectors,
        pseudonym_key=b"a key for trials",
        pseudonym_key_id="trial",
        max_depth=settings.limits.json_depth if settings else 64,
        event_limit=settings.limits.event if settings else 1 << 20,
    )
    return masker, rules or (() if connection else (MaskRule(MaskOperator.REDACT, entity="*"),))


def _rules(paths: list[str] | None, entities: list[str] | None) -> "list[MaskRule]":
    from extproc.model.masking import MaskRule

    made = [MaskRule(how, path=target) for target, how in map(_how, paths or ())]
    return made + [MaskRule(how, entity=target) for target, how in map(_how, entities or ())]


def _how(option: str) -> tuple[str, "MaskOperator"]:
    from extproc.model.masking import MaskOperator

    target, _, how = option.rpartition("=") if "=" in option else (option, "", "redact")
    if how not in set(MaskOperator):
        raise typer.BadParameter(f"{how!r} is no way to mask: {', '.join(MaskOperator)}")
    return target, MaskOperator(how)


def _declared(paths: list[str] | None) -> "tuple[MaskRule, ...]":
    from extproc.assembly.make_connection import masking_plan
    from extproc.settings.masking import DeclaredSettings, MaskingSettings

    if not paths:
        return ()
    return masking_plan(MaskingSettings(response=[], declared=DeclaredSettings(response=paths))).response


def _explain(findings: "tuple[Finding, ...]") -> None:
    for each in findings:
        typer.echo(f"{each.entity}\t{each.path}\t{each.how or 'not masked'}\t{each.count}", err=True)


def _show(trial: "Trial") -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for edit in trial.edits:
        console.print(_change(trial.text, edit.start, edit.end, edit.text, edit.entity))


def _show_lines(body: bytes, masked: bytes) -> None:
    """Several documents: their lines that change, before and after."""
    from rich.console import Console
    from rich.text import Text

    from extproc.console.printable import printable

    console = Console(highlight=False, soft_wrap=True)
    before, after = (each.decode("utf-8", "replace").splitlines() for each in (body, masked))
    for line in unified_diff(before, after, n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            console.print(Text(line[0] + printable(line[1:]), "red" if line[0] == "-" else "green"))


def _change(text: str, start: int, end: int, replacement: str, entity: str) -> "Text":
    """One line: what stood there in red, what comes in its place in green, and the entity."""
    from rich.text import Text

    from extproc.console.printable import printable

    line = Text()
    line.append(printable(text[max(0, start - AROUND) : start]), "dim")
    line.append(f"[-{printable(text[start:end])}-]", "red")
    line.append(f"{{+{printable(replacement)}+}}", "green")
    line.append(printable(text[end : end + AROUND]), "dim")
    line.append(f"  {entity}", "bold yellow")
    return line
