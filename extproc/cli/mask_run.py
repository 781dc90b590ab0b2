"""Mask a body by the options of ``extproc mask``, and print the result."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.text import Text

from extproc.cli.mask_diff import changed_lines, changed_values, print_changes
from extproc.cli.mask_explain import explained
from extproc.cli.mask_input import FOR_TRIALS, Limits, is_text_with_fields, read_body
from extproc.cli.mask_messages import TypedBody, typed_body
from extproc.cli.mask_places import place_of_fault
from extproc.cli.mask_rules import (
    check_entities,
    make_trial_masker,
    paths_without_match,
    paths_without_use,
    rules_of_connection,
    rules_of_options,
)
from extproc.cli.options import Direction
from extproc.codecs.unreadable import Unreadable
from extproc.config.load import load_settings
from extproc.config.schema import Settings
from extproc.masking.formats import as_text, is_one, media_of
from extproc.masking.masker import Masker
from extproc.masking.stream_masker import Masked
from extproc.model.errors import ConfigError, MaskingError, PolicyInvalid, Undecodable
from extproc.model.masking import MaskOperator, MaskRule
from extproc.model.reasons import Uninspectable

JSON = "application/json"
DONE, WOULD_MASK, CANNOT_MASK = 0, 1, 2
"""Exit statuses: done; ``--check`` found something; the body cannot be masked, or the plan cannot be tried."""
EVERY_ENTITY = (MaskRule(MaskOperator.REDACT, entity="*"),)


@dataclass(frozen=True)
class MaskOptions:
    """The options of ``extproc mask``, as they were typed."""

    file: Path
    content_type: str
    encoding: str
    paths: list[str]
    entities: list[str]
    declared: list[str]
    config: Path | None
    connection: str
    direction: Direction | None
    """None: not given."""
    function: str
    descriptors: Path | None
    message: str
    method: str
    diff: bool
    explain: bool
    check: bool

    @property
    def response(self) -> bool:
        """True if the body is that of a response."""
        return self.direction is not Direction.REQUEST

    @property
    def typed(self) -> bool:
        """True if the body consists of protocol buffers messages."""
        return bool(self.message or self.method)


def run_mask(options: MaskOptions) -> int:
    """Mask the body, print what the options ask for, and return the exit status.

    Raises:
        typer.BadParameter: an unknown operator, or options that do not go together.
    """
    _refuse_mixed(options)
    try:
        return _tried(options)
    except (ConfigError, PolicyInvalid) as error:
        return _fail(f"error: {error}")
    except Unreadable as error:
        return _fail(f"cannot be masked: its encoding cannot be undone: {error.kind}: {error.remedy}")


def _refuse_mixed(options: MaskOptions) -> None:
    """Refuse options of which one would not count.

    Raises:
        typer.BadParameter: says which ones.
    """
    if options.check and options.diff:
        raise typer.BadParameter("--check prints no body, and --diff shows its values: give one of them")
    if not options.connection:
        if options.function:
            raise typer.BadParameter("--function is one of a connection: name it with --connection")
        if options.direction and not options.method:
            raise typer.BadParameter("--direction chooses a plan of a connection: name it with --connection")


def _tried(options: MaskOptions) -> int:
    """Try the plan: as ``run_mask``.

    Raises:
        ConfigError: the plan cannot be tried.
        Unreadable: the body's encoding cannot be undone.
    """
    trial = _trial(options)
    try:
        masked = trial.mask(trial.rules)
        changes = trial.changes(masked) if options.diff else []
    except MaskingError as error:
        return _fail(f"cannot be masked: {trial.place()}{error}{_type_hint(options, trial.content_type, error)}")
    for warning in _warnings(options, trial, masked):
        typer.echo(f"warning: {warning}", err=True)
    if options.explain:
        for line in explained(masked.findings, trial.rules):
            typer.echo(line, err=True)
    if options.diff:
        print_changes(changes)
    elif not options.check:
        sys.stdout.buffer.write(masked.body)
        sys.stdout.flush()
    return WOULD_MASK if options.check and masked.body != trial.body else DONE


@dataclass(frozen=True)
class _Trial:
    """A plan and a body to try it on."""

    masker: Masker
    rules: tuple[MaskRule, ...]
    body: bytes
    content_type: str
    typed: TypedBody | None
    """The form of the body, if it consists of protocol buffers messages."""

    def mask(self, rules: tuple[MaskRule, ...]) -> Masked:
        """Mask the body by some rules.

        Raises:
            MaskingError: it cannot be masked.
        """
        if self.typed:
            return self.typed.mask(self.masker, self.body, rules)
        return self.masker.mask(self.body, self.content_type, rules)

    def changes(self, masked: Masked) -> list[Text]:
        """Return a line for each change."""
        if self.typed:
            return list(self.typed.changed_fields(self.body, masked))
        if is_one(self.content_type):
            return list(changed_values(self.masker.trial(self.body, self.content_type, self.rules)))
        return list(changed_lines(self.body, masked.body))

    def place(self) -> str:
        """Return where the body cannot be read, as the beginning of an error; empty if that is not known."""
        try:
            media = None if self.typed else media_of(self.content_type, ascii_only=self.body.isascii())
        except MaskingError:
            return ""
        if media is None:
            return ""
        masker = self.masker
        place = place_of_fault(self.body, media, max_depth=masker.max_depth, show_key=masker.shown_key)
        return f"{place}: " if place else ""


def _trial(options: MaskOptions) -> _Trial:
    """Make the plan, and read the body.

    Raises:
        ConfigError: the plan cannot be tried, or the body cannot be read.
        Unreadable: the body's encoding cannot be undone.
    """
    settings = load_settings(options.config) if options.config else None
    masker, rules = _plan(options, settings)
    check_entities(rules, masker.entities)
    typed = _typed_body(options, settings) if options.typed else None
    encoding = "" if typed else options.encoding
    body, content_type = read_body(options.file, options.content_type, encoding, _limits(options, settings))
    if settings and options.connection:
        content_type = as_text(content_type, settings.connections[options.connection].masking.text_types)
    return _Trial(masker, rules, body, content_type, typed)


def _warnings(options: MaskOptions, trial: _Trial, masked: Masked) -> Iterator[str]:
    """Yield a line for each rule with a path that does nothing."""
    useless = [] if trial.typed else paths_without_use(trial.rules, trial.body, trial.content_type)
    for path in useless:
        yield f"the rule for {path} does nothing: text that is not JSON has no paths"
    asked = [rule for rule in rules_of_options(options.paths, [], []) if rule.path not in useless]
    for path in paths_without_match(asked, masked.findings, trial.mask):
        yield f"the rule for {path} does nothing: no value is there, or only null"


def _limits(options: MaskOptions, settings: Settings | None) -> Limits:
    """Return the limits of the configuration, if one is named."""
    if settings is None:
        return FOR_TRIALS
    limits = settings.limits
    largest = limits.response_body if options.response else limits.request_body
    return Limits(largest, limits.decoded_ratio, streams=options.response)


def _plan(options: MaskOptions, settings: Settings | None) -> tuple[Masker, tuple[MaskRule, ...]]:
    """Make the masker, and collect the rules of the command line and of the connection.

    Raises:
        ConfigError: an unknown connection, or an invalid configuration.
    """
    rules = rules_of_options(options.paths, options.entities, options.declared)
    if options.connection and not options.config:
        raise ConfigError(
            f"which configuration has the connection {options.connection!r}?", hint="name it with --config"
        )
    if settings and options.connection:
        function = options.function or options.method
        rules += rules_of_connection(settings, options.connection, function, response=options.response)
    elif not rules:
        rules = EVERY_ENTITY
    return make_trial_masker(settings, options.config), rules


def _typed_body(options: MaskOptions, settings: Settings | None) -> TypedBody:
    return typed_body(
        options.descriptors,
        options.message,
        options.method,
        encoding=options.encoding,
        settings=settings,
        connection=options.connection,
        response=options.response,
    )


def _type_hint(options: MaskOptions, content_type: str, error: MaskingError) -> str:
    """Say how to name the type, where JSON was only a guess."""
    guessed = not options.content_type and ".json" not in options.file.suffixes and content_type == JSON
    no_json = isinstance(error, Undecodable) and error.kind is Uninspectable.NOT_JSON
    if not guessed or options.typed or not no_json:
        return ""
    if is_text_with_fields(options.file):
        return "; it is not JSON: name its type with --type text/plain, which finds entities, but has no paths"
    return "; if it is not JSON, name its type with --type"


def _fail(message: str) -> int:
    typer.echo(message, err=True)
    return CANNOT_MASK
